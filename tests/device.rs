//! Devices and pipelines on a real driver, for which a software Vulkan device is enough, and on the noop backend.
#![cfg(feature = "gpu")]

mod skip;

#[cfg(target_os = "linux")]
use std::process::Command;

use skip::skipped;

use wattgrad::internals::device::{
    AdapterKind, Backend, BindingKind, DeviceError, Gpu, GpuOptions, ListOptions, PipelineCache,
    Texel, list,
};

fn open() -> Gpu {
    Gpu::open(&GpuOptions::default())
        .expect("a Vulkan driver is needed; Mesa's software one will do")
}

fn noop() -> Gpu {
    Gpu::open(&GpuOptions {
        noop: true,
        ..GpuOptions::default()
    })
    .unwrap()
}

/// A pipeline cache without a file.
fn in_memory(gpu: &Gpu) -> PipelineCache {
    PipelineCache::with_directory(gpu, None)
}

#[test]
fn adapters_are_listed_in_order_and_opened_by_index_and_name() {
    let all = list(&ListOptions::default()).unwrap();
    for (place, adapter) in all.iter().enumerate() {
        assert_eq!(adapter.index, place);
        assert!(!adapter.name.is_empty());
        assert!(adapter.subgroup_min <= adapter.subgroup_max);
        assert_ne!(
            adapter.backend,
            Backend::Noop,
            "the noop backend is opened only on request"
        );
    }
    let best = all.iter().map(|adapter| adapter.kind).min().unwrap();
    assert_eq!(open().adapter.kind, best);
    let last = all.last().unwrap();
    for choice in [last.index.to_string(), last.name.to_uppercase()] {
        let gpu = Gpu::open(&GpuOptions {
            adapter: Some(choice),
            ..GpuOptions::default()
        })
        .unwrap();
        assert_eq!(gpu.adapter, *last);
    }
}

#[test]
fn rejects_an_unknown_name_and_lists_the_adapters() {
    let error = Gpu::open(&GpuOptions {
        adapter: Some("voodoo 2".to_owned()),
        ..GpuOptions::default()
    })
    .unwrap_err();
    assert!(matches!(error, DeviceError::UnknownAdapter { .. }));
    let message = error.to_string();
    assert!(message.contains("voodoo 2"), "{message}");
    assert!(
        message.contains(&list(&ListOptions::default()).unwrap()[0].name),
        "{message}"
    );
}

#[test]
fn limits_can_only_be_lowered() {
    let whole = open();
    let with = |limit| {
        Gpu::open(&GpuOptions {
            storage_binding_limit: Some(limit),
            ..GpuOptions::default()
        })
    };
    assert_eq!(
        with(1 << 20)
            .unwrap()
            .limits
            .max_storage_buffer_binding_size,
        1 << 20
    );
    assert_eq!(
        with((1 << 20) + 3)
            .unwrap()
            .limits
            .max_storage_buffer_binding_size,
        1 << 20
    );
    assert_eq!(
        with(u64::MAX)
            .unwrap()
            .limits
            .max_storage_buffer_binding_size,
        whole.limits.max_storage_buffer_binding_size
    );
    assert!(matches!(
        with(64),
        Err(DeviceError::BindingLimit { given: 64, .. })
    ));

    let portable = Gpu::open(&GpuOptions {
        webgpu_defaults: true,
        ..GpuOptions::default()
    })
    .unwrap();
    assert_eq!(portable.limits.max_compute_invocations_per_workgroup, 256);
    assert_eq!(portable.limits.max_compute_workgroup_storage_size, 16384);
    assert!(!portable.subgroups() && portable.texel_lanes().is_none());
}

/// Runs in a child process whose environment hides every driver.
#[test]
#[cfg(target_os = "linux")]
fn child_without_driver() {
    if std::env::var_os("WATTGRAD_TEST_HIDDEN_DRIVERS").is_none() {
        return;
    }
    let error = Gpu::open(&GpuOptions::default()).expect_err("no driver is visible");
    println!("message: {error}");
}

#[test]
#[cfg(target_os = "linux")]
fn the_error_without_a_driver_names_the_package() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_without_driver", "--nocapture"])
        .envs([
            ("WATTGRAD_TEST_HIDDEN_DRIVERS", "1"),
            ("VK_ICD_FILENAMES", "/nonexistent/driver.json"),
            ("VK_DRIVER_FILES", "/nonexistent/driver.json"),
        ])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    let message = text
        .lines()
        .find_map(|line| line.split_once("message: "))
        .expect("the child prints the error")
        .1;
    for word in [
        "mesa-vulkan-drivers",
        "vulkan-swrast",
        "NVIDIA_DRIVER_CAPABILITIES",
    ] {
        assert!(message.contains(word), "{message}");
    }
}

/// Width of the test images in texels: a row of 16 is the 256 bytes that copies are aligned to.
const WIDTH: u32 = 16;

fn image(gpu: &Gpu, values: &[f32]) -> wgpu::Texture {
    let size = wgpu::Extent3d {
        width: WIDTH,
        height: values.len() as u32 / (4 * WIDTH),
        depth_or_array_layers: 1,
    };
    let texture = gpu.wgpu().0.create_texture(&wgpu::TextureDescriptor {
        label: None,
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba32Float,
        usage: wgpu::TextureUsages::STORAGE_BINDING
            | wgpu::TextureUsages::COPY_DST
            | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    });
    gpu.wgpu().1.write_texture(
        texture.as_image_copy(),
        bytemuck::cast_slice(values),
        wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(WIDTH * 16),
            rows_per_image: None,
        },
        size,
    );
    texture
}

fn read(gpu: &Gpu, texture: &wgpu::Texture) -> Vec<f32> {
    let bytes = u64::from(texture.width() * texture.height()) * 16;
    let buffer = gpu.wgpu().0.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: bytes,
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let mut encoder = gpu
        .wgpu()
        .0
        .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    encoder.copy_texture_to_buffer(
        texture.as_image_copy(),
        wgpu::TexelCopyBufferInfo {
            buffer: &buffer,
            layout: wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(WIDTH * 16),
                rows_per_image: None,
            },
        },
        texture.size(),
    );
    gpu.wgpu().1.submit([encoder.finish()]);
    buffer.map_async(wgpu::MapMode::Read, .., |result| result.unwrap());
    gpu.wait().unwrap();
    let view = buffer.get_mapped_range(..).unwrap();
    bytemuck::pod_collect_to_vec(&view)
}

/// Reads and writes one image in place, reads another, and shares texels between the lanes of a subgroup.
const IMAGES: &str = "
@group(0) @binding(0) var<uniform> scale: vec4<f32>;
@group(0) @binding(1) var given: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var both: texture_storage_2d<rgba32float, read_write>;
@group(0) @binding(3) var into: texture_storage_2d<rgba32float, write>;
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let at = vec2<u32>(group.x * LANES + lane, group.y);
    let mine = textureLoad(given, at);
    let before = textureLoad(both, at);
    let third = subgroupShuffle(mine, 3u);
    textureStore(both, at, before * scale + mine);
    textureStore(into, at, third);
}";

const IMAGES_TEST: &str = "a_kernel_reads_and_writes_images_and_shuffles_on_a_software_device";

#[test]
fn a_kernel_reads_and_writes_images_and_shuffles_on_a_software_device() {
    let all = list(&ListOptions::default()).unwrap();
    let Some(software) = all.iter().find(|adapter| adapter.kind == AdapterKind::Cpu) else {
        skipped(IMAGES_TEST, "this machine has no software adapter");
        return;
    };
    let gpu = Gpu::open(&GpuOptions {
        adapter: Some(software.index.to_string()),
        ..GpuOptions::default()
    })
    .unwrap();
    let Some(lanes) = gpu.texel_lanes() else {
        assert!(
            ![4, 8, 16].contains(&software.subgroup_max) || !gpu.subgroups(),
            "subgroups of 4, 8 or 16 lanes should pass the check"
        );
        let why = format!("{} has no subgroups of 4, 8 or 16 lanes", software.name);
        skipped(IMAGES_TEST, &why);
        return;
    };
    let images = IMAGES.replace("LANES", &format!("{lanes}u"));
    use BindingKind::{ImageRead, ImageReadWrite, ImageWrite, Uniform};
    use Texel::F32;
    let bindings = [
        Uniform,
        ImageRead(F32),
        ImageReadWrite(F32),
        ImageWrite(F32),
    ];
    let mut pipelines = in_memory(&gpu);
    let pipeline = pipelines.get("images", &images, &bindings).unwrap();

    let rows = 3;
    let count = (4 * WIDTH * rows) as usize;
    let a: Vec<f32> = (0..count).map(|i| i as f32).collect();
    let b: Vec<f32> = (0..count).map(|i| 0.5 * i as f32 - 7.0).collect();
    let (from, both, into) = (
        image(&gpu, &a),
        image(&gpu, &b),
        image(&gpu, &vec![0.0; count]),
    );
    let scale = gpu.wgpu().0.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 16,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    gpu.wgpu()
        .1
        .write_buffer(&scale, 0, bytemuck::cast_slice(&[2.0f32, 4.0, 8.0, 16.0]));
    let views = [&from, &both, &into]
        .map(|texture| texture.create_view(&wgpu::TextureViewDescriptor::default()));
    let mut entries = vec![wgpu::BindGroupEntry {
        binding: 0,
        resource: scale.as_entire_binding(),
    }];
    entries.extend(
        views
            .iter()
            .zip(1..)
            .map(|(view, binding)| wgpu::BindGroupEntry {
                binding,
                resource: wgpu::BindingResource::TextureView(view),
            }),
    );
    let group = gpu.wgpu().0.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.layout,
        entries: &entries,
    });
    let mut encoder = gpu
        .wgpu()
        .0
        .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&pipeline.pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(WIDTH / lanes, rows, 1);
    }
    gpu.wgpu().1.submit([encoder.finish()]);

    let updated: Vec<f32> = (0..count)
        .map(|i| b[i] * [2.0, 4.0, 8.0, 16.0][i % 4] + a[i])
        .collect();
    assert_eq!(read(&gpu, &both), updated);
    // Lane 3 of the texels, four values each, that a workgroup covers.
    let covered = 4 * lanes as usize;
    let shared: Vec<f32> = (0..count)
        .map(|i| (i / covered * covered + 12 + i % 4) as f32)
        .collect();
    assert_eq!(read(&gpu, &into), shared);
    assert_eq!(gpu.take_error(), None);
}

const DOUBLE: &str = "
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn double(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x < arrayLength(&y)) { y[id.x] = 2.0 * x[id.x]; }
}";
const DOUBLE_BINDINGS: [BindingKind; 2] = [BindingKind::StorageRead, BindingKind::StorageReadWrite];

#[test]
fn a_text_is_compiled_once_for_each_list_of_bindings() {
    let gpu = open();
    let mut pipelines = in_memory(&gpu);
    let first = pipelines.get("double", DOUBLE, &DOUBLE_BINDINGS).unwrap();
    let again = pipelines
        .get("another label", DOUBLE, &DOUBLE_BINDINGS)
        .unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &again));
    let wider = [BindingKind::StorageReadWrite, BindingKind::StorageReadWrite];
    assert!(
        pipelines.get("double", DOUBLE, &wider).is_err(),
        "a writable and a read-only binding have separate pipelines"
    );
    let longer = [
        BindingKind::StorageRead,
        BindingKind::StorageReadWrite,
        BindingKind::Uniform,
    ];
    let other = pipelines.get("double", DOUBLE, &longer).unwrap();
    assert!(!std::sync::Arc::ptr_eq(&first, &other));
    let stats = pipelines.stats();
    assert_eq!((stats.pipelines, stats.layouts, stats.hits), (2, 2, 1));
    assert!(!stats.time.is_zero());
}

#[test]
fn rejects_a_kernel_that_does_not_compile_with_the_reason() {
    for gpu in [open(), noop()] {
        let mut pipelines = in_memory(&gpu);
        let broken = DOUBLE.replace("2.0 * x", "2.0 * z");
        let message = pipelines
            .get("broken kernel", &broken, &DOUBLE_BINDINGS)
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("broken kernel") && message.contains('z'),
            "{message}"
        );
        let message = pipelines
            .get("narrow kernel", DOUBLE, &DOUBLE_BINDINGS[..1])
            .unwrap_err()
            .to_string();
        assert!(message.contains("narrow kernel"), "{message}");
        assert_eq!(
            gpu.take_error(),
            None,
            "the call returns the error and the device keeps none"
        );
        assert_eq!(pipelines.stats().pipelines, 0);
        pipelines.get("double", DOUBLE, &DOUBLE_BINDINGS).unwrap();
    }
}

#[test]
fn the_cache_file_is_written_reread_and_survives_damage() {
    let gpu = open();
    let Some(key) = gpu.cache_key() else {
        skipped(
            "the_cache_file_is_written_reread_and_survives_damage",
            &format!("{} has no pipeline cache", gpu.adapter.name),
        );
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let nested = directory.path().join("not").join("yet");
    let file = nested.join(key);
    let compile = || {
        let mut pipelines = PipelineCache::with_directory(&gpu, Some(&nested));
        pipelines.get("double", DOUBLE, &DOUBLE_BINDINGS).unwrap();
    };
    compile();
    let written = std::fs::read(&file).unwrap();
    assert!(written.len() > 32);
    assert_eq!(
        std::fs::read_dir(&nested).unwrap().count(),
        1,
        "no temporary file remains"
    );
    compile();
    for damage in [&written[..40], b"nonsense", b""] {
        std::fs::write(&file, damage).unwrap();
        compile();
        assert!(
            std::fs::read(&file).unwrap().len() > 40,
            "a damaged file is replaced"
        );
    }
    // A folder that cannot be created, because a file has its name.
    let mut pipelines = PipelineCache::with_directory(&gpu, Some(&file));
    pipelines.get("double", DOUBLE, &DOUBLE_BINDINGS).unwrap();
    pipelines.save();
}

#[test]
fn the_noop_backend_opens_only_on_request() {
    let gpu = noop();
    assert!(gpu.is_noop() && gpu.texel_lanes().is_none());
    assert_eq!(gpu.cache_key(), None);
    in_memory(&gpu)
        .get("double", DOUBLE, &DOUBLE_BINDINGS)
        .unwrap();
    gpu.wait().unwrap();
    assert!(!open().is_noop());
}

#[test]
fn errors_and_loss_are_reported_and_never_panic() {
    let gpu = open();
    assert_eq!(gpu.lost(), None);
    let too_large = gpu.limits.max_buffer_size.saturating_add(4);
    let make = |size| {
        gpu.wgpu().0.create_buffer(&wgpu::BufferDescriptor {
            label: Some("too large"),
            size,
            usage: wgpu::BufferUsages::STORAGE,
            mapped_at_creation: false,
        })
    };
    let _ = make(too_large);
    let _ = make(7 + (gpu.limits.max_buffer_size | 1));
    let first = gpu.take_error().expect("the error was kept");
    assert!(first.contains("too large"), "{first}");
    assert_eq!(gpu.take_error(), None, "an error is reported once");
    gpu.wait().unwrap();

    gpu.wgpu().0.destroy();
    assert!(matches!(gpu.wait(), Err(DeviceError::Lost { .. })));
    assert!(gpu.lost().is_some());
}

/// Five words do not fill whole vectors: the binding is rounded up, and so must the buffer be.
#[test]
fn binds_a_whole_uniform_of_odd_length() {
    use wattgrad::Kernel;
    use wattgrad::internals::lab::BindingData;

    const SUM: &str = "
struct Sizes { a: u32, b: u32, c: u32, d: u32, e: u32 }
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read_write> sum: array<u32>;
@compute @workgroup_size(1) fn main() {
    sum[0] = sizes.a + sizes.b + sizes.c + sizes.d + sizes.e;
}";
    let gpu = Gpu::open(&GpuOptions::default()).unwrap();
    let kernel = Kernel::new(&gpu, "sum", SUM).unwrap();
    let inputs = [
        ("sizes", BindingData::from(&[1u32, 2, 3, 4, 5])),
        ("sum", BindingData::Unwritten(1)),
    ];
    let outputs = kernel.bind(&inputs, [1, 1, 1]).unwrap().run().unwrap();
    assert_eq!(outputs.u32("sum").unwrap(), [15]);
}
