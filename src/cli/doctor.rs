//! `wattgrad doctor`.

use serde::Serialize;

use crate::data::{self, Found};
use crate::device::{self, AdapterSummary, DeviceError, Gpu, GpuOptions, ListOptions};
use crate::energy::{Meter, SourceReport, Status};
use crate::report::{Align, columns};
use crate::train::{Host, Versions};
use crate::units::{bytes, seconds, thousands};

use super::args::Global;
use super::failure::Failure;
use super::output;

/// Version of the keys of `doctor --json`.
const SCHEMA: u32 = 1;

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad doctor\n  wattgrad doctor --adapter llvmpipe --json"
)]
pub struct Args {
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

/// Everything that was found.
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
    data: Vec<Place>,
}

#[derive(Serialize)]
struct Listed {
    chosen: bool,
    #[serde(flatten)]
    adapter: AdapterSummary,
}

/// What the chosen adapter can do.
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

/// A place where data may be.
#[derive(Serialize)]
struct Place {
    spec: String,
    path: String,
    present: bool,
    /// Whether `--data auto` takes it.
    auto: bool,
    note: String,
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let findings = look(global)?;
    if args.json {
        output::print_json(&findings)?;
    } else {
        output::print_text(&text(&findings))?;
    }
    Ok(0)
}

fn look(global: &Global) -> Result<Findings, Failure> {
    // Misuse is told before the adapters take their seconds.
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
            Ok(gpu) => opened = Some(examine(&gpu)),
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
        data: places(data::locate()),
    })
}

fn examine(gpu: &Gpu) -> Device {
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

/// The first complete set is what `auto` takes; one that `$WATTGRAD_DATA` names is taken or refused, never passed over.
fn places(found: Vec<Found>) -> Vec<Place> {
    let auto = found
        .iter()
        .position(|place| place.present || place.spec == "auto");
    found
        .into_iter()
        .enumerate()
        .map(|(i, place)| Place {
            auto: place.present && auto == Some(i),
            spec: place.spec,
            path: place.path.display().to_string(),
            present: place.present,
            note: place.note,
        })
        .collect()
}

fn text(findings: &Findings) -> String {
    let mut text = format!(
        "wattgrad {} on {} {}, {} threads{}\n",
        findings.versions.wattgrad,
        findings.host.os,
        findings.host.arch,
        findings.host.threads,
        match &findings.host.cpu {
            Some(cpu) => format!(", {cpu}"),
            None => String::new(),
        }
    );
    text += "\nAdapters (* is used; --adapter chooses another)\n";
    text += &adapters(findings);
    if let Some(problem) = &findings.problem {
        text += &format!("  {problem}\n");
    }
    if let Some(device) = &findings.device {
        text += "\nDevice\n";
        text += &device_lines(device);
    }
    text += "\nEnergy\n";
    text += &match findings.energy.is_empty() {
        true => "  none was asked for (meter none)\n".to_owned(),
        false => energy(&findings.energy),
    };
    text += "\nData (* is what --data auto takes)\n";
    let rows: Vec<Vec<String>> = findings
        .data
        .iter()
        .map(|place| {
            vec![
                if place.auto { "*" } else { " " }.into(),
                place.spec.clone(),
                // One column, so that a long path leaves no narrow strip for what is said of it.
                format!("{}: {}", place.path, place.note),
            ]
        })
        .collect();
    text + &columns(&rows, &[Align::Left; 3], "  ")
}

fn adapters(findings: &Findings) -> String {
    let rows: Vec<Vec<String>> = findings
        .adapters
        .iter()
        .map(|Listed { chosen, adapter }| {
            vec![
                if *chosen { "*" } else { " " }.into(),
                adapter.index.to_string(),
                adapter.name.clone(),
                adapter.kind.to_string(),
                adapter.backend.to_string(),
                format!("{} {}", adapter.driver, adapter.driver_info)
                    .trim()
                    .to_owned(),
                match &adapter.pci_id {
                    Some(pci) => format!("pci {pci}"),
                    None => String::new(),
                },
            ]
        })
        .collect();
    columns(&rows, &[Align::Left; 7], "  ")
}

fn device_lines(device: &Device) -> String {
    let yes = |on: bool| if on { "yes" } else { "no" }.to_owned();
    let limits = &device.limits;
    let count = |n: u32| thousands(u64::from(n));
    let mut rows: Vec<Vec<String>> = [
        ("largest buffer", bytes(limits.buffer_bytes)),
        ("largest binding", bytes(limits.storage_binding_bytes)),
        ("storage buffers a kernel", count(limits.storage_buffers)),
        (
            "invocations a workgroup",
            count(limits.workgroup_invocations),
        ),
        (
            "workgroup memory",
            bytes(u64::from(limits.workgroup_memory_bytes)),
        ),
        (
            "workgroups a dimension",
            count(limits.workgroups_per_dimension),
        ),
    ]
    .map(|(name, value)| vec![name.to_owned(), value])
    .to_vec();
    let [least, most] = device.subgroup_lanes;
    rows.push(vec![
        "subgroups".into(),
        match (device.subgroups, least == most) {
            (false, _) => "no".into(),
            (true, true) => format!("of {least} lanes"),
            (true, false) => format!("of {least} to {most} lanes"),
        },
    ]);
    rows.push(vec!["timestamps".into(), yes(device.timestamps)]);
    rows.push(vec!["pipeline cache".into(), yes(device.pipeline_cache)]);
    rows.push(vec![
        "texel kernels".into(),
        match device.texel_lanes {
            Some(lanes) => format!("yes, for subgroups of {lanes} lanes"),
            None => "no (for software devices)".into(),
        },
    ]);
    columns(&rows, &[Align::Left; 2], "  ")
}

fn energy(sources: &[SourceReport]) -> String {
    let mut text = String::new();
    for source in sources {
        let state = match source.status {
            Status::Measured => "can be measured",
            Status::Assumed => "assumed",
            Status::Unavailable => "unavailable",
            Status::Shared => "shared with others' work",
        };
        text += &format!("  {} ({}): {state}", source.source, source.scope.name());
        if let Some(tick) = source.update_interval_seconds {
            text += &format!(", ticks every {}", seconds(tick));
        }
        if let Some(grade) = source.grade {
            let by = match source.calibrated {
                true => "calibrated",
                false => "not calibrated",
            };
            text += &format!(", grade {grade:?}, {by}");
        }
        if let Some(reason) = &source.reason {
            // What is odd about a source that can be used is no reason for what stands before it.
            let between = match source.status {
                Status::Unavailable => ":",
                _ => ";",
            };
            text += &format!("{between} {reason}");
        }
        text.push('\n');
        if let Some(fix) = &source.fix {
            text += &format!("      fix: {fix}\n");
        }
        if let Some(undo) = &source.undo {
            text += &format!("      undo: {undo}\n");
        }
    }
    text
}
