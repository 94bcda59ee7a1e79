//! Runs lists of dispatches on a device and compares their results.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, Index};
use std::rc::Rc;

use super::findings::{Failure, Findings};
use super::guard::Guard;
use super::inputs::Inputs;
use super::origins::{Origin, origins};
use super::prepared::{Prepared, composition};
use crate::device::{Gpu, PipelineCache};
use crate::kernels::{List, Storage, Tensor, Tuning};

/// How the lists are run.
#[derive(Clone, Debug, Default)]
pub struct ExamOptions {
    /// Run only the lists that use this shader file, `family/kernel`; `None`: all.
    pub kernel: Option<String>,
    /// Run each list twice and compare the bits.
    pub twice: bool,
    /// Run no further list after the first failure.
    pub fail_fast: bool,
    /// Announces each compilation and each run.
    pub guard: Rc<Guard>,
}

/// Runs the lists of the suites on a device and keeps what it finds.
#[derive(Debug)]
pub struct Examiner<'a> {
    gpu: &'a Gpu,
    pipelines: PipelineCache,
    options: ExamOptions,
    suite: &'static str,
    findings: Findings,
}

/// The words of every tensor after a run.
#[derive(Debug)]
pub struct Outcome {
    words: BTreeMap<Tensor, Vec<u32>>,
    origins: BTreeMap<Tensor, Rc<Origin>>,
    /// Whether the list ran; if not, all words are zero and no comparison counts.
    ran: bool,
}

/// Values of a tensor, or computed from it.
#[derive(Debug)]
pub struct Values {
    origin: Option<Rc<Origin>>,
    values: Vec<f64>,
    /// The first element of the padding that is not zero: (row, value).
    padding: Option<(usize, f64)>,
}

impl Deref for Values {
    type Target = Vec<f64>;

    fn deref(&self) -> &Vec<f64> {
        &self.values
    }
}

impl Index<&Tensor> for Outcome {
    type Output = Vec<u32>;

    fn index(&self, tensor: &Tensor) -> &Vec<u32> {
        &self.words[tensor]
    }
}

impl Outcome {
    /// The values of a tensor with rows of `width`, without the padding, which must be zero.
    #[must_use]
    pub fn rows(&self, tensor: Tensor, width: usize) -> Values {
        let (mut values, mut padding) = (vec![], None);
        for (at, row) in self[&tensor].chunks(width.next_multiple_of(4)).enumerate() {
            let mut row = row.iter().map(|&word| f64::from(f32::from_bits(word)));
            values.extend(row.by_ref().take(width));
            if let Some(value) = row.find(|value| *value != 0.0) {
                padding.get_or_insert((at, value));
            }
        }
        Values {
            padding,
            ..self.derived(tensor, values)
        }
    }

    /// Values that were computed from a tensor.
    #[must_use]
    pub fn derived(&self, tensor: Tensor, values: Vec<f64>) -> Values {
        Values {
            origin: self.ran.then(|| Rc::clone(&self.origins[&tensor])),
            values,
            padding: None,
        }
    }

    /// Whether the list ran; if not, all words are zero and no comparison counts.
    #[must_use]
    pub fn ran(&self) -> bool {
        self.ran
    }

    /// The f32 values of a tensor, padding included.
    #[must_use]
    pub fn floats(&self, tensor: Tensor) -> Vec<f32> {
        let words = self[&tensor].iter();
        words.map(|&word| f32::from_bits(word)).collect()
    }

    /// Whether each of the f32 values at `places` of a tensor is finite, as 1 or 0.
    #[must_use]
    pub fn finite(&self, tensor: Tensor, places: &[usize]) -> Values {
        let finite = |at: &usize| f32::from_bits(self[&tensor][*at]).is_finite();
        let flags = places.iter().map(|at| f64::from(u8::from(finite(at))));
        self.derived(tensor, flags.collect())
    }

    /// Integers of a tensor.
    #[must_use]
    pub fn integers(&self, tensor: Tensor, range: std::ops::Range<usize>) -> Values {
        let words = self[&tensor][range].iter();
        self.derived(tensor, words.map(|&word| f64::from(word)).collect())
    }
}

/// The storage of the tensors, and how the work is divided.
pub type Way = (Storage, Tuning);

/// A tuning without products.
#[must_use]
pub fn tuning(lanes: u32, fill: u32) -> Tuning {
    Tuning {
        name: "conformance".into(),
        texel: None,
        lanes,
        reduction_lanes: lanes,
        fill,
        gemm: vec![],
    }
}

impl<'a> Examiner<'a> {
    /// An examiner that compiles kernels into `pipelines`.
    #[must_use]
    pub fn new(gpu: &'a Gpu, pipelines: PipelineCache, options: ExamOptions) -> Self {
        Self {
            gpu,
            pipelines,
            suite: "",
            findings: Findings {
                examined: options.kernel.clone(),
                ..Findings::default()
            },
            options,
        }
    }

    /// What was found, and the compiled kernels.
    #[must_use]
    pub fn finish(self) -> (Findings, PipelineCache) {
        (self.findings, self.pipelines)
    }

    /// What was found so far.
    #[must_use]
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Names the suite of the lists that follow.
    pub fn begin(&mut self, suite: &'static str) {
        self.suite = suite;
    }

    /// Whether no further list runs: after a failure that ends the examination, or without a device.
    #[must_use]
    pub fn stopped(&self) -> bool {
        (self.options.fail_fast && !self.findings.failures.is_empty())
            || self.findings.device_error.is_some()
    }

    /// Lanes per subgroup where the `texel` kernels run here.
    #[must_use]
    pub fn texel_lanes(&self) -> Option<u32> {
        self.gpu.texel_lanes()
    }

    /// The storages that this device can run: buffers, and images where the `texel` kernels run.
    #[must_use]
    pub fn storages(&self) -> Vec<Storage> {
        let images = self.texel_lanes().map(|_| Storage::Image);
        std::iter::once(Storage::Buffer).chain(images).collect()
    }

    /// The two configurations of every kernel without a choice of cores: storage of the tensors and division of the work.
    #[must_use]
    pub fn ways(&self) -> Vec<Way> {
        let images = self.texel_lanes().map(|_| (Storage::Image, tuning(24, 2)));
        std::iter::once((Storage::Buffer, tuning(64, 16)))
            .chain(images)
            .collect()
    }

    /// Runs a list and reads every tensor. A list that cannot run, or that writes outside its tensors, is a failure.
    pub fn run(&mut self, list: &List, given: &[(Tensor, Vec<u32>)], storage: Storage) -> Outcome {
        let skipped = self.options.kernel.as_deref().is_some_and(|kernel| {
            let mut dispatches = list.dispatches.iter();
            !dispatches.any(|d| d.shader == kernel || d.slots.iter().any(|(_, s)| *s == kernel))
        });
        if skipped || self.stopped() {
            return Outcome::unusable(list);
        }
        self.findings.lists += 1;
        let prepared = Prepared::new(
            self.gpu,
            &mut self.pipelines,
            list,
            given,
            storage,
            &self.options.guard,
        );
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(refused) => {
                let dispatch = &list.dispatches[refused.dispatch];
                let slots = dispatch.slots.iter().map(|(_, name)| *name);
                self.fail(Failure {
                    suite: self.suite,
                    case: dispatch.label.clone(),
                    kernels: std::iter::once(dispatch.shader).chain(slots).collect(),
                    variant: dispatch.variant.clone(),
                    storage,
                    inputs: Inputs::default(),
                    reason: refused.why,
                    element: None,
                });
                return Outcome::unusable(list);
            }
        };
        let variants = self.findings.variants.entry(self.suite).or_default();
        variants.extend(list.dispatches.iter().map(|d| d.variant.clone()));
        for (dispatch, composed) in list.dispatches.iter().zip(&prepared.composed) {
            let texts = &mut self.findings.texts;
            if !texts.contains_key(&composed.wgsl) {
                texts.insert(composed.wgsl.clone(), (dispatch.shader, storage));
            }
        }
        let origins = origins(list, &prepared.composed, given, storage);
        let names: BTreeSet<String> = list
            .dispatches
            .iter()
            .map(|d| composition(d, storage))
            .collect();
        let names: Vec<String> = names.into_iter().collect();
        let guard = Rc::clone(&self.options.guard);
        let executed = guard.limited(&format!("run {}", names.join(", ")), || {
            self.execute(&prepared, &origins)
        });
        let (reason, lost) = match executed {
            Ok(Ok(words)) => {
                return Outcome {
                    words,
                    origins,
                    ran: true,
                };
            }
            Ok(Err(error)) => (error.to_string(), true),
            Err(left_out) => (left_out, false),
        };
        let all = list.dispatches.iter();
        let kernels: BTreeSet<&str> = all
            .flat_map(|d| std::iter::once(d.shader).chain(d.slots.iter().map(|(_, name)| *name)))
            .collect();
        if lost {
            self.findings.device_error = Some(reason.clone());
        }
        self.fail(Failure {
            suite: self.suite,
            case: list.dispatches[0].label.clone(),
            kernels: kernels.into_iter().collect(),
            variant: String::new(),
            storage,
            inputs: Inputs::default(),
            reason,
            element: None,
        });
        Outcome::unusable(list)
    }

    /// Runs the list, twice where the options say so, and reports what was written outside its tensors and what differs.
    fn execute(
        &mut self,
        prepared: &Prepared,
        origins: &BTreeMap<Tensor, Rc<Origin>>,
    ) -> Result<BTreeMap<Tensor, Vec<u32>>, crate::device::DeviceError> {
        prepared.run(self.gpu, 1)?;
        let (words, outside) = prepared.read(self.gpu)?;
        for (tensor, at) in outside {
            let reason = format!("word {at}, outside the tensor, was written");
            self.fail_of(&origins[&tensor], "guard words", reason, None);
        }
        if self.options.twice {
            prepared.reset(self.gpu);
            prepared.run(self.gpu, 1)?;
            let (again, _) = prepared.read(self.gpu)?;
            for (tensor, first) in &words {
                let second = &again[tensor];
                let differs = (0..first.len()).find(|at| first[*at] != second[*at]);
                self.findings.repeated += 1;
                if let Some(at) = differs {
                    let reason = format!(
                        "word {at} was {:#010x} in the first run and {:#010x} in the second",
                        first[at], second[at]
                    );
                    self.fail_of(&origins[tensor], "the same bits twice", reason, None);
                }
            }
        }
        Ok(words)
    }

    /// Compares values with the expected ones: each within its bound, NaN where NaN is expected, and zero padding.
    pub fn close(
        &mut self,
        what: &str,
        got: &Values,
        expected: &[f64],
        bound: impl Fn(usize) -> f64,
    ) {
        debug_assert_eq!(got.len(), expected.len(), "{what}");
        let Some(origin) = &got.origin else { return };
        self.findings.elements += got.len() as u64;
        let fits = |i: usize| {
            let (got, expected) = (got[i], expected[i]);
            got == expected
                || (got.is_nan() && expected.is_nan())
                || (got - expected).abs() <= bound(i)
        };
        if let Some(i) = (0..got.len()).find(|i| !fits(*i)) {
            let element = (i, got[i], expected[i], bound(i));
            return self.fail_of(origin, what, String::new(), Some(element));
        }
        if let Some((row, value)) = got.padding {
            let reason = format!("the padding of row {row} is {value} instead of 0");
            return self.fail_of(origin, what, reason, None);
        }
        self.findings.comparisons += 1;
        for kernel in &origin.kernels {
            let of = (*kernel, origin.storage);
            let tally = self.findings.tallies.entry(of).or_default();
            tally.with(origin.inputs).passed += 1;
        }
    }

    fn fail_of(
        &mut self,
        origin: &Origin,
        what: &str,
        reason: String,
        element: Option<(usize, f64, f64, f64)>,
    ) {
        self.fail(Failure {
            suite: self.suite,
            case: format!("{what}, tensor {:?}", origin.tensor),
            kernels: origin.kernels.clone(),
            variant: origin.variant.clone(),
            storage: origin.storage,
            inputs: origin.inputs,
            reason,
            element: element.map(Into::into),
        });
    }

    fn fail(&mut self, failure: Failure) {
        for kernel in &failure.kernels {
            let of = (*kernel, failure.storage);
            let tally = self.findings.tallies.entry(of).or_default();
            tally.with(failure.inputs).failed += 1;
        }
        self.findings.failures.push(failure);
    }
}

impl Outcome {
    fn unusable(list: &List) -> Outcome {
        let zeros = list
            .tensors
            .iter()
            .map(|info| vec![0; info.bytes() as usize / 4]);
        Outcome {
            words: zeros
                .enumerate()
                .map(|(at, words)| (Tensor(at), words))
                .collect(),
            origins: BTreeMap::new(),
            ran: false,
        }
    }
}
