//! The arguments of `wattgrad bench`.

use std::path::PathBuf;

use super::inputs::Input;

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  \
        wattgrad bench copy.wgsl --bind x=1000000 --bind y=1000000 --threads 1000000\n  \
        wattgrad bench a.wgsl --against b.wgsl --bind x=512x512 --bind y=512x512 --grid 64x64"
)]
pub struct Args {
    /// WGSL file with one @compute function
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Data of a binding: SHAPE, SHAPE:FILL, [VALUES] or @FILE.npy; repeatable
    #[arg(long = "bind", value_name = "NAME=DATA", value_parser = Input::parse)]
    pub inputs: Vec<(String, Input)>,

    /// Value of a constant or override of the kernel, such as N=8; repeatable
    #[arg(long = "const", value_name = "NAME=VALUE", value_parser = pair)]
    pub constants: Vec<(String, String)>,

    /// Workgroups, such as 64x64
    #[arg(long, value_name = "SIZE", value_parser = grid, conflicts_with = "threads")]
    pub grid: Option<[u32; 3]>,

    /// Invocations, such as 1024x1024, rounded up to whole workgroups
    #[arg(long, value_name = "SIZE", value_parser = grid)]
    pub threads: Option<[u32; 3]>,

    /// A second kernel for the same data, run in turns with the first
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,

    /// Workgroups of the second kernel [default: as the first]
    #[arg(long, value_name = "SIZE", value_parser = grid, requires = "against")]
    pub against_grid: Option<[u32; 3]>,

    /// Expected content of an output; repeatable
    #[arg(long, value_name = "NAME=FILE.npy", value_parser = pair)]
    pub expect: Vec<(String, String)>,

    /// Command that writes the expected outputs as NAME.npy (docs/bench.md)
    #[arg(long, value_name = "COMMAND")]
    pub check: Option<String>,

    /// Largest error of an output, relative to its largest value
    #[arg(long, value_name = "E", default_value_t = 1e-5)]
    pub tolerance: f64,

    /// Timed submissions, each of many launches
    #[arg(short, long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,

    /// Time the kernel with the runtime checks of indices and loops
    #[arg(long)]
    pub checks: bool,

    /// Seconds of launches whose energy is measured, where a sensor is available
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    pub energy_seconds: f64,

    /// Seconds until a launch that does not end is given up
    #[arg(long, value_name = "S", default_value_t = 60.0)]
    pub timeout: f64,

    /// Seed of random data
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub seed: u64,

    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// Write the figures as a Markdown table
    #[arg(long, value_name = "FILE")]
    pub export_markdown: Option<PathBuf>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() && !value.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

/// `64`, `64x64` or `64x64x2`.
fn grid(text: &str) -> Result<[u32; 3], String> {
    let mut grid = [1; 3];
    let sizes: Vec<&str> = text.split('x').collect();
    if sizes.len() > 3 {
        return Err("a grid has at most three dimensions, such as 64x64x2".to_owned());
    }
    for (size, text) in grid.iter_mut().zip(sizes) {
        let parsed = text.trim().parse::<u32>().ok().filter(|&size| size > 0);
        *size = parsed.ok_or_else(|| "write sizes above 0, such as 64x64".to_owned())?;
    }
    Ok(grid)
}
