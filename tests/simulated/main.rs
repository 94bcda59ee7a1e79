//! The meter's estimator before simulated instruments whose truth is known.
//!
//! Nothing here is taken from the estimator: it sees only what an instrument shows and when. `WATTGRAD_TRIALS` sets the
//! trials of each instrument and kind of window; `--nocapture` shows the tables.

mod bench;
mod draw;
mod judge;
mod load;
mod sensor;
mod trial;
mod world;

use fastrand::Rng;
use wattgrad::energy::Stamp;

use judge::{HEAD, Verdict, trials};
use sensor::{Hidden, Model, Sensor};
use trial::Kind;
use world::World;

/// Both kinds of window through one instrument. `accurate`: whether it is one of those that are promised 1 % at 10 s and
/// 2 % at 5 s.
fn judge(model: Model, accurate: bool) -> [Verdict; 2] {
    let verdicts = [Kind::InLoad, Kind::Between].map(|kind| Verdict::of(model, kind, true));
    let lines = verdicts
        .iter()
        .map(|verdict| format!("{}\n{}", verdict.line(), verdict.details()));
    println!("{HEAD}\n{}", lines.collect::<String>());
    let faults: Vec<String> = verdicts
        .iter()
        .flat_map(|verdict| {
            let kind = verdict.kind;
            let faults = verdict.faults(accurate).into_iter();
            faults.map(move |fault| format!("{kind:?}: {fault}"))
        })
        .collect();
    assert!(faults.is_empty(), "{}: {}", model.name, faults.join("; "));
    verdicts
}

#[test]
fn counter_of_20_ms() {
    judge(sensor::COUNTER_20, true);
}

#[test]
fn counter_of_100_ms() {
    let verdicts = judge(sensor::COUNTER_100, true);
    // Reading the counter at both ends and subtracting does not do as well.
    for verdict in verdicts {
        assert!(verdict.naive() < 0.93, "{:?}", verdict.kind);
    }
}

#[test]
fn rapl() {
    judge(sensor::RAPL, true);
}

#[test]
fn accumulator() {
    judge(sensor::ACCUMULATOR, false);
}

#[test]
fn full_time_power() {
    judge(sensor::FULL_TIME, true);
}

#[test]
fn part_time_power() {
    judge(sensor::PART_TIME, false);
}

#[test]
fn half_time_power() {
    judge(sensor::HALF_TIME, false);
}

#[test]
fn power_of_one_second() {
    judge(sensor::ONE_SECOND, false);
}

#[test]
fn battery() {
    judge(sensor::BATTERY, false);
}

#[test]
fn lagged_power() {
    judge(sensor::LAGGED, false);
}

#[test]
fn counter_of_samples() {
    judge(sensor::SAMPLES, false);
}

/// A gain that drifts by itself cannot be told, through one instrument alone, from a device that heats: what can hold is
/// the absolute interval.
#[test]
fn drifting_counter() {
    for kind in [Kind::InLoad, Kind::Between] {
        let verdict = Verdict::of(sensor::DRIFTING, kind, true);
        println!("{HEAD}\n{}\n{}", verdict.line(), verdict.details());
        let faults = verdict.faults(false);
        assert!(
            !faults.iter().any(|fault| fault.starts_with("absolute")),
            "{faults:?}"
        );
    }
}

/// With instruments nobody calibrated, and on a machine that is busy around the window, the intervals hold too: how wide
/// they are then is not promised. Amid other load what lies around a window is no roll to go by, and a little less is asked.
#[test]
fn amid_other_load_and_uncalibrated_the_intervals_hold() {
    let mut faults = Vec::new();
    println!("{HEAD}");
    for model in [
        sensor::COUNTER_20,
        sensor::COUNTER_100,
        sensor::RAPL,
        sensor::ACCUMULATOR,
        sensor::FULL_TIME,
        sensor::PART_TIME,
        sensor::HALF_TIME,
        sensor::ONE_SECOND,
        sensor::BATTERY,
    ] {
        for (kind, learnt, least) in [
            (Kind::Amid, true, 0.90),
            (Kind::Amid, false, 0.90),
            (Kind::InLoad, false, 0.93),
            (Kind::Between, false, 0.93),
        ] {
            let verdict = Verdict::of(model, kind, learnt);
            println!("learnt {learnt:5} {}", verdict.line());
            if verdict.held() < least {
                faults.push(format!(
                    "{} {kind:?} {learnt}: {}",
                    model.name,
                    verdict.held()
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// An interval shorter than ten averaging windows, or ten updates of a battery, has no figure of its own.
#[test]
fn windows_of_few_averagings_have_no_figure() {
    for model in [sensor::ONE_SECOND, sensor::BATTERY] {
        for kind in [Kind::InLoad, Kind::Between] {
            for seed in 0..trials() as u64 / 4 {
                let outcome = trial::run_for(model, kind, false, seed, |rng, model| {
                    model.averaging() * draw::within(rng, 0.5, 9.5)
                });
                assert!(
                    outcome.estimate.is_err(),
                    "{} {kind:?}, seed {seed}: {} s",
                    model.name,
                    outcome.window
                );
            }
        }
    }
}

/// Mean and standard deviation.
fn spread(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / count).sqrt())
}

/// The simulation against what is known of counters of 100 ms, 50 W of idle before 350 W of load: reading twice and
/// subtracting is biased by minus half a tick of the difference, and spread by a tick at either end.
#[test]
fn reading_twice_errs_as_it_is_known_to() {
    let mut rng = Rng::with_seed(1);
    for (window, bias, sd) in [
        (0.37, -0.12, 0.08),
        (1.33, -0.032, 0.023),
        (5.13, -0.0084, 0.006),
        (10.1, -0.0042, 0.003),
    ] {
        let errors: Vec<f64> = (0..500)
            .map(|_| {
                let mut load = load::Load::default();
                load.push(2.0, 50.0, 50.0);
                load.push(2.0 + window + 1.0, 350.0, 350.0);
                let hidden = Hidden::plain(&mut rng, &sensor::COUNTER_100);
                let sensor = Sensor::new(sensor::COUNTER_100, hidden, load);
                let truth = sensor.load.between(2.0, 2.0 + window);
                trial::naive(&sensor, &[], 2.0, 2.0 + window) / truth - 1.0
            })
            .collect();
        let (mean, deviation) = spread(&errors);
        assert!((mean / bias - 1.0).abs() < 0.15, "{window} s: {mean}");
        assert!(
            (deviation / sd - 1.0).abs() < 0.3,
            "{window} s: {deviation}"
        );
    }
}

/// Training steps of two phases whose length fits a part-time sensor's period: 400 W and 100 W in turn.
fn steps(period: f64, exact: bool, seed: u64) -> (World, Vec<Stamp>, [f64; 2]) {
    let mut rng = Rng::with_seed(seed);
    let mut hidden = Hidden::draw(&mut rng, &sensor::PART_TIME);
    if exact {
        hidden = Hidden::plain(&mut rng, &sensor::PART_TIME);
    }
    let window = [5.0, 12.0, 20.0][rng.usize(..3)];
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
    let sensor = Sensor::new(sensor::PART_TIME, hidden, load);
    (World::new(sensor, &mut rng), stamps, [from, to])
}

/// A sensor that looks at a quarter of the time may see one phase of the step only: then the interval has to say so.
#[test]
fn steps_that_fit_a_part_time_sensor_are_widened_or_refused() {
    let mut faults = Vec::new();
    for period in [0.05, 0.1, 0.1005] {
        for exact in [true, false] {
            let (mut held, mut given, mut naive) = (0, 0, Vec::new());
            let (mut halves, mut reasons) = (Vec::new(), Vec::new());
            for seed in 0..trials() as u64 {
                let (world, stamps, [from, to]) = steps(period, exact, seed);
                let recording = world.watch().expect("readings");
                let sensor = &world.sensor;
                let asked = sensor.through(sensor.load.between(from, to), to - from);
                let read = trial::naive(sensor, recording.readings(), from, to);
                naive.push((read / asked - 1.0).powi(2));
                let known = bench::knowledge(&world, true, seed).expect("an examination");
                match recording.in_load(from, to, &stamps, &known) {
                    Ok(estimate) => {
                        let truth = sensor.load.between(estimate.from, estimate.to);
                        let through = sensor.through(truth, estimate.seconds());
                        given += 1;
                        held += usize::from(estimate.repeatability.holds(through));
                        halves.push(estimate.repeatability.half() / through);
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
                // 34, 48 and 45 % in 5 s; the longest windows here let steps of 100.5 ms come round.
                assert!(rms > 0.2, "{period}: naive reading errs by {rms} only");
            }
            if (held as f64) < 0.93 * f64::from(given) - 2.0 {
                faults.push(format!("{period} s, exact {exact}: {held} of {given}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("; "));
}
