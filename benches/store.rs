//! How long it takes to read many folders of one study: `study status` and `report` of 50 folders of 500 runs each.
//!
//! `cargo bench --bench store -- DIR` makes the folders in DIR, where they are missing, from the records of a real study
//! (2 GB), and prints the median of 5 calls of the program. `WATTGRAD_BENCH_FOLDERS` and `WATTGRAD_BENCH_PROGRAM` change the
//! number of folders and the program that is timed.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use wattgrad::internals::study::store::{Identity, RunId, Store};
use wattgrad::internals::study::{RunRecord, Study};

const RECORDS: &str = "data/runs/2026-11-29-llvmpipe-power/power-of-training";
const FOLDERS: u32 = 50;
const CALLS: usize = 5;

/// 500 cells; each folder has the runs of one seed.
fn study(folders: u32) -> String {
    let seeds: Vec<u32> = (1..=folders).collect();
    let rates: Vec<f64> = (1..=50).map(|n| f64::from(n) / 250.0).collect();
    let batches: Vec<u32> = (1..=10).map(|n| n * 16).collect();
    format!(
        r#"name = "many-folders"
seeds = {seeds:?}
[base]
model = "mlp"
data = "fashion-mnist"
[axes]
batch-size = {batches:?}
lr = {rates:?}
[reference]
batch-size = 64
lr = 0.02
[target]
metric = "accuracy"
at-least = [0.80, 0.85, 0.88]
window = 12000
[evaluate]
every-samples = 6000
[budget]
samples = 600000
"#
    )
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let at = arguments.find(|word| !word.starts_with("--"));
    let at = PathBuf::from(at.ok_or("give a folder: cargo bench --bench store -- DIR")?);
    let count = match std::env::var("WATTGRAD_BENCH_FOLDERS") {
        Ok(count) => count.parse()?,
        Err(_) => FOLDERS,
    };
    let study = Study::parse("many-folders.toml", &study(count))?;
    let identity = study.identity()?;
    let real = Store::open(Path::new(RECORDS))?.runs()?.records;
    let folders: Vec<PathBuf> = (1..=count).map(|n| at.join(format!("{n:02}"))).collect();
    for (folder, seed) in folders.iter().zip(1..) {
        make(folder, &study, &identity, seed, &real)?;
    }
    let program = std::env::var_os("WATTGRAD_BENCH_PROGRAM");
    let program = program.map_or_else(|| env!("CARGO_BIN_EXE_wattgrad").into(), PathBuf::from);
    for words in [&["study", "status"][..], &["report"]] {
        let mut seconds = vec![];
        for _ in 0..CALLS {
            let mut command = Command::new(&program);
            let command = command.args(words).args(&folders).stdout(Stdio::null());
            let start = Instant::now();
            let status = command.status()?;
            seconds.push(start.elapsed().as_secs_f64());
            if !status.success() {
                return Err(format!("wattgrad {} failed: {status}", words.join(" ")).into());
            }
        }
        seconds.sort_by(f64::total_cmp);
        println!(
            "{:12} {:6.2} s ({:.2} to {:.2})",
            words.join(" "),
            seconds[CALLS / 2],
            seconds[0],
            seconds[CALLS - 1]
        );
    }
    Ok(())
}

/// A folder with the runs of one seed, unless it is complete.
fn make(
    folder: &Path,
    study: &Study,
    identity: &Identity,
    seed: u32,
    real: &[RunRecord],
) -> Result<(), Box<dyn Error>> {
    let plan = study.plan();
    let own: Vec<_> = plan.iter().filter(|run| run.seed == seed).collect();
    if Store::create_or_open(folder, identity)?.done()?.len() == own.len() {
        return Ok(());
    }
    let order: Vec<RunId> = own
        .iter()
        .map(|run| RunId::new(&run.id))
        .collect::<Result<_, _>>()?;
    // In a folder of these runs alone, because a claim looks at all planned runs.
    let part = folder.with_extension("part");
    let only = Identity {
        runs: order.clone(),
        ..identity.clone()
    };
    let store = Store::create_or_open(&part, &only)?;
    while let Some(mut claim) = store.claim_next(&order)? {
        let at = order.iter().position(|run| run == claim.run());
        let at = at.ok_or("a run that is not planned")?;
        let cell = &study.cells[own[at].cell];
        let from = &real[(at * 7 + seed as usize) % real.len()];
        let mut record = RunRecord {
            id: claim.run().to_string(),
            cell: cell.id.clone(),
            seed,
            purpose: own[at].purpose,
            ..from.clone()
        };
        // Seconds that differ from run to run.
        let slower = 1.0 + ((at * 31 + seed as usize * 17) % 101) as f64 / 1000.0;
        if let Some(training) = &mut record.record {
            training.regime = cell.regime.clone();
            training.regime.seed = seed;
            for point in &mut training.evaluations {
                point.seconds *= slower;
                point.training_seconds *= slower;
            }
            let reached = training.target_results.iter_mut();
            for arrival in reached.flat_map(|r| r.reached.iter_mut().chain(&mut r.first_single)) {
                arrival.seconds *= slower;
                arrival.training_seconds *= slower;
            }
            training.durations.training_seconds *= slower;
            training.durations.evaluation_seconds *= slower;
        }
        claim.save(&record)?;
    }
    std::fs::remove_dir_all(folder.join("runs"))?;
    std::fs::rename(part.join("runs"), folder.join("runs"))?;
    std::fs::remove_dir_all(&part)?;
    println!("{}: {} runs", folder.display(), own.len());
    Ok(())
}
