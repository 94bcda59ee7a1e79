//! The examples run and print plausible output. Cargo builds them before this test.
#![cfg(feature = "gpu")]

use std::path::PathBuf;
use std::process::Command;

/// The output of an example.
fn printed(name: &str) -> String {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().and_then(|deps| deps.parent()).unwrap();
    let path: PathBuf = built
        .join("examples")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        path.exists(),
        "{} was not built: run `cargo build --examples` first, or all tests",
        path.display()
    );
    let run = Command::new(&path).output().unwrap();
    let text = String::from_utf8(run.stdout).unwrap();
    assert!(
        run.status.success(),
        "{name}: {text}{}",
        String::from_utf8_lossy(&run.stderr)
    );
    text
}

/// A line of energy has joules with seconds, or a reason; never 0 alone.
fn is_energy(line: &str) -> bool {
    match line.split_once("unavailable: ") {
        Some((source, reason)) => source.contains(": ") && reason.len() > 10,
        None => line.contains(" J in ") && !line.contains(": 0.0000 J"),
    }
}

/// The number before the first `unit` in `line`.
fn number(line: &str, unit: &str) -> f64 {
    let before = line.split(unit).next().unwrap().trim_end();
    let word = before.rsplit(' ').next().unwrap();
    word.parse()
        .unwrap_or_else(|_| panic!("no number before {unit:?} in {line:?}"))
}

#[test]
fn measure_gives_joules_or_reasons() {
    let text = printed("measure");
    let mut lines = text.lines();
    let sum = (0..20_000_000_u64).fold(0, |sum, i| sum ^ (i * i));
    assert!(lines.next().unwrap().contains(&sum.to_string()), "{text}");
    let rows: Vec<&str> = lines.collect();
    assert!(
        !rows.is_empty() && rows.iter().all(|row| is_energy(row)),
        "{text}"
    );
}

#[test]
fn kernel_is_correct_and_takes_time() {
    let text = printed("kernel");
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("z: 100000 elements, largest error "),
        "{text}"
    );
    let micros = number(lines[1], " us per dispatch");
    // It moves 1.2 MB, which takes every device between 100 ns and 1 s.
    assert!((0.1..1e6).contains(&micros), "{text}");
    assert!(
        lines.len() > 2 && lines[2..].iter().all(|row| is_energy(row)),
        "{text}"
    );
}

#[test]
fn network_learns_the_spirals() {
    let text = printed("network");
    let right: Vec<f64> = text.lines().map(|line| number(line, " %")).collect();
    assert_eq!(right.len(), 6, "{text}");
    // Guessing classifies half of the points, and a straight line about 60 %.
    assert!(*right.last().unwrap() > 95.0, "{text}");
}

#[test]
fn regimes_reach_the_same_accuracy() {
    let text = printed("regimes");
    let (energy, rows): (Vec<&str>, Vec<&str>) = text
        .lines()
        .skip(1)
        .partition(|line| line.starts_with("       "));
    assert_eq!(rows.len(), 2, "{text}");
    assert!(
        energy.len() >= 2 && energy.iter().all(|row| is_energy(row)),
        "{text}"
    );
    for (row, batch) in rows.iter().zip([32.0, 128.0]) {
        let words: Vec<&str> = row.split_whitespace().collect();
        let value = |at: usize| words[at].parse::<f64>().unwrap();
        assert_eq!(value(0), batch, "{text}");
        assert!((90.0..=100.0).contains(&value(2)), "{text}");
        assert!(value(4) >= 1.0 && value(5) > 0.0, "{text}");
    }
}
