//! What Mesa's AMD driver makes of the kernels of the `gpu` profile, and of Winograd's algorithm with its tiles: registers, scratch, occupancy and the share of FMA in
//! the inner loop. It compiles for GPUs that are not there, so nothing runs and no time follows. `scripts/isa`

use std::collections::BTreeSet;
use std::ffi::CStr;

use ash::vk;
use naga::{AddressSpace, Module, TypeInner};
use wattgrad::internals::device::{Gpu, GpuOptions};
use wattgrad::internals::kernels::emit::{Language, emit_module, validate};
use wattgrad::internals::kernels::{GemmCore, GemmRule, Tuning};
use wattgrad::internals::train::{Regime, Trainer};

/// The `gpu` profile, and the same with Winograd's algorithm wherever it suits.
fn tunings() -> [Tuning; 2] {
    let gpu = Tuning::gpu();
    let mut winograd = gpu.clone();
    winograd.gemm.insert(
        0,
        GemmRule {
            winograd: true,
            ..GemmRule::new(GemmCore::Tile, [2, 2, 8, 8], 1)
        },
    );
    [gpu, winograd]
}

/// Shaders with their names, once each.
fn shaders(models: &[String]) -> Vec<(String, String)> {
    let gpu = Gpu::open(&GpuOptions {
        adapter: Some("llvmpipe".into()),
        ..Default::default()
    })
    .expect("llvmpipe, on which the step is planned");
    let mut all: Vec<(String, String)> = vec![];
    let pairs = models
        .iter()
        .flat_map(|model| tunings().map(|tuning| (model, tuning)));
    for (model, tuning) in pairs {
        let regime = serde_json::json!({ "model": model, "data": "digits", "batch_size": 128 });
        let regime: Regime = serde_json::from_value(regime).unwrap();
        let data = regime.read_data(&mut |_| ()).unwrap();
        let network = regime.build_network(&data).unwrap();
        let trainer = Trainer::new(&gpu, regime).unwrap();
        let trainer = trainer.data(data).network(network).tuning(tuning);
        for (name, wgsl) in trainer.program().unwrap().shaders() {
            if all.iter().all(|(_, known)| *known != wgsl) {
                all.push((format!("{model} {name}"), wgsl));
            }
        }
    }
    all
}

/// What the driver says of a compiled kernel.
struct Compiled {
    statistics: Vec<(String, f64)>,
    assembly: String,
}

impl Compiled {
    fn get(&self, name: &str) -> f64 {
        let found = self.statistics.iter().find(|(known, _)| known == name);
        found.map_or(f64::NAN, |(_, value)| *value)
    }
}

/// A device of Mesa's driver without hardware.
struct Driver {
    instance: ash::Instance,
    device: ash::Device,
    executables: ash::khr::pipeline_executable_properties::Device,
    name: String,
    // Unloads the library, so it comes last.
    _entry: ash::Entry,
}

fn text(chars: &[std::ffi::c_char]) -> String {
    // SAFETY: Vulkan ends its names with a zero within the array.
    let text = unsafe { CStr::from_ptr(chars.as_ptr()) };
    text.to_string_lossy().into_owned()
}

impl Driver {
    /// The first device whose name contains `RADV`.
    fn open() -> Option<Self> {
        // SAFETY: the system's Vulkan loader, whose objects are destroyed before it is unloaded.
        unsafe {
            let entry = ash::Entry::load().ok()?;
            let application = vk::ApplicationInfo::default().api_version(vk::API_VERSION_1_1);
            let info = vk::InstanceCreateInfo::default().application_info(&application);
            let instance = entry.create_instance(&info, None).ok()?;
            let found = instance.enumerate_physical_devices().ok()?;
            let named = found.into_iter().find_map(|physical| {
                let name = text(
                    &instance
                        .get_physical_device_properties(physical)
                        .device_name,
                );
                name.contains("RADV").then_some((physical, name))
            });
            let Some((physical, name)) = named else {
                instance.destroy_instance(None);
                return None;
            };
            let queues = [vk::DeviceQueueCreateInfo::default().queue_priorities(&[1.0])];
            let extensions = [ash::khr::pipeline_executable_properties::NAME.as_ptr()];
            let mut properties =
                vk::PhysicalDevicePipelineExecutablePropertiesFeaturesKHR::default()
                    .pipeline_executable_info(true);
            let info = vk::DeviceCreateInfo::default()
                .queue_create_infos(&queues)
                .enabled_extension_names(&extensions)
                .push_next(&mut properties);
            let device = instance.create_device(physical, &info, None).ok()?;
            let executables =
                ash::khr::pipeline_executable_properties::Device::new(&instance, &device);
            Some(Self {
                instance,
                device,
                executables,
                name,
                _entry: entry,
            })
        }
    }

    fn compile(&self, module: &Module) -> Result<Compiled, vk::Result> {
        let bytes = emit_module(module, Language::Spirv).expect("a kernel of the project");
        let words: Vec<u32> = bytes
            .chunks_exact(4)
            .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        let bindings: Vec<_> = module
            .global_variables
            .iter()
            .filter_map(|(_, global)| {
                let binding = global.binding?.binding;
                let kind = match (global.space, &module.types[global.ty].inner) {
                    (AddressSpace::Uniform, _) => vk::DescriptorType::UNIFORM_BUFFER,
                    (AddressSpace::Storage { .. }, _) => vk::DescriptorType::STORAGE_BUFFER,
                    (
                        _,
                        TypeInner::Image {
                            class: naga::ImageClass::Storage { .. },
                            ..
                        },
                    ) => vk::DescriptorType::STORAGE_IMAGE,
                    _ => vk::DescriptorType::SAMPLED_IMAGE,
                };
                Some(
                    vk::DescriptorSetLayoutBinding::default()
                        .binding(binding)
                        .descriptor_type(kind)
                        .descriptor_count(1)
                        .stage_flags(vk::ShaderStageFlags::COMPUTE),
                )
            })
            .collect();
        let entry = std::ffi::CString::new(module.entry_points[0].name.as_str()).unwrap();
        let device = &self.device;
        // SAFETY: every object belongs to this device, is valid where it is used, and is destroyed once.
        unsafe {
            let set = device.create_descriptor_set_layout(
                &vk::DescriptorSetLayoutCreateInfo::default().bindings(&bindings),
                None,
            )?;
            let sets = [set];
            let layout = device.create_pipeline_layout(
                &vk::PipelineLayoutCreateInfo::default().set_layouts(&sets),
                None,
            )?;
            let shader = device
                .create_shader_module(&vk::ShaderModuleCreateInfo::default().code(&words), None)?;
            let stage = vk::PipelineShaderStageCreateInfo::default()
                .stage(vk::ShaderStageFlags::COMPUTE)
                .module(shader)
                .name(&entry);
            let info = vk::ComputePipelineCreateInfo::default()
                .stage(stage)
                .layout(layout)
                .flags(
                    vk::PipelineCreateFlags::CAPTURE_STATISTICS_KHR
                        | vk::PipelineCreateFlags::CAPTURE_INTERNAL_REPRESENTATIONS_KHR,
                );
            let made = device.create_compute_pipelines(vk::PipelineCache::null(), &[info], None);
            let result = made.map_err(|(_, error)| error).and_then(|pipelines| {
                let compiled = self.describe(pipelines[0]);
                device.destroy_pipeline(pipelines[0], None);
                compiled
            });
            device.destroy_shader_module(shader, None);
            device.destroy_pipeline_layout(layout, None);
            device.destroy_descriptor_set_layout(set, None);
            result
        }
    }

    /// # Safety
    /// `pipeline` is a compute pipeline of this device that captures both kinds of information.
    unsafe fn describe(&self, pipeline: vk::Pipeline) -> Result<Compiled, vk::Result> {
        let info = vk::PipelineExecutableInfoKHR::default().pipeline(pipeline);
        // SAFETY: as this function requires; each text has room for the length that the driver gave.
        unsafe {
            let statistics = self.executables.get_pipeline_executable_statistics(&info)?;
            let statistics = statistics.iter().map(|one| {
                let value = match one.format {
                    vk::PipelineExecutableStatisticFormatKHR::UINT64 => one.value.u64 as f64,
                    vk::PipelineExecutableStatisticFormatKHR::INT64 => one.value.i64 as f64,
                    vk::PipelineExecutableStatisticFormatKHR::FLOAT64 => one.value.f64,
                    _ => f64::from(one.value.b32),
                };
                (text(&one.name), value)
            });
            let statistics = statistics.collect();
            let get = self
                .executables
                .fp()
                .get_pipeline_executable_internal_representations_khr;
            let mut count = 0;
            get(
                self.device.handle(),
                &info,
                &mut count,
                std::ptr::null_mut(),
            )
            .result()?;
            let mut found =
                vec![vk::PipelineExecutableInternalRepresentationKHR::default(); count as usize];
            get(self.device.handle(), &info, &mut count, found.as_mut_ptr()).result()?;
            let mut texts: Vec<Vec<u8>> = found.iter().map(|one| vec![0; one.data_size]).collect();
            for (one, text) in found.iter_mut().zip(&mut texts) {
                one.p_data = text.as_mut_ptr().cast();
            }
            get(self.device.handle(), &info, &mut count, found.as_mut_ptr()).result()?;
            let assembly = found
                .iter()
                .zip(&texts)
                .find(|(one, _)| text(&one.name) == "Assembly");
            let assembly = assembly.map_or(String::new(), |(_, text)| {
                String::from_utf8_lossy(text).into_owned()
            });
            Ok(Compiled {
                statistics,
                assembly,
            })
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // SAFETY: nothing of the device is left, and neither is used again.
        unsafe {
            self.device.destroy_device(None);
            self.instance.destroy_instance(None);
        }
    }
}

/// Instructions of a loop.
#[derive(Clone, Copy, Default)]
struct Loop {
    instructions: usize,
    fma: usize,
    memory: usize,
}

/// The innermost loop that contains most FMAs. Instructions of loops in it count once.
fn inner_loop(assembly: &str) -> Option<Loop> {
    let mut lines: Vec<&str> = vec![];
    let mut labels: Vec<(String, usize)> = vec![];
    for line in assembly.lines() {
        let line = line.trim();
        match line.split_once(':') {
            Some((label, "")) if label.starts_with("BB") => {
                labels.push((label.to_owned(), lines.len()))
            }
            _ if line.starts_with(|c: char| c.is_ascii_lowercase()) => lines.push(line),
            _ => {}
        }
    }
    let mut loops = BTreeSet::new();
    for (at, line) in lines.iter().enumerate() {
        let mut words = line.split_whitespace();
        let (Some(instruction), Some(target)) = (words.next(), words.next()) else {
            continue;
        };
        if instruction.contains("branch")
            && let Some((_, start)) = labels.iter().find(|(label, _)| label == target)
            && *start <= at
        {
            loops.insert((*start, at));
        }
    }
    let counted = loops.iter().map(|&(start, end)| {
        let body = &lines[start..=end];
        let count = |of: &dyn Fn(&str) -> usize| body.iter().map(|line| of(line)).sum();
        Loop {
            // A dual instruction stands in one line and does two things.
            instructions: body.len(),
            fma: count(&|line| line.matches("_fma").count() + line.matches("_pk_fma").count()),
            memory: count(&|line| {
                usize::from(
                    ["global_", "buffer_", "ds_", "s_load", "s_buffer", "image_"]
                        .iter()
                        .any(|kind| line.starts_with(kind)),
                )
            }),
        }
    });
    // A loop that contains others is larger.
    counted.max_by_key(|one| (one.fma, usize::MAX - one.instructions))
}

fn main() {
    // Cargo adds an argument of its own.
    let models: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let models = match models.is_empty() {
        true => ["mlp", "cnn", "resnet8"].map(str::to_owned).to_vec(),
        false => models,
    };
    let Some(driver) = Driver::open() else {
        eprintln!(
            "skipped: Mesa's AMD driver (RADV) is not here, or the variable RADV_FORCE_FAMILY is not set: scripts/isa"
        );
        return;
    };
    let shaders = shaders(&models);
    println!(
        "{}: {} kernels of the gpu profile",
        driver.name,
        shaders.len()
    );
    println!(
        "{:<58} {:>5} {:>6} {:>7} {:>5} {:>6} | {:>5} {:>4} {:>6} {:>6}",
        "kernel", "VGPRs", "LDS", "scratch", "waves", "instr.", "loop", "FMA", "memory", "share"
    );
    let mut spilled = 0;
    for (name, wgsl) in &shaders {
        let (module, _) = validate(wgsl).expect("a kernel of the project");
        let compiled = match driver.compile(&module) {
            Ok(compiled) => compiled,
            Err(error) => {
                println!("{name:<58} not compiled: {error}");
                continue;
            }
        };
        if std::env::var_os("WATTGRAD_ISA_STATISTICS").is_some() {
            println!("{:?}\n{}", compiled.statistics, compiled.assembly);
        }
        let scratch = compiled.get("Scratch size");
        spilled += usize::from(scratch > 0.0);
        print!(
            "{name:<58} {:>5} {:>6} {scratch:>7} {:>5} {:>6} |",
            compiled.get("VGPRs"),
            compiled.get("LDS size"),
            compiled.get("Subgroups per SIMD"),
            compiled.get("Instructions"),
        );
        match inner_loop(&compiled.assembly) {
            Some(one) => println!(
                " {:>5} {:>4} {:>6} {:>5.0}%",
                one.instructions,
                one.fma,
                one.memory,
                100.0 * one.fma as f64 / one.instructions as f64
            ),
            None => println!(" no loop"),
        }
    }
    println!("{spilled} kernels use scratch memory");
}
