//! `wattgrad bench`: time, work and energy of anyone's kernel.

mod args;
mod check;
mod constants;
mod inputs;
mod npy;
mod result;
mod values;
mod watchdog;

use std::path::Path;

use crate::device::{Gpu, GpuOptions};
use crate::energy::Meter;
use crate::files::writable;
use crate::lab::roofline::{Roofline, RooflineDevice};
use crate::lab::{Kernel, KernelError, KernelLaunch, KernelOutputs};

use super::failure::Failure;
use super::global::Global;
use super::measure::ratio::Ratio;
use super::output::{self, say};
use inputs::Data;
use result::{Bench, Device, Figures, Versus};
use watchdog::Watchdog;

pub use args::Args;

impl From<KernelError> for Failure {
    fn from(error: KernelError) -> Self {
        match error {
            KernelError::Device(error) => error.into(),
            KernelError::Differs { .. } => Self::failed(error),
            _ => Self::misuse(error),
        }
    }
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    args.verify()?;
    let meter_options = global.meter_options(None)?;
    if let Some(path) = &args.export_markdown {
        writable(path).map_err(|error| Failure::cannot_write(path, &error))?;
    }
    let gpu = Gpu::open(&GpuOptions {
        adapter: global.adapter.clone(),
        ..Default::default()
    })?;
    let first = compile(&gpu, args, &args.file)?;
    let data = inputs::data(
        &first.name,
        first.kernel.bindings(),
        &args.inputs,
        args.seed,
    )?;
    let expected = check::expected(args, &first.kernel, &data)?;
    let second = args
        .against
        .as_deref()
        .map(|file| compile(&gpu, args, file))
        .transpose()?;
    if let Some(second) = &second {
        // The same names with the same types take the same data.
        inputs::data(
            &second.name,
            second.kernel.bindings(),
            &args.inputs,
            args.seed,
        )?;
    }
    let watchdog = Watchdog::start(args.timeout);
    let meter = Meter::open(&meter_options, None)?;
    let roofline = Roofline::kept(&RooflineDevice::of(&gpu.adapter));
    let roofline = roofline.as_ref();
    let mut bench = Bench::new(Device::of(&gpu), &data);

    let (grid, other_grid) = (args.workgroups(&first.kernel), &second);
    let one = Candidate::prepare(&first, &data, grid, args, global)?;
    let mut comparisons = check::compare(&one.outputs, &expected, args.tolerance)?;
    bench.checked.append(&mut comparisons);
    let Some(second) = other_grid else {
        let launch = one.launch(&data)?;
        watchdog.stop();
        let timing = launch.time(args.runs)?;
        bench
            .kernels
            .push(Figures::new(&one, &launch, timing, &meter, roofline, args)?);
        return finish(&bench, args);
    };
    let other_grid = args
        .against_grid
        .unwrap_or_else(|| args.workgroups(&second.kernel));
    let two = Candidate::prepare(second, &data, other_grid, args, global)?;
    check::compare(&two.outputs, &expected, args.tolerance)?;
    bench.agreement = check::agree(&one.outputs, &two.outputs, args.tolerance)
        .map_err(|why| Failure::failed(format!("{}: {why}", second.name)))?;
    let launches = [&one.launch(&data)?, &two.launch(&data)?];
    watchdog.stop();
    let timings = KernelLaunch::time_in_turns(launches, args.runs)?;
    let ratio = Ratio::of_pairs(&timings[1].samples, &timings[0].samples, 0.0);
    for ((candidate, launch), timing) in [&one, &two].into_iter().zip(launches).zip(timings) {
        bench.kernels.push(Figures::new(
            candidate, launch, timing, &meter, roofline, args,
        )?);
    }
    bench.versus = Some(Versus::new(
        &second.name,
        &first.name,
        ratio,
        &bench.kernels,
    ));
    finish(&bench, args)
}

fn finish(bench: &Bench, args: &Args) -> Result<u8, Failure> {
    if let Some(path) = &args.export_markdown {
        output::write(path, &bench.markdown())?;
    }
    if args.json {
        output::print_json(bench)?;
    } else {
        output::print_text(&bench.text())?;
    }
    Ok(0)
}

/// A kernel of a file.
struct Compiled<'g> {
    /// The file's name.
    name: String,
    kernel: Kernel<'g>,
}

fn compile<'g>(gpu: &'g Gpu, args: &Args, path: &Path) -> Result<Compiled<'g>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::misuse(format!(
            "cannot read {} ({error}): name a WGSL file",
            path.display()
        ))
    })?;
    let name = path.file_name().unwrap_or(path.as_os_str());
    let name = name.to_string_lossy().into_owned();
    let known = |(constant, _): &&(String, String)| text.contains(constant.as_str());
    // Of two kernels each takes the constants that it has.
    let values: Vec<_> = match args.against {
        Some(_) => args.constants.iter().filter(known).cloned().collect(),
        None => args.constants.clone(),
    };
    let text = constants::set(&name, &text, &values)?;
    let kernel = Kernel::new(gpu, &name, &text)?;
    Ok(Compiled { name, kernel })
}

/// A kernel that ran once, and how it is timed.
pub struct Candidate<'g> {
    name: String,
    kernel: Kernel<'g>,
    workgroups: [u32; 3],
    outputs: KernelOutputs,
    /// Whether it is timed with runtime checks, and why.
    checks: Checks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checks {
    Off,
    Requested,
    /// Without them the kernel gives another result.
    Needed,
}

impl<'g> Candidate<'g> {
    /// Runs the kernel with runtime checks and, unless they are requested, without them.
    fn prepare(
        compiled: &Compiled<'g>,
        data: &[Data],
        workgroups: [u32; 3],
        args: &Args,
        global: &Global,
    ) -> Result<Self, Failure> {
        let bound = bind(&compiled.kernel, data);
        let checked = compiled.kernel.bind(&bound, workgroups)?;
        let outputs = checked.run()?;
        let candidate = |kernel, checks| Self {
            name: compiled.name.clone(),
            kernel,
            workgroups,
            outputs: outputs.clone(),
            checks,
        };
        if args.checks {
            return Ok(candidate(compiled.kernel.clone(), Checks::Requested));
        }
        // SAFETY: nobody can promise this for a text of a stranger. The checked run has ended, so loops end; a write
        // beyond the end of a binding is found below; and the user reads in the output that the checks are off.
        let kernel = unsafe { compiled.kernel.without_checks() }?;
        let same = kernel.bind(&bound, workgroups)?.run()? == outputs;
        if same {
            return Ok(candidate(kernel, Checks::Off));
        }
        say(
            global,
            &format!(
                "{}: without runtime checks the outputs differ, so the checks stay on",
                compiled.name
            ),
        );
        Ok(candidate(compiled.kernel.clone(), Checks::Needed))
    }

    fn launch(&self, data: &[Data]) -> Result<KernelLaunch<'_>, Failure> {
        Ok(self
            .kernel
            .bind(&bind(&self.kernel, data), self.workgroups)?)
    }
}

/// The data of the bindings of a kernel.
fn bind<'d>(kernel: &Kernel<'_>, data: &'d [Data]) -> Vec<(&'d str, crate::lab::BindingData<'d>)> {
    let names: Vec<&str> = kernel.bindings().iter().map(|b| b.name.as_str()).collect();
    let used = data
        .iter()
        .filter(|data| names.contains(&data.name.as_str()));
    used.map(|data| (data.name.as_str(), data.values.data()))
        .collect()
}

impl Args {
    fn verify(&self) -> Result<(), Failure> {
        let above = |flag: &str, value: f64, zero: bool| {
            let fine = value.is_finite() && (value > 0.0 || (zero && value == 0.0));
            let least = if zero { "0 or more" } else { "above 0" };
            fine.then_some(())
                .ok_or_else(|| Failure::misuse(format!("{flag} must be {least}, got {value}")))
        };
        above("--tolerance", self.tolerance, true)?;
        above("--energy-seconds", self.energy_seconds, false)?;
        above("--timeout", self.timeout, false)?;
        if self.grid.is_none() && self.threads.is_none() {
            return Err(Failure::misuse(
                "the size of the launch is not given: use --threads 1024x1024, or --grid 64x64 in workgroups",
            ));
        }
        Ok(())
    }

    fn workgroups(&self, kernel: &Kernel<'_>) -> [u32; 3] {
        let threads = self.threads.unwrap_or([1; 3]);
        let size = kernel.workgroup_size();
        let rounded = std::array::from_fn(|at| threads[at].div_ceil(size[at].max(1)));
        self.grid.unwrap_or(rounded)
    }
}
