//! `wattgrad explain`.

use std::path::{Path, PathBuf};

use crate::device::{Gpu, GpuOptions};
use crate::kernels::emit::{Language, emit};
use crate::report;
use crate::suggest::Suggest;
use crate::train::Trainer;

use super::failure::Failure;
use super::global::Global;
use super::output::{self, say};
use super::progress::reading;
use super::train::Setup;

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad explain --model cnn --batch-size 64\n  wattgrad explain --model resnet8 --emit msl --out shaders-msl"
)]
pub struct Args {
    #[command(flatten)]
    setup: Setup,

    /// Translate the shaders to this language and write them to --out
    #[arg(
        long,
        value_name = "LANGUAGE",
        requires = "out",
        value_parser = Suggest::text(&["msl", "hlsl", "spirv", "wgsl"]),
    )]
    emit: Option<String>,

    /// Folder for the shaders, created if missing
    #[arg(long, value_name = "DIR", requires = "emit")]
    out: Option<PathBuf>,

    /// Print the program as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let language: Option<Language> = args.emit.as_deref().map(str::parse).transpose()?;
    let regime = args.setup.regime.clone();
    regime.check()?;
    let profile = args.setup.profile()?;
    let data = regime.read_data(&mut reading(global))?;
    regime.check_data(&data)?;
    let network = regime.build_network(&data)?;
    let gpu = Gpu::open(&GpuOptions {
        adapter: global.adapter.clone(),
        ..Default::default()
    })?;
    let head = format!(
        "{} on {}, batch {}, on {} ({})\n",
        regime.model, data.name, regime.batch_size, gpu.adapter.name, gpu.adapter.backend
    );
    let trainer = Trainer::new(&gpu, regime)?.data(data).network(network);
    let program = trainer.tuning(profile.on(&gpu, global)).program()?;

    if let (Some(language), Some(folder)) = (language, &args.out) {
        let shaders = program.shaders();
        write(folder, language, &shaders)?;
        let written = format!(
            "{} shaders in {language} in {}",
            shaders.len(),
            folder.display()
        );
        say(global, &written);
    }
    let summary = program.summary();
    if args.json {
        output::print_json(&summary)?;
    } else {
        let lists = report::program(&summary, global.verbose > 0);
        output::print_text(&format!("{head}\n{lists}"))?;
    }
    Ok(0)
}

/// Writes every shader, after all of them have been translated.
fn write(folder: &Path, language: Language, shaders: &[(String, String)]) -> Result<(), Failure> {
    let mut texts = Vec::with_capacity(shaders.len());
    for (name, wgsl) in shaders {
        let text = emit(wgsl, language).map_err(|error| {
            Failure::failed(format!("cannot translate the kernel {name:?}: {error}"))
        })?;
        let plain: String = name
            .chars()
            .map(|c| match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' => c,
                _ => '-',
            })
            .collect();
        texts.push((format!("{plain}.{}", language.extension()), text));
    }
    let failed = |path: &Path, error: std::io::Error| {
        Failure::failed(format!(
            "cannot write {path:?}: {error}: choose a writable folder"
        ))
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for (name, text) in texts {
        let path = folder.join(name);
        crate::files::write_whole(&path, &text).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}
