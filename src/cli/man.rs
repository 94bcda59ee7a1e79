//! `wattgrad man`.

use std::path::{Path, PathBuf};

use clap::CommandFactory as _;

use super::args::Cli;
use super::failure::Failure;
use super::output;

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad man | man -l -\n  wattgrad man --out ~/.local/share/man/man1"
)]
pub struct Args {
    /// Write a page for the program and for each command into this folder instead
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<u8, Failure> {
    match &args.out {
        None => output::print(&String::from_utf8_lossy(&page(Cli::command())?))?,
        Some(folder) => write(folder)?,
    }
    Ok(0)
}

fn page(command: clap::Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error| {
            Failure::failed(format!(
                "the manual cannot be made ({error}): report this as a bug"
            ))
        })?;
    Ok(page)
}

fn write(folder: &Path) -> Result<(), Failure> {
    let failed = |path: &Path, error: std::io::Error| {
        Failure::failed(format!(
            "cannot write {path:?} ({error}): choose a folder that may be written"
        ))
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let mut program = Cli::command();
    // Gives the commands the flags that all of them have.
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
