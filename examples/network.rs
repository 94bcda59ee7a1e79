//! A network of your own layers, trained on your own arrays: which of two spirals does a point lie on?

use wattgrad::{Arrays, Dataset, InputValues};
use wattgrad::{Event, Gpu, Network, Regime, Trainer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (points, labels) = spirals(3000, 0.0);
    let (test_points, test_labels) = spirals(500, 0.5);
    let train = Arrays {
        inputs: InputValues::F32(&points),
        labels: &labels,
    };
    let test = Arrays {
        inputs: InputValues::F32(&test_points),
        labels: &test_labels,
    };
    let data = Dataset::from_arrays("spirals", 2, &[2], train, test)?;

    let mut network = Network::new();
    let point = network.input([1, 1, 2]);
    let mut hidden = point;
    for (name, width) in [("in", 64), ("middle", 64)] {
        let sums = network.linear(name, hidden, width)?;
        hidden = network.relu(sums)?;
    }
    let logits = network.linear("out", hidden, 2)?;
    network.cross_entropy("label", logits, 0, 1.0);

    let regime = Regime {
        model: "spirals".into(),
        lr: Some(0.1),
        epochs: Some(30),
        eval_every: 5.0,
        ..Regime::default()
    };
    let gpu = Gpu::open(&Default::default())?;
    let trainer = Trainer::new(&gpu, regime)?.data(data).network(network);
    trainer.run(&mut |event: &Event| {
        if let Event::Evaluation(point) = event {
            println!("step {:4}: {}", point.step, point.describe());
        }
    })?;
    Ok(())
}

/// Points on two spirals, half a turn apart, in a fixed mixed order; `shift` moves them along their spiral.
fn spirals(count: usize, shift: f32) -> (Vec<f32>, Vec<u32>) {
    let (mut points, mut labels) = (vec![], vec![]);
    for i in 0..count {
        let along = ((i * 7919) % count) as f32 + shift;
        let radius = 0.2 + 0.8 * along / count as f32;
        let angle = 9.0 * radius + std::f32::consts::PI * (i % 2) as f32;
        points.extend([radius * angle.cos(), radius * angle.sin()]);
        labels.push((i % 2) as u32);
    }
    (points, labels)
}
