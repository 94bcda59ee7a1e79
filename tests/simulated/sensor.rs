//! Simulated sensors of a load: they sample at each update, publish later, and scale by an unknown gain and offset.

use fastrand::Rng;
use wattgrad::internals::energy::{RawUnit, SensorSpec};

use crate::draw::{normal, of_index, within};
use crate::load::Load;

/// The quantity that each update samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shows {
    /// Energy so far.
    Energy(Count),
    /// Mean power over the seconds before.
    Average(f64),
    /// Power after a low pass of first order.
    Lagged,
    /// Energy summed over the updates, each with the mean power of the last part of its interval, given as a share.
    SumOfSamples(f64),
    /// Energy so far, with a gain that oscillates slowly.
    Drifting,
}

/// How a counter writes energy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Count {
    Millijoules,
    /// 32 bits in units of 2^-14 J; shown in microjoules, 61.035 per unit.
    Rapl,
    /// 64 bits in units of 15.3 uJ.
    Accumulator,
}

/// A kind of sensor.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    pub name: &'static str,
    pub shows: Shows,
    pub update_interval: f64,
    /// Most seconds from sampling to publication.
    pub published: f64,
    /// The averaging time in its data sheet, seconds.
    pub documented_averaging: Option<f64>,
    /// Ranges of idle and load power, watts.
    pub watts: [(f64, f64); 2],
    /// Whether it meets the assumptions of the estimator.
    pub within_model: bool,
}

const CARD: [(f64, f64); 2] = [(15.0, 90.0), (120.0, 450.0)];
const PACKAGE: [(f64, f64); 2] = [(5.0, 40.0), (45.0, 250.0)];
const LAPTOP: [(f64, f64); 2] = [(4.0, 12.0), (18.0, 60.0)];

const fn card(name: &'static str, shows: Shows, update_interval: f64, within_model: bool) -> Model {
    Model {
        name,
        shows,
        update_interval,
        published: 0.06,
        documented_averaging: None,
        watts: CARD,
        within_model,
    }
}

const fn chip(name: &'static str, count: Count) -> Model {
    Model {
        name,
        shows: Shows::Energy(count),
        update_interval: 0.001,
        published: 0.002,
        documented_averaging: None,
        watts: PACKAGE,
        within_model: true,
    }
}

pub const COUNTER_20: Model = card(
    "counter-20ms",
    Shows::Energy(Count::Millijoules),
    0.02,
    true,
);
pub const COUNTER_100: Model = card(
    "counter-100ms",
    Shows::Energy(Count::Millijoules),
    0.1,
    true,
);
pub const RAPL: Model = chip("rapl", Count::Rapl);
pub const ACCUMULATOR: Model = chip("accumulator", Count::Accumulator);
pub const FULL_TIME: Model = Model {
    documented_averaging: Some(0.1),
    ..card("power-full-time", Shows::Average(0.1), 0.1, true)
};
pub const PART_TIME: Model = card("power-25-of-100", Shows::Average(0.025), 0.1, true);
pub const HALF_TIME: Model = card("power-10-of-20", Shows::Average(0.01), 0.02, true);
pub const ONE_SECOND: Model = Model {
    documented_averaging: Some(1.0),
    ..card("power-1s-average", Shows::Average(1.0), 0.1, true)
};
pub const BATTERY: Model = Model {
    watts: LAPTOP,
    ..card("battery-2s", Shows::Average(2.0), 2.0, true)
};
pub const LAGGED: Model = card("power-lagged", Shows::Lagged, 0.1, false);
pub const SAMPLES: Model = card("counter-samples", Shows::SumOfSamples(0.25), 0.1, false);
pub const DRIFTING: Model = card("counter-drifting", Shows::Drifting, 0.1, false);

/// Largest error of a power value without gain and offset, in either direction.
const NOISE_WATTS: f64 = 0.005;
const RAPL_UNITS_PER_JOULE: f64 = 16384.0;
const RAPL_RANGE_UJ: u64 = 262_143_328_850;

impl Model {
    pub fn is_counter(&self) -> bool {
        !matches!(self.shows, Shows::Average(_) | Shows::Lagged)
    }

    /// Its specification for the crate.
    pub fn spec(&self) -> SensorSpec {
        let spec = match self.shows {
            Shows::Energy(Count::Rapl) => {
                SensorSpec::energy(RawUnit::Microjoule, 2000.0, self.update_interval)
                    .wrapping_at(RAPL_RANGE_UJ)
            }
            Shows::Energy(Count::Accumulator) => {
                SensorSpec::energy(RawUnit::Microjoule, 5000.0, self.update_interval)
            }
            _ if self.is_counter() => {
                SensorSpec::energy(RawUnit::Millijoule, 5000.0, self.update_interval)
            }
            _ if self.update_interval >= 1.0 => {
                SensorSpec::power(RawUnit::Microwatt, 500.0, self.update_interval)
            }
            _ => SensorSpec::power(RawUnit::Milliwatt, 5000.0, self.update_interval),
        };
        match self.documented_averaging {
            Some(seconds) => spec.averaging(seconds),
            None => spec,
        }
    }

    /// Seconds over which each value is a mean.
    pub fn averaging(&self) -> f64 {
        match self.shows {
            Shows::Average(seconds) => seconds.max(self.update_interval),
            _ => 0.0,
        }
    }
}

/// The properties of a sensor that the estimator does not know, drawn at random.
#[derive(Clone, Copy, Debug)]
pub struct Hidden {
    pub update_interval: f64,
    pub phase: f64,
    /// Most seconds by which an update is early or late.
    pub jitter: f64,
    /// The share of updates that are missing.
    pub missed: f64,
    pub delay: f64,
    pub gain: f64,
    pub offset: f64,
    /// Seconds of the low pass; period in seconds and amplitude, as a share, of the gain's oscillation.
    pub lag: f64,
    pub wave: f64,
    pub swing: f64,
    seed: u64,
    base: f64,
}

impl Hidden {
    pub fn draw(rng: &mut Rng, model: &Model) -> Self {
        let update_interval = model.update_interval * within(rng, 0.99, 1.01);
        Self {
            update_interval,
            phase: update_interval * rng.f64(),
            jitter: update_interval * within(rng, 0.0, 0.03),
            missed: within(rng, 0.0, 0.01),
            delay: within(rng, 0.0, model.published),
            gain: gain(rng),
            offset: within(rng, -1.5, 1.5),
            lag: within(rng, 0.05, 0.5),
            wave: within(rng, 20.0, 60.0),
            swing: within(rng, 0.01, 0.04),
            seed: rng.u64(..),
            base: base(rng, model),
        }
    }

    /// Only the phase is drawn: without jitter, delay, gain and offset.
    pub fn plain(rng: &mut Rng, model: &Model) -> Self {
        Self {
            update_interval: model.update_interval,
            phase: model.update_interval * rng.f64(),
            jitter: 0.0,
            missed: 0.0,
            delay: 0.0,
            gain: 1.0,
            offset: 0.0,
            ..Self::draw(rng, model)
        }
    }
}

/// Measured gain errors of cards: -8 to +13 %, most within 8 %.
fn gain(rng: &mut Rng) -> f64 {
    loop {
        let error = 0.045 * normal(rng);
        if (-0.08..=0.13).contains(&error) {
            return 1.0 + error;
        }
    }
}

/// Joules that a counter shows at time 0; half of the 32-bit counters wrap soon.
fn base(rng: &mut Rng, model: &Model) -> f64 {
    match model.shows {
        Shows::Energy(Count::Rapl) if rng.bool() => {
            RAPL_RANGE_UJ as f64 * 1e-6 - within(rng, 0.0, 1500.0)
        }
        Shows::Energy(Count::Rapl) => within(rng, 1e3, 2e5),
        _ => within(rng, 1e4, 5e6),
    }
}

/// A sensor and its load.
#[derive(Debug)]
pub struct SimulatedSensor {
    pub model: Model,
    pub hidden: Hidden,
    pub load: Load,
    /// Running sums or filtered values, per knot of the load or per update.
    memo: Vec<f64>,
}

impl SimulatedSensor {
    pub fn new(model: Model, hidden: Hidden, load: Load) -> Self {
        let mut sensor = Self {
            model,
            hidden,
            load,
            memo: Vec::new(),
        };
        sensor.memo = match model.shows {
            Shows::Energy(_) | Shows::Average(_) => Vec::new(),
            Shows::Lagged => sensor.filtered(),
            Shows::Drifting => sensor.drifted(),
            Shows::SumOfSamples(share) => sensor.summed(share),
        };
        sensor
    }

    /// Continues the load at `watts` until `end`.
    pub fn grow(&mut self, end: f64, watts: f64) {
        self.load.push(end, watts, watts);
        let knot = self.load.knots.len() - 1;
        match self.model.shows {
            Shows::Energy(_) | Shows::Average(_) => {}
            Shows::Lagged => {
                let shown = self.follow(knot - 1, self.memo[knot - 1], self.load.knots[knot].at);
                self.memo.push(shown);
            }
            Shows::Drifting => {
                let (from, to) = (self.load.knots[knot - 1].at, self.load.knots[knot].at);
                let joules = self.memo[knot - 1] + self.swung(from, to);
                self.memo.push(joules);
            }
            Shows::SumOfSamples(share) => {
                // Updates that were summed before the load reached them are summed again.
                let keep = ((self.load.knots[knot].at - self.hidden.phase)
                    / self.hidden.update_interval)
                    .floor()
                    .max(0.0) as usize;
                self.memo.truncate(keep);
                self.sum_on(share);
            }
        }
    }

    /// The raw value that a read at `at` gives.
    pub fn shown(&self, at: f64) -> u64 {
        let hidden = &self.hidden;
        let mut update =
            ((at - hidden.delay - hidden.phase) / hidden.update_interval).floor() as i64 + 1;
        while self.sampled(update) + hidden.delay > at || self.misses(update) {
            update -= 1;
        }
        let sampled = self.sampled(update);
        match self.model.shows {
            Shows::Energy(count) => self.written(count, self.scaled(sampled)),
            Shows::Average(seconds) => self.power(self.mean(sampled - seconds, sampled), update),
            Shows::Lagged => self.power(self.lagged(sampled), update),
            Shows::Drifting => {
                let knot = self.load.knot(sampled);
                let from = self.load.knots[knot].at;
                let joules = self.memo[knot] + self.swung(from, sampled);
                self.written(Count::Millijoules, joules)
            }
            Shows::SumOfSamples(_) => {
                let last = self.memo.len() as i64 - 1;
                let joules = self.memo[update.clamp(0, last) as usize];
                self.written(Count::Millijoules, joules)
            }
        }
    }

    /// True joules over `seconds`, scaled by the gain and offset.
    pub fn through(&self, joules: f64, seconds: f64) -> f64 {
        self.hidden.gain * joules + self.hidden.offset * seconds
    }

    fn scaled(&self, at: f64) -> f64 {
        self.through(self.load.joules(at), at)
    }

    fn sampled(&self, update: i64) -> f64 {
        let hidden = &self.hidden;
        let early = 2.0 * of_index(hidden.seed, update) - 1.0;
        hidden.phase + update as f64 * hidden.update_interval + hidden.jitter * early
    }

    fn misses(&self, update: i64) -> bool {
        of_index(!self.hidden.seed, update) < self.hidden.missed
    }

    fn mean(&self, from: f64, to: f64) -> f64 {
        self.load.between(from, to) / (to - from)
    }

    /// The raw power value, with noise in the last digits.
    fn power(&self, watts: f64, update: i64) -> u64 {
        let noise = NOISE_WATTS * (2.0 * of_index(self.hidden.seed ^ 0x5eed, update) - 1.0);
        let watts = self.hidden.gain * watts + self.hidden.offset + noise;
        (watts.max(0.0) / self.model.spec().unit.scale()).round() as u64
    }

    fn written(&self, count: Count, joules: f64) -> u64 {
        let joules = (self.hidden.base + joules).max(0.0);
        match count {
            Count::Millijoules => (joules * 1e3) as u64,
            Count::Rapl => (((joules * RAPL_UNITS_PER_JOULE) as u64) & 0xFFFF_FFFF) * 61_035 / 1000,
            Count::Accumulator => ((joules / 15.3e-6) as u64) * 153 / 10,
        }
    }

    /// The low pass at each knot.
    fn filtered(&self) -> Vec<f64> {
        let mut shown = vec![self.load.knots[0].watts];
        for (index, next) in self.load.knots.iter().enumerate().skip(1) {
            shown.push(self.follow(index - 1, shown[index - 1], next.at));
        }
        shown
    }

    fn lagged(&self, at: f64) -> f64 {
        let knot = self.load.knot(at);
        self.follow(knot, self.memo[knot], at.max(self.load.knots[knot].at))
    }

    /// The low pass at `at`, from its value `shown` at the previous knot.
    fn follow(&self, knot: usize, shown: f64, at: f64) -> f64 {
        let knot = self.load.knots[knot];
        let (seconds, lag) = (at - knot.at, self.hidden.lag);
        let target = knot.watts - knot.slope * lag;
        target + knot.slope * seconds + (shown - target) * (-seconds / lag).exp()
    }

    /// Joules through the drifting gain at each knot.
    fn drifted(&self) -> Vec<f64> {
        let mut joules = vec![0.0];
        for pair in self.load.knots.windows(2) {
            joules.push(joules[joules.len() - 1] + self.swung(pair[0].at, pair[1].at));
        }
        joules
    }

    /// Joules of a short interval, with the gain of its middle.
    fn swung(&self, from: f64, to: f64) -> f64 {
        let hidden = &self.hidden;
        let turn = std::f64::consts::TAU * ((from + to) / 2.0 / hidden.wave + hidden.phase);
        let joules = self.load.between(from, to) * (1.0 + hidden.swing * turn.sin());
        self.through(joules, to - from)
    }

    /// Joules at each update, with the power of the last part of its interval.
    fn summed(&self, share: f64) -> Vec<f64> {
        let mut sensor = Self {
            model: self.model,
            hidden: self.hidden,
            load: self.load.clone(),
            memo: Vec::new(),
        };
        sensor.sum_on(share);
        sensor.memo
    }

    fn sum_on(&mut self, share: f64) {
        let updates = (self.load.end() / self.hidden.update_interval) as usize + 3;
        let mut joules = self.memo.last().copied().unwrap_or(0.0);
        for update in self.memo.len() as i64..updates as i64 {
            let (before, at) = (self.sampled(update - 1), self.sampled(update));
            let watts = self.mean(at - share * self.hidden.update_interval, at);
            joules += self.through(watts * (at - before), at - before);
            self.memo.push(joules);
        }
    }
}
