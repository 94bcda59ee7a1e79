//! Two regimes side by side: which one reaches the same accuracy in fewer steps, seconds and joules?

use wattgrad::{Gpu, NoObserver, Regime, Trainer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gpu = Gpu::open(&Default::default())?;
    let base = Regime {
        data: "digits".into(),
        epochs: Some(20),
        target_accuracy: Some(0.90),
        ..Regime::default()
    };
    let small = Regime {
        batch_size: 32,
        lr: Some(0.02),
        ..base.clone()
    };
    let large = Regime {
        batch_size: 128,
        lr: Some(0.08),
        ..base
    };

    println!("batch    lr  accuracy  steps  seconds");
    for regime in [small, large] {
        let record = Trainer::new(&gpu, regime)?.run(&mut NoObserver)?.record;
        let last = record.evaluations.last();
        println!(
            "{:5}  {:.2}  {:6.1} %  {:5}  {:7.2}",
            record.regime.batch_size,
            record.regime.lr.unwrap_or_default(),
            100.0 * last.map_or(f64::NAN, |point| point.accuracy()),
            record.steps,
            record.durations.training_seconds + record.durations.evaluation_seconds,
        );
        // A line a source: its joules, or why it has none. Joules of different sources are never added.
        for row in &record.energy {
            println!("       {row}");
        }
    }
    Ok(())
}
