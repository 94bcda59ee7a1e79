//! The wgpu calls of a program written by hand, with as many objects of the same size and use: a lower bound of the cost of
//! a step.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use wattgrad::internals::kernels::{Shape, Tuning};
use wattgrad::internals::model::presets;
use wattgrad::internals::optim::Sgd;
use wattgrad::internals::program::{DispatchSummary, Program, ProgramOptions};
use wattgrad::{Arrays, Dataset, InputValues};
use wattgrad::{Gpu, GpuOptions};

/// Submits in flight, as in a program.
const IN_FLIGHT: usize = 2;
/// Bytes of a step's row of results.
const ROW: u64 = 16;

/// The noop backend, on which a measurement shows the host's work alone.
pub fn noop() -> Gpu {
    Gpu::open(&GpuOptions {
        noop: true,
        ..GpuOptions::default()
    })
    .expect("the noop backend is part of every build of tests and benchmarks")
}

/// Images of 28 x 28 without content, few but enough for every batch size here.
pub fn data() -> Dataset {
    let (train, test) = (vec![7; 1024 * 784], vec![7; 256 * 784]);
    let labels = |count: u32| (0..count).map(|at| at % 10).collect::<Vec<u32>>();
    let arrays = |inputs, labels| Arrays { inputs, labels };
    Dataset::from_arrays(
        "blank",
        10,
        &[1, 28, 28],
        arrays(InputValues::U8(&train), &labels(1024)),
        arrays(InputValues::U8(&test), &labels(256)),
    )
    .expect("the arrays fit")
}

/// A preset as built for a GPU, with `steps` steps per submit.
pub fn program<'g>(
    gpu: &'g Gpu,
    data: &Dataset,
    model: &str,
    batch: u32,
    steps: u32,
) -> Program<'g> {
    program_with(gpu, data, model, batch, steps, |_| ())
}

/// The same with other options.
pub fn program_with<'g>(
    gpu: &'g Gpu,
    data: &Dataset,
    model: &str,
    batch: u32,
    steps: u32,
    change: impl FnOnce(&mut ProgramOptions),
) -> Program<'g> {
    let shape = Shape {
        channels: 1,
        height: 28,
        width: 28,
    };
    let network = presets::by_name(model, shape, 10).expect("a preset");
    let mut options = ProgramOptions {
        steps_per_submit: Some(steps),
        ..ProgramOptions::new(
            batch,
            256,
            Arc::new(Sgd::new(0.05, 0.9, 0.0, false).expect("a rule")),
            Tuning::for_device(None, false),
        )
    };
    change(&mut options);
    Program::new(gpu, &network, data, &options).expect("a program")
}

struct Call {
    pipeline: wgpu::ComputePipeline,
    group: wgpu::BindGroup,
    grid: [u32; 3],
}

/// The hand-written loop for one program.
pub struct Control {
    device: wgpu::Device,
    queue: wgpu::Queue,
    calls: Vec<Call>,
    results: wgpu::Buffer,
    readback: Vec<wgpu::Buffer>,
    submits: usize,
}

impl Control {
    /// The dispatches of a training step of `program`, with as many pipelines and bind groups over the same parts of the same
    /// number of buffers.
    pub fn new(gpu: &Gpu, program: &Program<'_>) -> Self {
        let (device, queue) = gpu.wgpu();
        let (device, queue) = (device.clone(), queue.clone());
        let summary = program.summary();
        let dispatches: Vec<&DispatchSummary> = summary
            .lists
            .iter()
            .flat_map(|list| std::iter::repeat_n(&list.dispatches, list.per_step as usize))
            .flatten()
            .collect();
        let mut sizes: HashMap<usize, u64> = HashMap::new();
        for operand in dispatches.iter().flat_map(|dispatch| &dispatch.operands) {
            let size = sizes.entry(operand.slot).or_default();
            *size = (*size).max(operand.offset + operand.bytes);
        }
        // A submit copies out what its steps wrote, so the copy waits for the steps, as in the program.
        let results = dispatches
            .iter()
            .flat_map(|dispatch| &dispatch.operands)
            .find(|operand| operand.tensor == "results")
            .map(|operand| operand.slot)
            .expect("a step writes a row of results");
        let buffer = |size, usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size,
                usage,
                mapped_at_creation: false,
            })
        };
        let storage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        let slots: HashMap<usize, wgpu::Buffer> = sizes
            .into_iter()
            .map(|(slot, size)| (slot, buffer(size, storage)))
            .collect();
        let uniform = buffer(256 * dispatches.len() as u64, wgpu::BufferUsages::UNIFORM);
        let mut pipelines: HashMap<usize, wgpu::ComputePipeline> = HashMap::new();
        let mut layouts: HashMap<String, wgpu::BindGroupLayout> = HashMap::new();
        let calls: Vec<Call> = dispatches
            .iter()
            .enumerate()
            .map(|(at, dispatch)| {
                let text = kernel(dispatch);
                // Equal bindings share a layout, as in the program.
                let layout = layouts
                    .entry(text.clone())
                    .or_insert_with(|| layout(&device, dispatch))
                    .clone();
                // wgpu tracks every change of pipeline, so the same dispatches share a pipeline as in the program.
                let pipeline = pipelines
                    .entry(dispatch.pipeline)
                    .or_insert_with(|| pipeline(&device, &layout, &text))
                    .clone();
                let mut entries = vec![binding(0, &uniform, at as u64 * 256, 64)];
                for (number, operand) in (1..).zip(&dispatch.operands) {
                    let buffer = &slots[&operand.slot];
                    entries.push(binding(number, buffer, operand.offset, operand.bytes));
                }
                let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: None,
                    layout: &layout,
                    entries: &entries,
                });
                Call {
                    pipeline,
                    group,
                    grid: dispatch.grid,
                }
            })
            .collect();
        let host = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let control = Self {
            calls,
            results: slots[&results].clone(),
            readback: (0..IN_FLIGHT).map(|_| buffer(1024 * ROW, host)).collect(),
            submits: 0,
            device,
            queue,
        };
        gpu.check().expect("the control's objects are valid");
        control
    }

    /// Dispatches per step.
    pub fn dispatches(&self) -> usize {
        self.calls.len()
    }

    /// Records, finishes, submits and reads back `submits` times `steps` steps.
    pub fn run(&mut self, submits: u32, steps: u32) -> f32 {
        self.run_with(submits, steps, &mut |_| ())
    }

    /// As [`Control::run`], calling `each` once per step.
    pub fn run_with(
        &mut self,
        submits: u32,
        steps: u32,
        each: &mut dyn FnMut(&wgpu::Device),
    ) -> f32 {
        let mut flying = VecDeque::with_capacity(IN_FLIGHT);
        let mut sum = 0.0;
        for _ in 0..submits {
            let mut encoder = self.device.create_command_encoder(&Default::default());
            {
                let mut pass = encoder.begin_compute_pass(&Default::default());
                for _ in 0..steps {
                    each(&self.device);
                    for call in &self.calls {
                        pass.set_pipeline(&call.pipeline);
                        pass.set_bind_group(0, &call.group, &[]);
                        pass.dispatch_workgroups(call.grid[0], call.grid[1], call.grid[2]);
                    }
                }
            }
            let at = self.submits % IN_FLIGHT;
            let bytes = u64::from(steps) * ROW;
            encoder.copy_buffer_to_buffer(&self.results, 0, &self.readback[at], 0, bytes);
            flying.push_back((self.queue.submit([encoder.finish()]), at));
            self.submits += 1;
            if flying.len() == IN_FLIGHT
                && let Some((index, at)) = flying.pop_front()
            {
                sum += self.read(index, at, bytes);
            }
        }
        while let Some((index, at)) = flying.pop_front() {
            sum += self.read(index, at, u64::from(steps) * ROW);
        }
        sum
    }

    fn read(&self, index: wgpu::SubmissionIndex, at: usize, bytes: u64) -> f32 {
        let slice = self.readback[at].slice(0..bytes);
        slice.map_async(wgpu::MapMode::Read, |_| ());
        self.device
            .poll(wgpu::PollType::Wait {
                submission_index: Some(index),
                timeout: None,
            })
            .expect("the device is alive");
        let range = slice.get_mapped_range().expect("the buffer is mapped");
        let sum = range
            .chunks_exact(4)
            .map(|word| f32::from_le_bytes([word[0], word[1], word[2], word[3]]))
            .sum();
        drop(range);
        self.readback[at].unmap();
        sum
    }
}

fn kernel(dispatch: &DispatchSummary) -> String {
    let mut text = "@group(0) @binding(0) var<uniform> sizes: vec4<u32>;\n".to_owned();
    for (number, operand) in (1..).zip(&dispatch.operands) {
        let access = if operand.access == "read" {
            "read"
        } else {
            "read_write"
        };
        text += &format!(
            "@group(0) @binding({number}) var<storage, {access}> b{number}: array<vec4<u32>>;\n"
        );
    }
    let uses: String = (1..=dispatch.operands.len())
        .map(|number| format!("_ = b{number}[sizes.x]; "))
        .collect();
    text + &format!("@compute @workgroup_size(64) fn main() {{ {uses}}}")
}

fn layout(device: &wgpu::Device, dispatch: &DispatchSummary) -> wgpu::BindGroupLayout {
    let entry = |binding, ty| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty,
            has_dynamic_offset: false,
            min_binding_size: None,
        },
        count: None,
    };
    let mut entries = vec![entry(0, wgpu::BufferBindingType::Uniform)];
    for (number, operand) in (1..).zip(&dispatch.operands) {
        let read_only = operand.access == "read";
        entries.push(entry(
            number,
            wgpu::BufferBindingType::Storage { read_only },
        ));
    }
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: None,
        entries: &entries,
    })
}

fn pipeline(
    device: &wgpu::Device,
    layout: &wgpu::BindGroupLayout,
    text: &str,
) -> wgpu::ComputePipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: None,
        source: wgpu::ShaderSource::Wgsl(text.into()),
    });
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: None,
        bind_group_layouts: &[Some(layout)],
        immediate_size: 0,
    });
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: Some(&layout),
        module: &module,
        entry_point: None,
        compilation_options: Default::default(),
        cache: None,
    })
}

fn binding(number: u32, buffer: &wgpu::Buffer, offset: u64, size: u64) -> wgpu::BindGroupEntry<'_> {
    wgpu::BindGroupEntry {
        binding: number,
        resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer,
            offset,
            size: wgpu::BufferSize::new(size),
        }),
    }
}
