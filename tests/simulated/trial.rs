//! One seeded trial: a load, a sensor, a window and the estimate.

use fastrand::Rng;
use wattgrad::internals::energy::{Edge, Estimate, Reading, Unavailable};

use crate::bench;
use crate::draw::{log_within, within};
use crate::load::Program;
use crate::sensor::{Hidden, Model, SimulatedSensor};
use crate::world::World;

/// The kinds of window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// From one update to another while the load continues.
    InLoad,
    /// The load begins and ends with it.
    Between,
    /// Fixed ends within a longer load: a command on a busy machine.
    Amid,
}

#[derive(Clone, Debug)]
pub struct Outcome {
    pub seed: u64,
    pub program: Program,
    pub hidden: Hidden,
    pub latency: f64,
    /// Seconds of the requested window.
    pub window: f64,
    /// True joules of the returned window, without and with the gain and offset of the sensor.
    pub truth: f64,
    pub through: f64,
    /// Watts in the second around the beginning of the returned window, minus those around its end.
    pub fall: f64,
    pub estimate: Result<Estimate, Unavailable>,
    /// Error in joules of the naive reading: last value minus first, or mean power times time.
    pub naive_error: f64,
}

/// Seconds of a window: about 5, about 10, or anything from 2 to 20; longer for sensors with long averaging.
fn seconds(rng: &mut Rng, model: &Model) -> f64 {
    if model.averaging() >= 1.0 {
        return model.averaging() * log_within(rng, 12.0, 40.0);
    }
    match rng.u8(..10) {
        0..3 => within(rng, 4.9, 5.1),
        3..6 => within(rng, 9.9, 10.1),
        _ => log_within(rng, 2.0, 20.0),
    }
}

/// A trial with a window of a drawn length.
pub fn run(model: Model, kind: Kind, calibrated: bool, seed: u64) -> Outcome {
    run_for(model, kind, calibrated, seed, seconds)
}

/// A trial with a window that `seconds` draws.
pub fn run_for(
    model: Model,
    kind: Kind,
    calibrated: bool,
    seed: u64,
    seconds: impl Fn(&mut Rng, &Model) -> f64,
) -> Outcome {
    let mut rng = Rng::with_seed(seed);
    let program = Program::draw(&mut rng, model.watts);
    let hidden = Hidden::draw(&mut rng, &model);
    let window = seconds(&mut rng, &model);
    // Pre-roll and post-roll, long enough for the sensor to show them.
    let mut roll = || 4.0 * model.averaging() + within(&mut rng, 1.5, 3.0);
    let (idle_before, idle_after) = (roll(), roll());
    let (load_before, load_after) = match kind {
        Kind::InLoad | Kind::Amid => (roll(), roll()),
        Kind::Between => (0.0, 0.0),
    };
    let from = idle_before + load_before;
    let to = from + window;
    let end = to + load_after + idle_after;
    let load = program.load(&mut rng, idle_before, to + load_after, end);
    let world = World::new(SimulatedSensor::new(model, hidden, load), &mut rng);
    let (estimate, readings) = match world.watch() {
        Ok(recording) => {
            let estimate =
                bench::knowledge(&world, calibrated, seed).and_then(|known| match kind {
                    Kind::InLoad => recording.in_load(from, to, &[], &known),
                    Kind::Between | Kind::Amid => {
                        recording.fixed((from, to), [Edge::Boundary; 2], &known)
                    }
                });
            (estimate, recording.readings().to_vec())
        }
        Err(refusal) => (Err(refusal), Vec::new()),
    };
    let (given_from, given_to) = match &estimate {
        Ok(estimate) => (estimate.from, estimate.to),
        Err(_) => (from, to),
    };
    let sensor = &world.sensor;
    let truth = sensor.load.between(given_from, given_to);
    let around = |at: f64| sensor.load.between(at - 0.5, at + 0.5);
    Outcome {
        seed,
        program,
        hidden,
        latency: world.latency,
        window,
        truth,
        through: sensor.through(truth, given_to - given_from),
        fall: around(given_from) - around(given_to),
        estimate,
        naive_error: naive(sensor, &readings, from, to)
            - sensor.through(sensor.load.between(from, to), window),
    }
}

/// The estimate of common tools.
pub fn naive(sensor: &SimulatedSensor, readings: &[Reading], from: f64, to: f64) -> f64 {
    let scale = sensor.model.spec().unit.scale();
    if sensor.model.is_counter() {
        let (first, last) = (sensor.shown(from), sensor.shown(to));
        return (last as f64 - first as f64) * scale;
    }
    let inside: Vec<f64> = readings
        .iter()
        .filter(|reading| (from..=to).contains(&reading.at.monotonic))
        .map(|reading| reading.value as f64 * scale)
        .collect();
    inside.iter().sum::<f64>() / inside.len() as f64 * (to - from)
}
