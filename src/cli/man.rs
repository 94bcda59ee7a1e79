//! `wattgrad man`.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::output;

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad man | man -l -\n  wattgrad man --out ~/.local/share/man/man1"
)]
pub struct Args {
    /// Write a page for the program and one for each command to this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn run(args: &Args, program: clap::Command) -> Result<u8, Failure> {
    match &args.out {
        None => output::print(&String::from_utf8_lossy(&page(program)?))?,
        Some(folder) => write(program, folder)?,
    }
    Ok(0)
}

fn page(command: clap::Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error| Failure::failed(format!("cannot generate the manual: {error}")))?;
    Ok(page)
}

fn write(mut program: clap::Command, folder: &Path) -> Result<(), Failure> {
    let failed = |path: &Path, error: std::io::Error| Failure::cannot_write(path, &error);
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    // Passes the global options on to the commands.
    program.build();
    let mut pages = vec![("wattgrad".to_owned(), program.clone())];
    for command in program.get_subcommands() {
        let name = format!("wattgrad-{}", command.get_name());
        pages.push((name.clone(), command.clone().display_name(name)));
    }
    for (name, command) in pages {
        let path = folder.join(format!("{name}.1"));
        crate::files::write_whole(&path, &page(command)?).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}
