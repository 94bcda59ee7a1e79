//! `wattgrad port`.

mod supervise;

use std::path::PathBuf;
use std::rc::Rc;

use crate::conformance::{ExamOptions, Guard, Inputs, examine};
use crate::device::{Gpu, GpuOptions, PipelineCache};
use crate::energy::Meter;
use crate::kernels::{SHADERS, install};
use crate::lab::port::{Conformance, Port, PortError, PortOptions, PortStep};
use crate::report;
use crate::suggest::Suggest;
use crate::train::metered_device;

use super::doctor;
use super::failure::Failure;
use super::global::Global;
use super::output::{self, say};

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad port --quick\n  wattgrad port --kernel gemm/direct"
)]
pub struct Args {
    /// Stay under ten minutes: train three presets instead of all, tune nothing
    #[arg(long)]
    quick: bool,

    /// Folder for the page, port-DEVICE.md, and what is done, port-DEVICE.json
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,

    /// Repeat what an earlier call has done instead of continuing it
    #[arg(long)]
    fresh: bool,

    /// Run only these steps; repeat the flag or separate with commas
    #[arg(
        long,
        value_name = "STEP",
        value_delimiter = ',',
        value_parser = Suggest::read(PortStep::NAMES, |text| text.parse::<PortStep>()),
    )]
    step: Vec<PortStep>,

    /// Seconds until a kernel that the driver does not compile or end is left out
    #[arg(long, value_name = "S", default_value_t = 60.0)]
    timeout: f64,

    /// Check only the kernel in shaders/FAMILY/NAME.wgsl, and write no file
    #[arg(long, value_name = "FAMILY/NAME", conflicts_with_all = ["quick", "out", "fresh", "step"])]
    kernel: Option<String>,

    /// For the mutation of kernels: stop after the first failed comparison
    #[arg(long, requires = "kernel", hide = true)]
    fail_fast: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    if !(args.timeout.is_finite() && args.timeout > 0.0) {
        return Err(Failure::misuse(format!(
            "--timeout must be above 0, got {}",
            args.timeout
        )));
    }
    let Some(folder) = supervise::folder() else {
        return supervise::supervise(args.timeout, global);
    };
    let guard = Rc::new(Guard::of(&folder));
    if let Some(kernel) = &args.kernel {
        return one_kernel(kernel, guard, args, global);
    }
    let chosen = |step: &&PortStep| args.step.is_empty() || args.step.contains(step);
    let steps: Vec<PortStep> = PortStep::ALL.iter().filter(chosen).copied().collect();
    let meter = global.meter_options(None)?;
    let gpu = open(global)?;
    std::fs::create_dir_all(&args.out).map_err(|error| Failure::cannot_write(&args.out, &error))?;
    let name = file_name(&gpu.adapter.name);
    let state = args.out.join(format!("{name}.json"));
    let page = args.out.join(format!("{name}.md"));
    crate::files::writable(&page).map_err(|error| Failure::cannot_write(&page, &error))?;

    let (mut port, continued) = Port::open(&gpu, &state, args.fresh)?;
    if continued {
        say(global, &format!("continuing {}", state.display()));
    }
    port.doctor = doctor::device_facts(global)?;
    let meter = Meter::open(&meter, Some(&metered_device(&gpu.adapter)))?;
    port.sensors = meter.sources();
    let options = PortOptions {
        quick: args.quick,
        steps,
        state: state.clone(),
        guard,
    };
    port.run(&gpu, &meter, &options, &mut |step, part| {
        say(global, &format!("{step}: {part}"));
    })?;
    if let Some(profile) = port.new_profile() {
        let evidence = serde_json::json!({ "port": state });
        let path = install(&gpu, profile.clone(), evidence).map_err(|error| {
            Failure::failed(format!(
                "cannot install the profile ({error}): check the cache folder"
            ))
        })?;
        let installed = format!(
            "installed the profile {} ({}); runs on this device use it now, unless with --profile default",
            profile.name,
            path.display()
        );
        say(global, &installed);
    }
    let text = report::port_page(&port);
    output::write(&page, &text)?;
    if args.json {
        output::print_json(&port)?;
    } else {
        output::print_text(&report::port(&port))?;
    }
    say(global, &format!("page: {}", page.display()));
    Ok(u8::from(!port.problems().is_empty()))
}

fn open(global: &Global) -> Result<Gpu, Failure> {
    Ok(Gpu::open(&GpuOptions {
        adapter: global.adapter.clone(),
        ..Default::default()
    })?)
}

/// Checks one kernel and prints what was found.
fn one_kernel(kernel: &str, guard: Rc<Guard>, args: &Args, global: &Global) -> Result<u8, Failure> {
    if !SHADERS.iter().any(|shader| shader.name == kernel) {
        let near = SHADERS.iter().map(|shader| shader.name);
        let near = near.max_by(|a, b| {
            let like = |name: &str| strsim::jaro_winkler(name, kernel);
            like(a).total_cmp(&like(b))
        });
        return Err(Failure::misuse(format!(
            "--kernel: no kernel is named {kernel:?}; the most similar is {:?}",
            near.unwrap_or_default()
        )));
    }
    let gpu = open(global)?;
    let options = ExamOptions {
        kernel: Some(kernel.to_owned()),
        twice: true,
        fail_fast: args.fail_fast,
        guard,
    };
    let mut part = |suite: &str, _: usize, _: usize| {
        if global.verbose > 0 {
            say(global, suite);
        }
    };
    let pipelines = PipelineCache::new(&gpu);
    let (findings, _) = examine(&gpu, pipelines, &options, &mut part);
    let found = Conformance::new(&findings);
    let own = found.kernels.iter().find(|row| row.kernel == kernel);
    let compared = own.map_or(0, |row| row.compared);
    if args.json {
        output::print_json(&found)?;
    } else {
        let mut text = match (compared, found.failures) {
            (0, 0) => format!("{kernel}: does not run on {}\n", gpu.adapter.name),
            (_, 0) => format!("{kernel}: {compared} comparisons, all right\n"),
            (_, failed) => {
                let inputs = findings.failures.iter().map(|failure| failure.inputs);
                let only = match inputs.clone().any(Inputs::finite) {
                    true => String::new(),
                    false => {
                        let all = inputs.fold(Inputs::default(), |all, inputs| all | inputs);
                        format!("; wrong only where an input is {all}")
                    }
                };
                format!("{kernel}: {failed} comparisons failed, of {compared}{only}\n")
            }
        };
        for failure in findings.failures.iter().take(10) {
            text += &format!("  {failure}\n");
        }
        output::print_text(&text)?;
    }
    Ok(u8::from(found.failures > 0))
}

/// `port-`, then letters, digits and single dashes of the adapter's name.
fn file_name(adapter: &str) -> String {
    let lower = adapter.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    format!("port-{}", words.join("-"))
}

impl From<PortError> for Failure {
    fn from(error: PortError) -> Self {
        match error {
            PortError::Device(error) => error.into(),
            PortError::Roofline(error) => error.into(),
            PortError::Tune(error) => error.into(),
            other => Self::failed(other),
        }
    }
}

impl From<crate::lab::port::StateError> for Failure {
    fn from(error: crate::lab::port::StateError) -> Self {
        Self::failed(error)
    }
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn the_file_is_named_after_the_adapter() {
        let name = "llvmpipe (LLVM 15.0.6, 256 bits)";
        assert_eq!(file_name(name), "port-llvmpipe-llvm-15-0-6-256-bits");
        assert_eq!(file_name("NVIDIA H100 / SXM"), "port-nvidia-h100-sxm");
    }
}
