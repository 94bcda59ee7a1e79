//! The true power of a device over time, and its integral in closed form.

use fastrand::Rng;

use crate::draw::{normal, within};

/// Power that is linear between knots.
#[derive(Clone, Debug, Default)]
pub struct Load {
    pub knots: Vec<Knot>,
    end: f64,
    joules: f64,
}

/// From `at` on: `watts`, changing by `slope` watts a second; `joules` were drawn before.
#[derive(Clone, Copy, Debug)]
pub struct Knot {
    pub at: f64,
    pub watts: f64,
    pub slope: f64,
    pub joules: f64,
}

impl Load {
    /// Until `end`, from `first` to `last` watts.
    pub fn push(&mut self, end: f64, first: f64, last: f64) {
        let seconds = end - self.end;
        if seconds <= 0.0 {
            return;
        }
        self.knots.push(Knot {
            at: self.end,
            watts: first,
            slope: (last - first) / seconds,
            joules: self.joules,
        });
        self.end = end;
        self.joules += seconds * (first + last) / 2.0;
    }

    pub fn end(&self) -> f64 {
        self.end
    }

    /// The last knot at or before `at`; the first knot before all.
    pub fn knot(&self, at: f64) -> usize {
        self.knots
            .partition_point(|knot| knot.at <= at)
            .saturating_sub(1)
    }

    /// Joules drawn until `at`.
    pub fn joules(&self, at: f64) -> f64 {
        let knot = self.knots[self.knot(at)];
        let seconds = at - knot.at;
        knot.joules + seconds * (knot.watts + knot.slope * seconds / 2.0)
    }

    /// Joules drawn from one time to another.
    pub fn between(&self, from: f64, to: f64) -> f64 {
        self.joules(to) - self.joules(from)
    }
}

/// The shape of a load without noise and drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    Steady,
    Ramps,
    Throttling,
    Gaps,
    Steps,
}

pub const SHAPES: [Shape; 5] = [
    Shape::Steady,
    Shape::Ramps,
    Shape::Throttling,
    Shape::Gaps,
    Shape::Steps,
];

/// The draws of one trial's load.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    pub shape: Shape,
    pub idle: f64,
    pub level: f64,
    /// Standard deviation of the noise, as a share of the power, and seconds for which one draw of it lasts.
    pub noise: f64,
    pub grain: f64,
    /// Share by which power rises with heat, and the seconds it takes.
    pub heating: f64,
    pub warming: f64,
    /// Idle after the load, as a multiple of idle before.
    pub idle_after: f64,
}

impl Program {
    /// `watts`: the ranges of idle and of load.
    pub fn draw(rng: &mut Rng, watts: [(f64, f64); 2]) -> Self {
        Self {
            shape: SHAPES[rng.usize(..SHAPES.len())],
            idle: within(rng, watts[0].0, watts[0].1),
            level: within(rng, watts[1].0, watts[1].1),
            noise: within(rng, 0.002, 0.06),
            grain: within(rng, 0.005, 0.05),
            heating: within(rng, 0.0, 0.06),
            warming: within(rng, 5.0, 30.0),
            idle_after: within(rng, 1.0, 1.3),
        }
    }

    /// Idle until `from`, the load until `to`, idle until `end`.
    pub fn load(&self, rng: &mut Rng, from: f64, to: f64, end: f64) -> Load {
        let mut load = Load::default();
        self.idle(&mut load, rng, from, self.idle);
        let mut noise = Noise::new(rng, self.noise, self.grain, from);
        for piece in self.pieces(rng, from, to) {
            let slope = (piece.last - piece.first) / (piece.end - load.end());
            let (began, first) = (load.end(), piece.first);
            while load.end() < piece.end {
                let at = load.end();
                let factor = noise.at(rng, at);
                let next = noise.until.min(piece.end);
                let watts =
                    |at: f64| (first + slope * (at - began)) * factor * self.heated(at - from);
                load.push(next, watts(at), watts(next));
            }
        }
        self.idle(&mut load, rng, end, self.idle * self.idle_after);
        load
    }

    fn idle(&self, load: &mut Load, rng: &mut Rng, end: f64, watts: f64) {
        let mut noise = Noise::new(rng, 0.02, 0.05, load.end());
        while load.end() < end {
            let factor = noise.at(rng, load.end());
            load.push(noise.until.min(end), watts * factor, watts * factor);
        }
    }

    fn heated(&self, seconds: f64) -> f64 {
        1.0 - self.heating * (-seconds / self.warming).exp()
    }

    fn pieces(&self, rng: &mut Rng, from: f64, to: f64) -> Vec<Piece> {
        let mut pieces = Pieces {
            pieces: Vec::new(),
            at: from,
            to,
        };
        let level = self.level;
        match self.shape {
            Shape::Steady => pieces.flat(to - from, level),
            Shape::Ramps => {
                let mut before = self.idle;
                pieces.ramp(within(rng, 0.05, 1.5), before, level);
                before = level;
                while pieces.at < to {
                    let next = level * within(rng, 0.7, 1.1);
                    pieces.ramp(within(rng, 0.5, 5.0), before, next);
                    before = next;
                }
            }
            Shape::Throttling => {
                while pieces.at < to {
                    pieces.flat(within(rng, 1.0, 6.0), level);
                    pieces.flat(within(rng, 0.1, 1.0), level * within(rng, 0.5, 0.9));
                }
            }
            Shape::Gaps => {
                while pieces.at < to {
                    pieces.flat(within(rng, 0.1, 2.0), level);
                    pieces.flat(within(rng, 0.005, 0.2), self.idle * 1.2);
                }
            }
            Shape::Steps => {
                let period = within(rng, 0.01, 0.2);
                let duty = within(rng, 0.3, 0.8);
                let low = level * within(rng, 0.3, 0.8);
                pieces.square(period, duty, level, low);
            }
        }
        pieces.pieces
    }
}

/// Until `end`, from `first` to `last` watts.
struct Piece {
    end: f64,
    first: f64,
    last: f64,
}

struct Pieces {
    pieces: Vec<Piece>,
    at: f64,
    to: f64,
}

impl Pieces {
    fn ramp(&mut self, seconds: f64, first: f64, last: f64) {
        let end = (self.at + seconds).min(self.to);
        if end <= self.at {
            return;
        }
        let share = (end - self.at) / seconds;
        self.pieces.push(Piece {
            end,
            first,
            last: first + (last - first) * share,
        });
        self.at = end;
    }

    fn flat(&mut self, seconds: f64, watts: f64) {
        self.ramp(seconds, watts, watts);
    }

    fn square(&mut self, period: f64, duty: f64, high: f64, low: f64) {
        while self.at < self.to {
            self.flat(period * duty, high);
            self.flat(period * (1.0 - duty), low);
        }
    }
}

/// A factor around 1, drawn again every `grain` seconds.
struct Noise {
    sd: f64,
    grain: f64,
    factor: f64,
    until: f64,
}

impl Noise {
    fn new(rng: &mut Rng, sd: f64, grain: f64, from: f64) -> Self {
        Self {
            sd,
            grain,
            factor: 1.0 + sd * normal(rng).clamp(-3.0, 3.0),
            until: from + grain * rng.f64(),
        }
    }

    fn at(&mut self, rng: &mut Rng, at: f64) -> f64 {
        if at >= self.until {
            self.factor = 1.0 + self.sd * normal(rng).clamp(-3.0, 3.0);
            self.until = at + self.grain;
        }
        self.factor
    }
}

/// A square wave of `high` and `low` watts, half the period each, between `from` and `to`; `idle` around it.
pub fn square(period: f64, high: f64, low: f64, idle: f64, times: [f64; 3]) -> Load {
    let [from, to, end] = times;
    let mut load = Load::default();
    load.push(from, idle, idle);
    let mut pieces = Pieces {
        pieces: Vec::new(),
        at: from,
        to,
    };
    pieces.square(period, 0.5, high, low);
    for piece in pieces.pieces {
        load.push(piece.end, piece.first, piece.last);
    }
    load.push(end, idle, idle);
    load
}
