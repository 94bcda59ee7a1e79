//! Prebuilt commands: a dispatch with its pipeline, bind group and grid resolved, and the submission of many.

use std::sync::Arc;

use super::gpu::Gpu;
use super::memory::Memory;
use super::pipeline::Pipeline;
use super::stopwatch::Stopwatch;

/// What a bind group binds, in order from binding 0.
#[derive(Debug)]
pub enum Bound<'a> {
    /// A slot of a uniform buffer: first byte and size.
    Uniform(&'a wgpu::Buffer, u64, u64),
    /// `bytes` of a buffer from `offset` on, or the whole of an image.
    Memory(&'a Memory, u64, u64),
}

/// A dispatch with everything resolved.
#[derive(Clone, Debug)]
pub struct Command {
    pipeline: Arc<Pipeline>,
    group: wgpu::BindGroup,
    grid: [u32; 3],
}

/// A command that depends on which shards of the data set are bound: one form a window.
#[derive(Clone, Debug)]
pub enum Step {
    /// The same in every window.
    Fixed(Command),
    /// By window.
    Windowed(Vec<Command>),
}

/// Commands being recorded for one submit.
#[derive(Debug)]
pub struct Recording {
    encoder: wgpu::CommandEncoder,
}

impl Gpu {
    /// Resolves a dispatch.
    #[must_use]
    pub fn command(
        &self,
        label: &str,
        pipeline: Arc<Pipeline>,
        bound: &[Bound<'_>],
        grid: [u32; 3],
    ) -> Command {
        let entries: Vec<wgpu::BindGroupEntry<'_>> = bound
            .iter()
            .enumerate()
            .map(|(binding, bound)| wgpu::BindGroupEntry {
                binding: binding as u32,
                resource: match bound {
                    Bound::Uniform(buffer, offset, size) => buffer_slice(buffer, *offset, *size),
                    Bound::Memory(Memory::Buffer(buffer), offset, size) => {
                        buffer_slice(buffer, *offset, *size)
                    }
                    Bound::Memory(Memory::Image { view, .. }, ..) => {
                        wgpu::BindingResource::TextureView(view)
                    }
                },
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
        Recording {
            encoder: self
                .device
                .create_command_encoder(&wgpu::CommandEncoderDescriptor::default()),
        }
    }

    /// Submits what was recorded.
    pub fn submit(&self, recording: Recording) -> wgpu::SubmissionIndex {
        self.queue.submit([recording.encoder.finish()])
    }
}

fn buffer_slice(buffer: &wgpu::Buffer, offset: u64, size: u64) -> wgpu::BindingResource<'_> {
    wgpu::BindingResource::Buffer(wgpu::BufferBinding {
        buffer,
        offset,
        size: wgpu::BufferSize::new(size),
    })
}

impl Recording {
    /// Records each list once for every window in `windows`, in one pass.
    pub fn lists(&mut self, lists: &[&[Step]], windows: impl Iterator<Item = usize>) {
        self.pass(lists, windows, None);
    }

    /// As [`Recording::lists`], and the device notes on `stopwatch` when the pass began and ended.
    pub fn timed(
        &mut self,
        stopwatch: &Stopwatch,
        lists: &[&[Step]],
        windows: impl Iterator<Item = usize>,
    ) {
        self.pass(lists, windows, Some(stopwatch.writes()));
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

    /// Copies `bytes` of a buffer to the start of one that the host can read.
    pub fn copy(&mut self, from: &Memory, offset: u64, to: &wgpu::Buffer, at: u64, bytes: u64) {
        if let Memory::Buffer(from) = from {
            self.encoder
                .copy_buffer_to_buffer(from, offset, to, at, bytes);
        }
    }
}
