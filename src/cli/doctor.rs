//! `wattgrad doctor`.

use serde::Serialize;

use crate::data::{self, DataLocation, SearchPaths};
use crate::device::{self, AdapterSummary, DeviceError, Gpu, GpuOptions, ListOptions};
use crate::energy::{Meter, SourceReport, Status, explain};
use crate::report::{Align, columns};
use crate::train::{Host, Versions};
use crate::units::{bytes, seconds, thousands};

use super::failure::Failure;
use super::global::Global;
use super::output;

/// Version of the keys of `doctor --json`.
const SCHEMA: u32 = 2;

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad doctor -v\n  wattgrad doctor --adapter llvmpipe --json"
)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Findings {
    schema: u32,
    versions: Versions,
    host: Host,
    adapters: Vec<Listed>,
    /// Why no adapter, or no device, can be used.
    problem: Option<String>,
    device: Option<Device>,
    energy: Vec<SourceReport>,
    data: Vec<DataPlace>,
}

#[derive(Serialize)]
struct Listed {
    chosen: bool,
    #[serde(flatten)]
    adapter: AdapterSummary,
}

/// What the chosen adapter supports.
#[derive(Serialize)]
struct Device {
    limits: Limits,
    timestamps: bool,
    subgroups: bool,
    /// Lanes of the smallest and the largest subgroup.
    subgroup_lanes: [u32; 2],
    /// Whether compiled kernels are kept between runs.
    pipeline_cache: bool,
    /// Lanes per subgroup where the kernels for software devices are used.
    texel_lanes: Option<u32>,
}

#[derive(Serialize)]
struct Limits {
    buffer_bytes: u64,
    storage_binding_bytes: u64,
    storage_buffers: u32,
    workgroup_invocations: u32,
    workgroup_memory_bytes: u32,
    workgroups_per_dimension: u32,
}

#[derive(Serialize)]
struct DataPlace {
    spec: String,
    path: String,
    present: bool,
    /// Whether `--data auto` selects it.
    auto: bool,
    note: String,
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let findings = find(global)?;
    if args.json {
        output::print_json(&findings)?;
    } else {
        output::print_text(&text(&findings, global.verbose > 0))?;
    }
    Ok(0)
}

fn find(global: &Global) -> Result<Findings, Failure> {
    // Invalid options are reported before listing adapters, which takes seconds.
    let options = global.meter_options(None)?;
    let (adapters, mut problem) = match device::list(&ListOptions::default()) {
        Ok(adapters) => (adapters, None),
        Err(error @ DeviceError::NoAdapter { .. }) => (Vec::new(), Some(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    let chosen = match problem {
        None => Some(device::select(&adapters, global.adapter.as_deref())?.clone()),
        Some(_) => None,
    };
    let mut opened = None;
    if let Some(chosen) = &chosen {
        let options = GpuOptions {
            adapter: Some(chosen.index.to_string()),
            ..Default::default()
        };
        match Gpu::open(&options) {
            Ok(gpu) => opened = Some(describe(&gpu)),
            Err(error) => problem = Some(error.to_string()),
        }
    }
    Ok(Findings {
        schema: SCHEMA,
        versions: Versions::current(),
        host: Host::current(),
        adapters: adapters
            .into_iter()
            .map(|adapter| Listed {
                chosen: chosen.as_ref() == Some(&adapter),
                adapter,
            })
            .collect(),
        problem,
        device: opened,
        energy: Meter::open(&options, None)?.sources(),
        data: places(data::locate(&SearchPaths::current())),
    })
}

/// The lines about adapters, device and energy sources, limits included.
pub fn device_facts(global: &Global) -> Result<String, Failure> {
    let mut findings = find(global)?;
    findings.data.clear();
    Ok(text(&findings, true))
}

fn describe(gpu: &Gpu) -> Device {
    let limits = &gpu.limits;
    Device {
        limits: Limits {
            buffer_bytes: limits.max_buffer_size,
            storage_binding_bytes: limits.max_storage_buffer_binding_size,
            storage_buffers: limits.max_storage_buffers_per_shader_stage,
            workgroup_invocations: limits.max_compute_invocations_per_workgroup,
            workgroup_memory_bytes: limits.max_compute_workgroup_storage_size,
            workgroups_per_dimension: limits.max_compute_workgroups_per_dimension,
        },
        timestamps: gpu.timestamps(),
        subgroups: gpu.subgroups(),
        subgroup_lanes: [gpu.adapter.subgroup_min, gpu.adapter.subgroup_max],
        pipeline_cache: gpu.cache_key().is_some(),
        texel_lanes: gpu.texel_lanes(),
    }
}

/// `auto` selects the first complete set. The set that `$WATTGRAD_DATA` names is used or refused, never skipped.
fn places(found: Vec<DataLocation>) -> Vec<DataPlace> {
    let auto = found
        .iter()
        .position(|place| place.complete || place.name == "auto");
    let place = |(i, place): (usize, DataLocation)| DataPlace {
        auto: place.complete && auto == Some(i),
        spec: place.name,
        path: place.path.display().to_string(),
        present: place.complete,
        note: place.note,
    };
    found.into_iter().enumerate().map(place).collect()
}

/// Mark, category and description of each line.
type Lines = Vec<Vec<String>>;

fn line(mark: bool, category: &str, text: String) -> Vec<String> {
    let mark = if mark { "*" } else { "" };
    vec![mark.into(), category.into(), text]
}

/// What works stands above what does not, in one line each; `details` adds the device's limits and what each fix can be
/// undone with.
fn text(findings: &Findings, details: bool) -> String {
    let (mut available, mut unavailable): (Lines, Lines) = (Vec::new(), Vec::new());
    for Listed { chosen, adapter } in &findings.adapters {
        available.push(line(*chosen, "adapter", describe_adapter(adapter)));
    }
    if let Some(problem) = &findings.problem {
        unavailable.push(line(false, "adapter", problem.clone()));
    }
    if let Some(device) = &findings.device {
        for text in describe_device(device, details) {
            available.push(line(false, "device", text));
        }
    }
    for source in &findings.energy {
        let lines = match source.status {
            Status::Unavailable => &mut unavailable,
            _ => &mut available,
        };
        lines.push(line(false, "energy", describe_source(source, details)));
    }
    let complete = |place: &DataPlace| place.present && place.spec != "digits";
    let fix = match findings.data.iter().any(complete) {
        true => "",
        false => "; fix: put the data set there, or name its folder with --data or WATTGRAD_DATA",
    };
    for place in &findings.data {
        let lines = match place.present {
            true => &mut available,
            false => &mut unavailable,
        };
        let fix = if place.present { "" } else { fix };
        let text = format!("{}: {}: {}{fix}", place.spec, place.path, place.note);
        lines.push(line(place.auto, "data", text));
    }
    let cpu = findings.host.cpu.as_ref();
    let mut text = format!(
        "wattgrad {} on {} {}, {} threads{}\n",
        findings.versions.wattgrad,
        findings.host.os,
        findings.host.arch,
        findings.host.threads,
        cpu.map_or(String::new(), |cpu| format!(", {cpu}"))
    );
    for (title, lines) in [
        ("Available (* = used by default)", available),
        ("Unavailable", unavailable),
    ] {
        if !lines.is_empty() {
            text += &format!("\n{title}\n{}", columns(&lines, &[Align::Left; 3], "  "));
        }
    }
    text
}

fn describe_adapter(adapter: &AdapterSummary) -> String {
    let driver = format!("driver {} {}", adapter.driver, adapter.driver_info);
    let pci = adapter.pci_id.as_ref();
    format!(
        "{}: {}, {}, {}, {}{}",
        adapter.index,
        adapter.name,
        adapter.kind,
        adapter.backend,
        driver.trim(),
        pci.map_or(String::new(), |pci| format!(", pci {pci}"))
    )
}

fn describe_device(device: &Device, details: bool) -> Vec<String> {
    let [smallest, largest] = device.subgroup_lanes;
    let subgroups = match (device.subgroups, smallest == largest) {
        (false, _) => "no subgroups".into(),
        (true, true) => format!("subgroups of {smallest} lanes"),
        (true, false) => format!("subgroups of {smallest} to {largest} lanes"),
    };
    let has = |on: bool, what: &str| format!("{}{what}", if on { "" } else { "no " });
    let mut lines = vec![
        [
            subgroups,
            has(device.timestamps, "timestamps"),
            has(device.pipeline_cache, "pipeline cache"),
            has(device.texel_lanes.is_some(), "texel kernels"),
        ]
        .join(", "),
    ];
    if details {
        let limits = &device.limits;
        let count = |n: u32| thousands(u64::from(n));
        lines.extend([
            format!("largest buffer {}", bytes(limits.buffer_bytes)),
            format!("largest binding {}", bytes(limits.storage_binding_bytes)),
            format!(
                "{} storage buffers per kernel",
                count(limits.storage_buffers)
            ),
            format!(
                "{} invocations per workgroup",
                count(limits.workgroup_invocations)
            ),
            format!(
                "{} of memory per workgroup",
                bytes(u64::from(limits.workgroup_memory_bytes))
            ),
            format!(
                "{} workgroups per dimension",
                count(limits.workgroups_per_dimension)
            ),
        ]);
    }
    lines
}

fn describe_source(source: &SourceReport, details: bool) -> String {
    let mut facts = vec![format!("{} ({})", source.source, source.scope.name())];
    match source.status {
        Status::Shared => facts.push("shared with other processes".into()),
        Status::Assumed => facts.push("assumed".into()),
        Status::Measured | Status::Unavailable => {}
    }
    if let Some(interval) = source.update_interval_seconds {
        facts.push(format!("updates every {}", seconds(interval)));
    }
    if let Some(grade) = source.grade {
        let calibrated = if source.calibrated { "" } else { "not " };
        facts.push(format!("grade {grade:?}, {calibrated}calibrated"));
    }
    let facts = facts.join(", ");
    match &source.reason {
        None => facts,
        Some(reason) => {
            let undo = source.undo.as_deref().filter(|_| details);
            format!("{facts}: {}", explain(reason, source.fix.as_deref(), undo))
        }
    }
}
