//! Steps that stay in phase with a sensor that measures only part of each interval.

use fastrand::Rng;
use wattgrad::internals::energy::{Estimate, Recording, SensorModel, Stamp, Unavailable};

use crate::judge::{self, trials};
use crate::sensor::{self, Hidden, SimulatedSensor};
use crate::world::World;
use crate::{bench, load, trial};

/// Training steps of two phases, 400 W and 100 W, with about the period of a part-time sensor.
fn steps(period: f64, exact: bool, seed: u64, windows: &[f64]) -> (World, Vec<Stamp>, [f64; 2]) {
    let mut rng = Rng::with_seed(seed);
    let mut hidden = Hidden::draw(&mut rng, &sensor::PART_TIME);
    if exact {
        hidden = Hidden::plain(&mut rng, &sensor::PART_TIME);
    }
    let window = windows[rng.usize(..windows.len())];
    let (began, from) = (2.0, 3.5);
    let to = from + window;
    let load = load::square(period, 400.0, 100.0, 60.0, [began, to + 1.5, to + 3.5]);
    let stamps = (1..)
        .map(|step| (f64::from(step), began + period * f64::from(step)))
        .take_while(|&(_, at)| at <= to + 1.5)
        .map(|(done, at)| Stamp {
            at: at + 1e-4 * rng.f64(),
            done,
        })
        .collect();
    let sensor = SimulatedSensor::new(sensor::PART_TIME, hidden, load);
    (World::new(sensor, &mut rng), stamps, [from, to])
}

/// A sensor that measures a quarter of the time may see only one phase of the step. The interval must then be wide.
#[test]
fn widens_or_rejects_steps_in_phase_with_a_part_time_sensor() {
    let mut faults = Vec::new();
    for period in [0.05, 0.1, 0.1005] {
        for exact in [true, false] {
            let (mut held, mut given, mut naive) = (0, 0, Vec::new());
            let (mut halves, mut reasons) = (Vec::new(), Vec::new());
            for seed in 0..trials() as u64 {
                let (world, stamps, [from, to]) = steps(period, exact, seed, &[5.0, 12.0, 20.0]);
                let recording = world.watch().expect("readings");
                let sensor = &world.sensor;
                let scaled = sensor.through(sensor.load.between(from, to), to - from);
                let read = trial::naive(sensor, recording.readings(), from, to);
                naive.push((read / scaled - 1.0).powi(2));
                let known = bench::knowledge(&world, true, seed).expect("a calibration");
                match recording.in_load(from, to, &stamps, &known) {
                    Ok(estimate) => {
                        let truth = sensor.load.between(estimate.from, estimate.to);
                        let through = sensor.through(truth, estimate.seconds());
                        given += 1;
                        held += usize::from(estimate.ci.holds(through));
                        halves.push(estimate.ci.half() / through);
                    }
                    Err(refusal) => reasons.push(refusal.reason),
                }
            }
            let rms = (naive.iter().sum::<f64>() / naive.len() as f64).sqrt();
            println!(
                "steps of {:5.1} ms, exact {exact:5}: {held} of {given} held, median half {:.1} %, {} refused ({}); naive RMS {:.0} %",
                1e3 * period,
                100.0 * judge::quantile(halves.into_iter(), 0.5),
                reasons.len(),
                reasons.first().map_or("", String::as_str),
                100.0 * rms
            );
            if exact {
                // 34, 48 and 45 % in 5 s; in the longest windows steps of 100.5 ms pass through all phases.
                assert!(rms > 0.2, "{period}: naive reading errs by {rms} only");
            }
            if (held as f64) < 0.93 * f64::from(given) - 2.0 {
                faults.push(format!("{period} s, exact {exact}: {held} of {given}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("; "));
}

/// The estimate of a window of steps that ends when the phases cover the step, or after `most` seconds. It uses only the
/// readings up to its end.
fn lengthened(
    world: &World,
    (recording, stamps): (&Recording, &[Stamp]),
    known: &SensorModel,
    (from, least, most): (f64, f64, f64),
) -> (f64, Result<Estimate, Unavailable>) {
    let mut seconds = least;
    loop {
        // Like a window of repeated work, it ends with a step.
        let until = stamps.partition_point(|stamp| stamp.at <= from + seconds);
        let stamps = &stamps[..until];
        let to = stamps[until - 1].at;
        let readings = recording.readings();
        let until = readings.partition_point(|reading| reading.at.monotonic <= to);
        let spec = world.sensor.model.spec();
        let so_far = Recording::new(spec, readings[..until].to_vec());
        if seconds >= most || so_far.covers(from, to, stamps, known) {
            return (seconds, so_far.in_load(from, to, stamps, known));
        }
        seconds += 1.0;
    }
}

/// At an update interval of 100 ms, steps of 100.3 and 50.15 ms pass through all phases in 33 s: 5 s leave a gap, and a
/// longer window has a result. Steps of exactly 100 ms never change their phase.
#[test]
fn lengthens_a_window_until_the_phases_cover_the_step() {
    const LEAST: f64 = 5.0;
    const MOST: f64 = 60.0;
    let mut faults = Vec::new();
    for (period, covers_all) in [(0.1003, true), (0.05015, true), (0.1, false)] {
        let (mut short, mut given, mut held, mut blurred) = (0, 0, 0, 0);
        let mut lengths = Vec::new();
        let trials = (trials() as u64).div_ceil(5);
        for seed in 0..trials {
            let (world, stamps, [from, _]) = steps(period, true, seed, &[MOST]);
            let recording = world.watch().expect("readings");
            let known = bench::knowledge(&world, true, seed).expect("a calibration");
            let outcome =
                |most| lengthened(&world, (&recording, &stamps), &known, (from, LEAST, most));
            short += u64::from(outcome(LEAST).1.is_ok());
            match outcome(MOST) {
                (seconds, Ok(estimate)) => {
                    let truth = world.sensor.load.between(estimate.from, estimate.to);
                    let through = world.sensor.through(truth, estimate.seconds());
                    given += 1;
                    held += u64::from(estimate.ci.holds(through));
                    lengths.push(seconds);
                }
                // After a slow read the phase is unknown, whatever the length of the window.
                (seconds, Err(refusal)) if refusal.reason.contains("too long to determine") => {
                    blurred += 1;
                    lengths.push(seconds);
                }
                (seconds, Err(refusal)) => {
                    assert!(
                        seconds >= MOST,
                        "seed {seed} of {period} s: given up after {seconds} s: {refusal}"
                    );
                }
            }
        }
        let known = trials - blurred;
        println!(
            "steps of {:6.2} ms: {short} of {trials} have a result after {LEAST} s, {given} within {MOST} s (median {:.0} \
             s), {held} held, {blurred} blurred",
            1e3 * period,
            judge::quantile(lengths.into_iter(), 0.5)
        );
        let least = |share: f64, of: u64| share * of as f64 - 2.0;
        if short as f64 > 0.2 * trials as f64 {
            faults.push(format!("{period} s: {short} need no more than {LEAST} s"));
        }
        if covers_all && (given as f64) < least(0.95, known) {
            faults.push(format!("{period} s: {given} of {known} have a result"));
        }
        if !covers_all && given as f64 > 0.05 * known as f64 {
            faults.push(format!("{period} s: {given} of {known} have a result"));
        }
        if (held as f64) < least(0.93, given) {
            faults.push(format!("{period} s: {held} of {given} held"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("; "));
}
