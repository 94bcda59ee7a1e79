//! A kernel of the roofline with its data, ready to repeat.

use crate::device::{BindingKind, Bound, DeviceError, Gpu, Memory, Step, Texel};
use crate::kernels::count::{Counted, Counter, Inputs};
use crate::lab::error::KernelError;
use crate::lab::replay::{Replay, SUBMISSION_SECONDS, Samples};

use super::kernels::{CHAIN, Place};

/// Elements of the block of random numbers that fills a probe's data.
const BLOCK: usize = 1 << 18;

/// What a binding of a probe binds.
#[derive(Clone, Copy, Debug)]
pub enum Operand {
    /// Read: primed with random numbers, so that no page of it is the system's page of zeros.
    Read(Place, u64),
    /// Written.
    Write(Place, u64),
}

/// A kernel of the roofline with its data.
#[derive(Debug)]
pub struct Probe<'g> {
    gpu: &'g Gpu,
    /// The kernel in words.
    pub name: String,
    step: [Step; 1],
    /// Of a launch.
    pub work: Counted,
}

impl<'g> Probe<'g> {
    /// Compiles `wgsl` for `grid` workgroups with `loops` turns of its loop.
    ///
    /// # Errors
    /// The driver refuses the kernel or the memory.
    pub(super) fn new(
        gpu: &'g Gpu,
        name: impl Into<String>,
        wgsl: &str,
        operands: &[Operand],
        grid: u32,
        loops: u32,
    ) -> Result<Self, KernelError> {
        let name = name.into();
        let words = [loops, 0, CHAIN[0].to_bits(), CHAIN[1].to_bits()];
        let mut memory = vec![gpu.uniform("sizes", &words)];
        let mut kinds = vec![BindingKind::Uniform];
        for operand in operands {
            let (Operand::Read(place, bytes) | Operand::Write(place, bytes)) = *operand;
            let each = gpu.allocate(&name, bytes, place.texel());
            kinds.push(match (operand, place) {
                (Operand::Read(..), Place::Buffer) => BindingKind::StorageRead,
                (Operand::Write(..), Place::Buffer) => BindingKind::StorageReadWrite,
                (Operand::Read(..), Place::Image) => BindingKind::ImageRead(Texel::F32),
                (Operand::Write(..), Place::Image) => BindingKind::ImageWrite(Texel::F32),
            });
            if matches!(operand, Operand::Read(..)) {
                prime(gpu, &each);
            }
            memory.push(each);
        }
        // Reports memory that could not be allocated before it is bound.
        gpu.check()?;
        // SAFETY: grids are made for the sizes of the operands (`peaks`, `energy`), loops are counted, and
        // workgroup memory is written before it is read.
        let pipeline = unsafe { gpu.unchecked_pipeline(&name, wgsl, &kinds) }?;
        let bound: Vec<Bound<'_>> = memory.iter().map(Bound::whole).collect();
        let command = gpu.command(&name, pipeline, &bound, [grid, 1, 1]);
        gpu.check()?;
        let inputs = Inputs {
            sizes: &words,
            workgroups: [grid, 1, 1],
            passes: None,
            others: &[],
        };
        let counted = Counter::of(wgsl).and_then(|counter| counter.count(&inputs));
        let work = counted.map_err(|error| KernelError::Kernel {
            kernel: name.clone(),
            problem: error.to_string(),
        })?;
        Ok(Self {
            gpu,
            name,
            step: [Step::Fixed(command)],
            work,
        })
    }

    /// Its one dispatch.
    pub fn commands(&self) -> &[Step] {
        &self.step
    }

    /// The probe as a list to repeat.
    pub fn replay(&self) -> Replay<'_> {
        Replay::new(self.gpu, &self.step)
    }

    /// Times `samples` submissions of about 20 ms; returns them and the launches of each.
    pub(super) fn time(&self, samples: u32) -> Result<(Samples, u32), DeviceError> {
        let replay = self.replay();
        let times = replay.warm_up(SUBMISSION_SECONDS)?;
        let mut taken = Samples::default();
        for _ in 0..samples {
            replay.sample(times, &mut taken)?;
        }
        Ok((taken, times))
    }
}

/// Fills memory with a repeated block of normally distributed numbers.
fn prime(gpu: &Gpu, memory: &Memory) {
    let mut state = 0x9e37_79b9_u32;
    let mut uniform = || {
        // xorshift32 suffices: the values only have to be ordinary.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (f64::from(state) + 0.5) / 4_294_967_296.0
    };
    let pairs = (0..BLOCK / 2).flat_map(|_| {
        let (radius, angle) = (
            (-2.0 * uniform().ln()).sqrt(),
            std::f64::consts::TAU * uniform(),
        );
        [(radius * angle.cos()) as f32, (radius * angle.sin()) as f32]
    });
    let block: Vec<f32> = pairs.collect();
    let block: &[u8] = bytemuck::cast_slice(&block);
    let mut at = 0;
    while at < memory.bytes() {
        let bytes = (memory.bytes() - at).min(block.len() as u64) as usize;
        gpu.write(memory, at, &block[..bytes]);
        at += bytes as u64;
    }
}
