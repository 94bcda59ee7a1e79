//! Recordings of a power that is known at every time: how often the interval holds the truth, how often a sound recording
//! is answered, and that no unsound one is answered without a note.

use std::fmt::Write as _;

use fastrand::Rng;
use wattgrad::internals::energy::log::{LogEnergy, LogOptions, Unit};

use super::read;

const RECORDINGS: u64 = 1000;

/// Power as a function of time: plateaus and ramps between knots, with a fluctuation on top.
struct Load {
    /// Seconds and watts; between two of one time the power steps.
    knots: Vec<(f64, f64)>,
    /// Watts and seconds of periodic fluctuations.
    waves: Vec<(f64, f64, f64)>,
}

impl Load {
    fn draw(rng: &mut Rng, seconds: f64) -> Self {
        let levels = [15.0, 60.0, 90.0, 150.0, 240.0, 300.0];
        let mut knots = vec![];
        let mut at = 0.0;
        let pieces = rng.usize(1..7);
        for piece in 0..pieces {
            let end = if piece + 1 == pieces {
                seconds
            } else {
                at + (seconds - at) * (0.1 + 0.6 * rng.f64())
            };
            let from = levels[rng.usize(0..levels.len())];
            let to = if rng.f64() < 0.3 {
                levels[rng.usize(0..levels.len())]
            } else {
                from
            };
            knots.extend([(at, from), (end, to)]);
            at = end;
        }
        let waves = match rng.u8(0..3) {
            0 => vec![],
            _ => (0..3)
                .map(|_| (rng.f64() * 4.0, 0.05 + rng.f64() * seconds / 4.0, rng.f64()))
                .collect(),
        };
        Self { knots, waves }
    }

    fn watts(&self, at: f64) -> f64 {
        let next = self
            .knots
            .partition_point(|knot| knot.0 <= at)
            .clamp(1, self.knots.len() - 1);
        let ((t0, p0), (t1, p1)) = (self.knots[next - 1], self.knots[next]);
        let share = if t1 > t0 {
            ((at - t0) / (t1 - t0)).clamp(0.0, 1.0)
        } else {
            1.0
        };
        let waves = self.waves.iter().map(|(watts, period, phase)| {
            watts * (std::f64::consts::TAU * (at / period + phase)).sin()
        });
        p0 + share * (p1 - p0) + waves.sum::<f64>()
    }

    fn joules(&self, from: f64, to: f64) -> f64 {
        let pieces = self.knots.windows(2).map(|pair| {
            let ((t0, p0), (t1, p1)) = (pair[0], pair[1]);
            let (a, b) = (from.max(t0), to.min(t1));
            let at = |time: f64| p0 + (p1 - p0) * (time - t0) / (t1 - t0);
            if b > a {
                (b - a) * f64::midpoint(at(a), at(b))
            } else {
                0.0
            }
        });
        let waves = self.waves.iter().map(|(watts, period, phase)| {
            let angle = |time: f64| std::f64::consts::TAU * (time / period + phase);
            watts * period / std::f64::consts::TAU * (angle(from).cos() - angle(to).cos())
        });
        pieces.chain(waves).sum()
    }
}

/// What is wrong with a recording.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    None,
    Hole,
    ClockBack,
    TwoDevices,
    MissingCells,
}

struct Recording {
    text: String,
    joules: f64,
    flaw: Flaw,
    options: LogOptions,
    what: String,
}

fn draw(seed: u64) -> Recording {
    let mut rng = Rng::with_seed(seed);
    let rate = 0.2 * 500f64.powf(rng.f64());
    let rows = rng.usize(40..400);
    let seconds = rows as f64 / rate;
    let load = Load::draw(&mut rng, seconds);
    let resolution = [0.001, 0.01, 0.1, 1.0][rng.usize(0..4)];
    let jitter = [0.0, 0.02, 0.1][rng.usize(0..3)];
    let flaw = [
        Flaw::None,
        Flaw::None,
        Flaw::None,
        Flaw::None,
        Flaw::Hole,
        Flaw::ClockBack,
        Flaw::TwoDevices,
        Flaw::MissingCells,
    ][rng.usize(0..8)];
    let style = rng.usize(0..6);
    let counter = matches!(flaw, Flaw::None | Flaw::Hole) && rng.f64() < 0.2;
    let mut times: Vec<f64> = (0..=rows)
        .map(|row| {
            (row as f64
                + if row == 0 || row == rows {
                    0.0
                } else {
                    jitter * (rng.f64() - 0.5)
                })
                / rate
        })
        .collect();
    if flaw == Flaw::Hole {
        let length = rows / 10 + rng.usize(0..rows / 4);
        let start = rng.usize(2..rows - length - 2);
        times.drain(start..start + length);
    }
    let back = match flaw {
        Flaw::ClockBack => Some((
            rng.usize(rows / 4..3 * rows / 4),
            2.5 / rate + rng.f64() * 3600.0,
        )),
        _ => None,
    };
    let mut text = String::from(
        [
            "seconds,power_w\n",
            "timestamp,power_w\n",
            "time_ms,power [mW]\n",
            "timestamp, power.draw [W]\n",
            "Zeit_s;Leistung_W\n",
            "# recorder\ntime\twatts\n",
        ][style],
    );
    if counter {
        text = text
            .replace("power_w", "energy_j")
            .replace("power [mW]", "energy [mJ]")
            .replace("power.draw [W]", "energy [J]")
            .replace("Leistung_W", "Energie_J")
            .replace("watts", "joules");
    }
    if flaw == Flaw::TwoDevices {
        text = match style {
            4 => text.replace(';', ";gpu;"),
            5 => text.replace('\t', "\tgpu\t"),
            _ => text.replacen(',', ",gpu,", 1),
        };
    }
    let (mut energy, mut before) = (1000.0, 0.0);
    for (row, &time) in times.iter().enumerate() {
        energy += load.joules(before, time);
        before = time;
        let shown = time - back.filter(|(at, _)| row >= *at).map_or(0.0, |(_, by)| by);
        let value = if counter { energy } else { load.watts(time) };
        let devices = if flaw == Flaw::TwoDevices { 2 } else { 1 };
        for device in 0..devices {
            let value =
                ((value * (1.0 - 0.6 * f64::from(device))) / resolution).round() * resolution;
            let missing = flaw == Flaw::MissingCells && rng.f64() < 0.05;
            row_text(
                &mut text,
                style,
                shown,
                (flaw == Flaw::TwoDevices).then_some(device),
                value,
                missing,
                counter,
            );
        }
    }
    let (from, to) = (times[0], times[times.len() - 1]);
    Recording {
        text,
        joules: load.joules(from, to),
        flaw,
        options: LogOptions::default(),
        what: format!(
            "seed {seed}: {flaw:?}, style {style}, {rate:.2} Hz, {rows} rows, {resolution} W, counter {counter}"
        ),
    }
}

fn row_text(
    text: &mut String,
    style: usize,
    time: f64,
    device: Option<i32>,
    value: f64,
    missing: bool,
    counter: bool,
) {
    const START: f64 = 1_772_529_300.0;
    let device =
        |delimiter: &str| device.map_or(String::new(), |device| format!("{device}{delimiter}"));
    let cell = |digits: usize, scale: f64| {
        if missing {
            "[N/A]".to_owned()
        } else {
            format!("{:.digits$}", value * scale)
        }
    };
    match style {
        0 => writeln!(text, "{time:.4},{}{}", device(","), cell(3, 1.0)),
        1 => writeln!(text, "{:.4},{}{}", START + time, device(","), cell(3, 1.0)),
        2 => writeln!(
            text,
            "{:.1},{}{}",
            1000.0 * time,
            device(","),
            cell(0, 1000.0)
        ),
        3 => {
            let date = jiff::Timestamp::from_nanosecond(
                ((START + time) * 1e3).round() as i128 * 1_000_000,
            )
            .unwrap();
            let date = date
                .to_zoned(jiff::tz::TimeZone::UTC)
                .strftime("%Y/%m/%d %H:%M:%S%.3f")
                .to_string();
            let unit = if missing {
                ""
            } else if counter {
                " J"
            } else {
                " W"
            };
            writeln!(text, "{date}, {}{}{unit}", device(", "), cell(3, 1.0))
        }
        4 => writeln!(
            text,
            "{};{}{}",
            format!("{time:.4}").replace('.', ","),
            device(";"),
            cell(3, 1.0).replace('.', ",")
        ),
        _ => writeln!(text, "{time:.4}\t{}{}", device("\t"), cell(3, 1.0)),
    }
    .unwrap();
}

/// The interval of confidence, or the reading error of a log's own times and digits.
fn holds(energy: &LogEnergy, joules: f64) -> bool {
    (energy.ci.0..=energy.ci.1).contains(&joules)
}

#[test]
fn intervals_hold_the_truth_of_seeded_recordings() {
    let (mut answered, mut held, mut sound, mut sound_answered) = (0, 0, 0, 0);
    let mut wide = vec![];
    for seed in 0..RECORDINGS {
        let recording = draw(seed);
        let is_sound = matches!(recording.flaw, Flaw::None | Flaw::MissingCells);
        sound += u64::from(is_sound);
        match read(recording.text, &recording.options) {
            Ok(energy) => {
                answered += 1;
                sound_answered += u64::from(is_sound);
                let ok = holds(&energy, recording.joules);
                held += u64::from(ok);
                if !ok {
                    println!(
                        "{}: {:.1} J, interval {:.1?}",
                        recording.what, recording.joules, energy.ci
                    );
                }
                wide.push((energy.ci.1 - energy.ci.0) / 2.0 / energy.joules);
                assert!(
                    is_sound || recording.what.contains("counter true") || !energy.notes.is_empty(),
                    "{}",
                    recording.what
                );
            }
            Err(error) => {
                if is_sound {
                    println!("{}: {error}", recording.what);
                }
            }
        }
    }
    wide.sort_by(f64::total_cmp);
    println!(
        "{answered} of {RECORDINGS} answered, {held} held; {sound_answered} of {sound} sound ones answered; half-widths: median {:.2} %, 90 % below {:.2} %",
        100.0 * wide[wide.len() / 2],
        100.0 * wide[wide.len() * 9 / 10]
    );
    assert!(
        held * 100 >= 93 * answered,
        "{held} of {answered} intervals hold the truth"
    );
    assert!(
        sound_answered * 100 >= 90 * sound,
        "{sound_answered} of {sound} sound recordings are answered"
    );
}

#[test]
fn a_device_that_is_chosen_is_answered() {
    let (mut chosen, mut held) = (0, 0);
    for seed in 0..RECORDINGS {
        let recording = draw(seed);
        if recording.flaw == Flaw::TwoDevices {
            let options = LogOptions {
                rows: vec![("gpu".into(), "0".into())],
                ..LogOptions::default()
            };
            let energy = read(recording.text, &options)
                .unwrap_or_else(|why| panic!("{}: {why}", recording.what));
            chosen += 1;
            held += u64::from(holds(&energy, recording.joules));
        }
    }
    assert!(
        chosen > 50 && held * 100 >= 93 * chosen,
        "{held} of {chosen}"
    );
}

#[test]
fn units_of_one_recording_give_the_same_joules() {
    let joules = |unit: &str, scale: f64| {
        let mut text = String::from("seconds,x\n");
        for row in 0..100 {
            writeln!(text, "{row},{}", (100.0 + f64::from(row % 7)) / scale).unwrap();
        }
        let options = LogOptions {
            column: Some("x".into()),
            unit: Unit::parse(unit),
            ..LogOptions::default()
        };
        read(text, &options).unwrap().joules
    };
    let watts = joules("W", 1.0);
    for (unit, scale) in [("mW", 1e-3), ("uW", 1e-6), ("kW", 1e3), ("watts", 1.0)] {
        assert!((joules(unit, scale) / watts - 1.0).abs() < 1e-12, "{unit}");
    }
}
