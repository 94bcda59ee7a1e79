//! What instruments show of a load: sampled at ticks, published later, scaled by a gain and an offset nobody knows.

use fastrand::Rng;
use wattgrad::internals::energy::{RawUnit, SensorSpec};

use crate::draw::{normal, of_index, within};
use crate::load::Load;

/// What is sampled at a tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shows {
    /// Energy so far.
    Energy(Count),
    /// Mean power over the seconds before.
    Average(f64),
    /// Power after a low pass of first order.
    Lagged,
    /// The sum over ticks of mean power over the last part of each, given as a share.
    SumOfSamples(f64),
    /// Energy so far, the gain going slowly up and down.
    Drifting,
}

/// How a counter writes energy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Count {
    Millijoules,
    /// 2^-14 J a unit, 32 bits; shown in microjoules, a unit being taken for 61.035 of them.
    Rapl,
    /// 15.3 uJ a unit, 64 bits.
    Accumulator,
}

/// A kind of instrument.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    pub name: &'static str,
    pub shows: Shows,
    pub tick: f64,
    /// Up to how many seconds after sampling a value is published.
    pub published: f64,
    /// The averaging that its data sheet tells.
    pub told: Option<f64>,
    /// Ranges of idle and of load, watts.
    pub watts: [(f64, f64); 2],
    /// Whether the estimator's assumptions hold for it.
    pub within_model: bool,
}

const CARD: [(f64, f64); 2] = [(15.0, 90.0), (120.0, 450.0)];
const PACKAGE: [(f64, f64); 2] = [(5.0, 40.0), (45.0, 250.0)];
const LAPTOP: [(f64, f64); 2] = [(4.0, 12.0), (18.0, 60.0)];

const fn card(name: &'static str, shows: Shows, tick: f64, within_model: bool) -> Model {
    Model {
        name,
        shows,
        tick,
        published: 0.06,
        told: None,
        watts: CARD,
        within_model,
    }
}

const fn chip(name: &'static str, count: Count) -> Model {
    Model {
        name,
        shows: Shows::Energy(count),
        tick: 0.001,
        published: 0.002,
        told: None,
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
    told: Some(0.1),
    ..card("power-full-time", Shows::Average(0.1), 0.1, true)
};
pub const PART_TIME: Model = card("power-25-of-100", Shows::Average(0.025), 0.1, true);
pub const HALF_TIME: Model = card("power-10-of-20", Shows::Average(0.01), 0.02, true);
pub const ONE_SECOND: Model = Model {
    told: Some(1.0),
    ..card("power-1s-average", Shows::Average(1.0), 0.1, true)
};
pub const BATTERY: Model = Model {
    watts: LAPTOP,
    ..card("battery-2s", Shows::Average(2.0), 2.0, true)
};
pub const LAGGED: Model = card("power-lagged", Shows::Lagged, 0.1, false);
pub const SAMPLES: Model = card("counter-samples", Shows::SumOfSamples(0.25), 0.1, false);
pub const DRIFTING: Model = card("counter-drifting", Shows::Drifting, 0.1, false);

/// As far as the same power is shown as another, either way.
const NOISE_WATTS: f64 = 0.005;
const RAPL_UNITS_PER_JOULE: f64 = 16384.0;
const RAPL_RANGE_UJ: u64 = 262_143_328_850;

impl Model {
    pub fn is_counter(&self) -> bool {
        !matches!(self.shows, Shows::Average(_) | Shows::Lagged)
    }

    /// What the crate is told of it.
    pub fn spec(&self) -> SensorSpec {
        let spec = match self.shows {
            Shows::Energy(Count::Rapl) => {
                SensorSpec::energy(RawUnit::Microjoule, 2000.0, self.tick)
                    .wrapping_at(RAPL_RANGE_UJ)
            }
            Shows::Energy(Count::Accumulator) => {
                SensorSpec::energy(RawUnit::Microjoule, 5000.0, self.tick)
            }
            _ if self.is_counter() => SensorSpec::energy(RawUnit::Millijoule, 5000.0, self.tick),
            _ if self.tick >= 1.0 => SensorSpec::power(RawUnit::Microwatt, 500.0, self.tick),
            _ => SensorSpec::power(RawUnit::Milliwatt, 5000.0, self.tick),
        };
        match self.told {
            Some(seconds) => spec.averaging(seconds),
            None => spec,
        }
    }

    /// Seconds over which one value is a mean, by its own design.
    pub fn averaging(&self) -> f64 {
        match self.shows {
            Shows::Average(seconds) => seconds.max(self.tick),
            _ => 0.0,
        }
    }
}

/// What is drawn of an instrument, and hidden.
#[derive(Clone, Copy, Debug)]
pub struct Hidden {
    pub tick: f64,
    pub phase: f64,
    /// Up to how many seconds a tick comes early or late.
    pub jitter: f64,
    /// The share of ticks that do not come.
    pub missed: f64,
    pub delay: f64,
    pub gain: f64,
    pub offset: f64,
    /// Seconds of the low pass, and those and the share of the gain's going up and down.
    pub lag: f64,
    pub wave: f64,
    pub swing: f64,
    seed: u64,
    base: f64,
}

impl Hidden {
    pub fn draw(rng: &mut Rng, model: &Model) -> Self {
        let tick = model.tick * within(rng, 0.99, 1.01);
        Self {
            tick,
            phase: tick * rng.f64(),
            jitter: tick * within(rng, 0.0, 0.03),
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

    /// Nothing but the phase drawn: on time, at once, true.
    pub fn plain(rng: &mut Rng, model: &Model) -> Self {
        Self {
            tick: model.tick,
            phase: model.tick * rng.f64(),
            jitter: 0.0,
            missed: 0.0,
            delay: 0.0,
            gain: 1.0,
            offset: 0.0,
            ..Self::draw(rng, model)
        }
    }
}

/// As cards were measured: -8 to +13 %, most within 8 % of the truth.
fn gain(rng: &mut Rng) -> f64 {
    loop {
        let error = 0.045 * normal(rng);
        if (-0.08..=0.13).contains(&error) {
            return 1.0 + error;
        }
    }
}

/// Joules that a counter shows at time 0; half of those of 32 bits wrap soon.
fn base(rng: &mut Rng, model: &Model) -> f64 {
    match model.shows {
        Shows::Energy(Count::Rapl) if rng.bool() => {
            RAPL_RANGE_UJ as f64 * 1e-6 - within(rng, 0.0, 1500.0)
        }
        Shows::Energy(Count::Rapl) => within(rng, 1e3, 2e5),
        _ => within(rng, 1e4, 5e6),
    }
}

/// An instrument at a load.
#[derive(Debug)]
pub struct SimulatedSensor {
    pub model: Model,
    pub hidden: Hidden,
    pub load: Load,
    /// Per knot of the load, or per tick: what has to be summed or filtered in order.
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

    /// Lets the load go on at `watts` until `end`.
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
                // Ticks that were summed before their time are summed again.
                let keep = ((self.load.knots[knot].at - self.hidden.phase) / self.hidden.tick)
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
        let mut tick = ((at - hidden.delay - hidden.phase) / hidden.tick).floor() as i64 + 1;
        while self.sampled(tick) + hidden.delay > at || self.misses(tick) {
            tick -= 1;
        }
        let sampled = self.sampled(tick);
        match self.model.shows {
            Shows::Energy(count) => self.written(count, self.scaled(sampled)),
            Shows::Average(seconds) => self.power(self.mean(sampled - seconds, sampled), tick),
            Shows::Lagged => self.power(self.lagged(sampled), tick),
            Shows::Drifting => {
                let knot = self.load.knot(sampled);
                let from = self.load.knots[knot].at;
                let joules = self.memo[knot] + self.swung(from, sampled);
                self.written(Count::Millijoules, joules)
            }
            Shows::SumOfSamples(_) => {
                let last = self.memo.len() as i64 - 1;
                let joules = self.memo[tick.clamp(0, last) as usize];
                self.written(Count::Millijoules, joules)
            }
        }
    }

    /// What a perfect reading through this instrument's gain and offset would be.
    pub fn through(&self, joules: f64, seconds: f64) -> f64 {
        self.hidden.gain * joules + self.hidden.offset * seconds
    }

    fn scaled(&self, at: f64) -> f64 {
        self.through(self.load.joules(at), at)
    }

    fn sampled(&self, tick: i64) -> f64 {
        let hidden = &self.hidden;
        let early = 2.0 * of_index(hidden.seed, tick) - 1.0;
        hidden.phase + tick as f64 * hidden.tick + hidden.jitter * early
    }

    fn misses(&self, tick: i64) -> bool {
        of_index(!self.hidden.seed, tick) < self.hidden.missed
    }

    fn mean(&self, from: f64, to: f64) -> f64 {
        self.load.between(from, to) / (to - from)
    }

    /// The last digits of a sensor are noise.
    fn power(&self, watts: f64, tick: i64) -> u64 {
        let noise = NOISE_WATTS * (2.0 * of_index(self.hidden.seed ^ 0x5eed, tick) - 1.0);
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

    /// The low pass at `at`, having been `shown` at the knot before.
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

    /// Joules of a short stretch, the gain being that of its middle.
    fn swung(&self, from: f64, to: f64) -> f64 {
        let hidden = &self.hidden;
        let turn = std::f64::consts::TAU * ((from + to) / 2.0 / hidden.wave + hidden.phase);
        let joules = self.load.between(from, to) * (1.0 + hidden.swing * turn.sin());
        self.through(joules, to - from)
    }

    /// Joules at each tick, each tick's power being that of its last part.
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
        let ticks = (self.load.end() / self.hidden.tick) as usize + 3;
        let mut joules = self.memo.last().copied().unwrap_or(0.0);
        for tick in self.memo.len() as i64..ticks as i64 {
            let (before, at) = (self.sampled(tick - 1), self.sampled(tick));
            let watts = self.mean(at - share * self.hidden.tick, at);
            joules += self.through(watts * (at - before), at - before);
            self.memo.push(joules);
        }
    }
}
