//! Prebuilt commands: a dispatch with its pipeline, bind group and grid resolved, and the submission of many.

use std::sync::Arc;

use super::gpu::Gpu;
use super::memory::{Memory, Readback, Submission};
use super::pipeline::Pipeline;
use super::stopwatch::Stopwatch;

/// What a binding binds: `bytes` of a buffer from `offset` on, or the whole of an image.
#[derive(Clone, Copy, Debug)]
pub struct Bound<'a> {
    /// The buffer or image.
    pub memory: &'a Memory,
    /// First byte of a buffer.
    pub offset: u64,
    /// Bytes of a buffer.
    pub bytes: u64,
}

impl<'a> Bound<'a> {
    /// All of `memory`.
    pub fn whole(memory: &'a Memory) -> Bound<'a> {
        Bound {
            memory,
            offset: 0,
            bytes: memory.bytes(),
        }
    }

    fn resource(&self) -> wgpu::BindingResource<'a> {
        match self.memory {
            Memory::Buffer(buffer) => wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer,
                offset: self.offset,
                size: wgpu::BufferSize::new(self.bytes),
            }),
            Memory::Image { view, .. } => wgpu::BindingResource::TextureView(view),
        }
    }
}

/// A dispatch with its pipeline, bind group and grid.
#[derive(Clone, Debug)]
pub struct Command {
    pipeline: Arc<Pipeline>,
    group: wgpu::BindGroup,
    grid: [u32; 3],
}

/// A dispatch of a list, which may depend on the shards of the data set that are bound.
#[derive(Clone, Debug)]
pub enum Step {
    /// The same in every window.
    Fixed(Command),
    /// One command per window.
    Windowed(Vec<Command>),
}

/// Commands being recorded for one submit.
#[derive(Debug)]
pub struct Recording {
    encoder: wgpu::CommandEncoder,
}

#[doc(hidden)]
impl Gpu {
    /// Creates the bind group of a dispatch: `bound` in order from binding 0.
    #[must_use]
    pub fn command(
        &self,
        label: &str,
        pipeline: Arc<Pipeline>,
        bound: &[Bound<'_>],
        grid: [u32; 3],
    ) -> Command {
        let entries: Vec<wgpu::BindGroupEntry<'_>> = (0..)
            .zip(bound)
            .map(|(binding, bound)| wgpu::BindGroupEntry {
                binding,
                resource: bound.resource(),
            })
            .collect();
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(label),
            layout: &pipeline.layout,
            entries: &entries,
        });
        Command {
            pipeline,
            group,
            grid,
        }
    }

    /// Starts recording.
    #[must_use]
    pub fn record(&self) -> Recording {
        let encoder = self.device.create_command_encoder(&Default::default());
        Recording { encoder }
    }

    /// Submits the recorded commands.
    pub fn submit(&self, recording: Recording) -> Submission {
        self.queue.submit([recording.encoder.finish()])
    }
}

impl Recording {
    /// Records each list once for every window in `windows`, in one pass.
    pub fn lists(&mut self, lists: &[&[Step]], windows: impl Iterator<Item = usize>) {
        self.pass(lists, windows, None);
    }

    /// As [`Recording::lists`], timed by `stopwatch`.
    pub fn timed(
        &mut self,
        stopwatch: &Stopwatch,
        lists: &[&[Step]],
        windows: impl Iterator<Item = usize>,
    ) {
        self.pass(lists, windows, Some(stopwatch.writes(0)));
        stopwatch.resolve(&mut self.encoder);
    }

    /// Records a list once for `window`, each dispatch in a pass of its own that `stopwatch` times.
    pub fn timed_each(&mut self, stopwatch: &Stopwatch, list: &[Step], window: usize) {
        for (at, step) in (0..stopwatch.passes()).zip(list) {
            let one = [std::slice::from_ref(step)];
            self.pass(&one, std::iter::once(window), Some(stopwatch.writes(at)));
        }
        stopwatch.resolve(&mut self.encoder);
    }

    fn pass(
        &mut self,
        lists: &[&[Step]],
        windows: impl Iterator<Item = usize>,
        timestamp_writes: Option<wgpu::ComputePassTimestampWrites<'_>>,
    ) {
        let mut pass = self
            .encoder
            .begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: None,
                timestamp_writes,
            });
        for window in windows {
            for step in lists.iter().copied().flatten() {
                let command = match step {
                    Step::Fixed(command) => command,
                    Step::Windowed(forms) => &forms[window],
                };
                pass.set_pipeline(&command.pipeline.pipeline);
                pass.set_bind_group(0, &command.group, &[]);
                pass.dispatch_workgroups(command.grid[0], command.grid[1], command.grid[2]);
            }
        }
    }

    /// Copies `bytes` of a buffer from `offset` on to byte `at` of a buffer that the host can read.
    pub fn copy(&mut self, from: &Memory, offset: u64, to: &Readback, at: u64, bytes: u64) {
        if let Memory::Buffer(from) = from {
            self.encoder
                .copy_buffer_to_buffer(from, offset, to, at, bytes);
        }
    }

    /// Copies the whole of `from` to `to`, which has the same kind and size.
    pub fn copy_all(&mut self, from: &Memory, to: &Memory) {
        match (from, to) {
            (Memory::Buffer(from), Memory::Buffer(to)) => {
                self.encoder
                    .copy_buffer_to_buffer(from, 0, to, 0, from.size());
            }
            (Memory::Image { texture: from, .. }, Memory::Image { texture: to, .. }) => {
                let (source, target) = (from.as_image_copy(), to.as_image_copy());
                self.encoder
                    .copy_texture_to_texture(source, target, from.size());
            }
            _ => debug_assert!(false, "a buffer is no image"),
        }
    }
}
