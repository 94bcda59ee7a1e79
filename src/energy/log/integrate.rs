//! Joules of a window from samples that stream past once, with what sampling leaves open.
//!
//! Every row of a log is a sample. Power is integrated by trapezoids. What happened between two samples is unknown, and
//! four parts of that are added up:
//! - *changes*: between two samples that differ by `d` over `t` seconds the energy may be off by `d * t / 2`, uniformly if
//!   the power stepped; fast fluctuation adds its own scatter, up to three times the median change;
//! - *resolution*: a value that repeats may hide half a step of the last digit all the time;
//! - *edges*: a sample may stand for the time before it, and with `averaging` for as many seconds;
//! - *holes*: where rows are missing, the power may have been anything between the lowest and the highest seen.
//!
//! A counter loses nothing in a hole; its window is open by one update and one step at either end.

use crate::energy::cell::time::{self, SECOND, TimeUnit};
use crate::energy::cell::unit::Quantity;

/// Normal quantile of a 95 % interval.
const Z: f64 = 1.959_964;
/// A gap of more than so many usual ones is a hole.
const HOLE: f64 = 2.5;
/// With holes of this share of the window there is no figure.
const MOST_MISSING: f64 = 0.5;
/// Longest gaps that are remembered, to be judged once the usual gap is known.
const GAPS: usize = 512;
/// A histogram's bin is the exponent of a value and three bits of its mantissa: eight bins per octave, from 2^-64 to 2^64.
const SHIFT: u32 = 49;
const LOWEST: u64 = (1023 - 64) << 3;
const BINS: usize = 128 << 3;
/// A resolution finer than one over this does not matter.
const FINEST: f64 = 1e7;

/// Whether a value is a whole number but for rounding.
fn whole(value: f64) -> bool {
    (value - value.round()).abs() <= 1e-6 * value.abs().max(1.0)
}

/// Counts and sums by the size of a value, in logarithmic bins: medians in bounded memory.
#[derive(Clone, Debug)]
struct Histogram {
    count: Vec<u64>,
    sum: Vec<f64>,
}

impl Histogram {
    fn new() -> Self {
        Self {
            count: vec![0; BINS],
            sum: vec![0.0; BINS],
        }
    }

    /// Counts `size`, at least 0, and adds `amount` to its bin.
    fn add(&mut self, size: f64, amount: f64) {
        let bin = (size.to_bits() >> SHIFT).saturating_sub(LOWEST) as usize;
        let bin = bin.min(BINS - 1);
        self.count[bin] += 1;
        self.sum[bin] += amount;
    }

    /// The middle of a bin; 0 of the first, which holds the zeros.
    fn middle(bin: usize) -> f64 {
        match bin {
            0 => 0.0,
            bin => f64::from_bits(((bin as u64 + LOWEST) << SHIFT) + (1 << (SHIFT - 1))),
        }
    }

    /// The mean of the values of the median's bin, whose sums must be those of the values.
    fn median(&self) -> f64 {
        let middle = self.quantile(0.5);
        let near = self
            .count
            .iter()
            .zip(&self.sum)
            .enumerate()
            .find(|(bin, _)| Self::middle(*bin) == middle);
        near.filter(|(_, (count, _))| **count > 0)
            .map_or(middle, |(_, (count, sum))| sum / *count as f64)
    }

    fn quantile(&self, share: f64) -> f64 {
        let all: u64 = self.count.iter().sum();
        let wanted = (share * all as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bin, count) in self.count.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Self::middle(bin);
            }
        }
        0.0
    }
}

/// A time without a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    /// Nanoseconds of the row before it and of the row behind it, cut to the window.
    pub from: i64,
    pub to: i64,
    /// Joules that the trapezoid has for it.
    joules: f64,
    /// What it added to the variance of changes, and the change itself.
    change: f64,
}

impl Gap {
    pub fn seconds(&self) -> f64 {
        (self.to - self.from) as f64 / SECOND as f64
    }
}

/// One sample: nanoseconds and watts or joules.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub at: i64,
    pub value: f64,
}

/// The joules of a window of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct Integral {
    pub joules: f64,
    /// What 95 % of such logs would give, below and above.
    pub below: f64,
    pub above: f64,
    pub from: i64,
    pub to: i64,
    /// Samples in the window.
    pub samples: u64,
    /// Holes, longest first.
    pub holes: Vec<Gap>,
    /// Seconds between two samples, the median.
    pub usual: f64,
    /// Lowest and highest watts seen.
    pub range: (f64, f64),
}

impl Integral {
    /// The longest holes, and values that a missing sensor would show.
    pub fn notes(&self, quantity: Quantity, unit: TimeUnit) -> Vec<String> {
        let (low, high) = self.range;
        let longest = self.holes.iter().take(3).map(|hole| {
            format!(
                "no reading from {} to {} ({:.1} s): the interval allows any power from {low:.1} to {high:.1} W there",
                time::written(hole.from, unit),
                time::written(hole.to, unit),
                hole.seconds(),
            )
        });
        let mut notes: Vec<String> = longest.collect();
        if let Some(others) = self.holes.get(3..).filter(|others| !others.is_empty()) {
            let seconds: f64 = others.iter().map(Gap::seconds).sum();
            let count = others.len();
            notes.push(format!("{count} more holes of {seconds:.1} s in all"));
        }
        if quantity == Quantity::Power && high <= 0.0 {
            notes.push(
                "every reading is 0, as some programs write for a sensor that is missing".into(),
            );
        }
        notes
    }
}

/// Why there are no joules.
#[derive(Clone, Debug, PartialEq)]
pub enum NoIntegral {
    /// Fewer than two samples in the window.
    TooFew(u64),
    /// Rows are missing for half of the window or more: the longest hole.
    Missing(Gap),
    /// A counter that never changed.
    Still,
}

/// Sums up the samples of a window, given in the order of time.
#[derive(Clone, Debug)]
pub struct Integrator {
    quantity: Quantity,
    window: (Option<i64>, Option<i64>),
    before: Option<Sample>,
    first: Option<Sample>,
    last: Option<Sample>,
    samples: u64,
    joules: f64,
    range: (f64, f64),
    /// Seconds between samples, with the joules' variance by changes.
    spacing: Histogram,
    /// Changes between samples in watts, with the variance of their joules.
    changes: Histogram,
    /// Seconds between values that repeat.
    repeated: f64,
    /// Smallest change seen.
    step: f64,
    /// The power of ten that makes all values whole: that many decimal places they need, in watts or joules.
    tenths: f64,
    longest: Vec<Gap>,
    /// Of counters: seconds between changes.
    updates: Histogram,
    changed: Option<i64>,
    /// Joules at the window's begin.
    begin: Option<f64>,
}

impl Integrator {
    /// A window from and to nanoseconds; open ends are the first and the last sample.
    pub fn new(quantity: Quantity, window: (Option<i64>, Option<i64>)) -> Self {
        Self {
            quantity,
            window,
            before: None,
            first: None,
            last: None,
            samples: 0,
            joules: 0.0,
            range: (f64::INFINITY, f64::NEG_INFINITY),
            spacing: Histogram::new(),
            changes: Histogram::new(),
            repeated: 0.0,
            step: f64::INFINITY,
            tenths: 1.0,
            longest: Vec::new(),
            updates: Histogram::new(),
            changed: None,
            begin: None,
        }
    }

    /// Whether later samples change nothing.
    pub fn done(&self) -> bool {
        self.before
            .zip(self.window.1)
            .is_some_and(|(before, to)| before.at >= to)
    }

    /// Takes the next sample, not earlier than the one before it.
    pub fn add(&mut self, sample: Sample) {
        if self.done() {
            return;
        }
        if let Some(before) = self.before {
            self.piece(before, sample);
        }
        while self.tenths < FINEST && !whole(sample.value * self.tenths) {
            self.tenths *= 10.0;
        }
        if self.inside(sample.at) {
            self.samples += 1;
            self.first.get_or_insert(sample);
            self.last = Some(sample);
        }
        self.before = Some(sample);
    }

    fn inside(&self, at: i64) -> bool {
        self.window.0.is_none_or(|from| at >= from) && self.window.1.is_none_or(|to| at <= to)
    }

    /// What lies between two samples, as far as the window reaches.
    fn piece(&mut self, a: Sample, b: Sample) {
        let from = self.window.0.map_or(a.at, |from| from.max(a.at));
        let to = self.window.1.map_or(b.at, |to| to.min(b.at));
        if to < from || b.at <= a.at {
            return;
        }
        let whole = (b.at - a.at) as f64 / SECOND as f64;
        let seconds = (to - from) as f64 / SECOND as f64;
        let at =
            |time: i64| a.value + (b.value - a.value) * (time - a.at) as f64 / (b.at - a.at) as f64;
        let change = (b.value - a.value).abs();
        if change > 0.0 {
            self.step = self.step.min(change);
        }
        match self.quantity {
            Quantity::Power => {
                let joules = seconds * f64::midpoint(at(from), at(to));
                self.joules += joules;
                let squared = (change * seconds).powi(2);
                self.changes.add(change, squared);
                if change == 0.0 {
                    self.repeated += seconds;
                }
                self.range.0 = self.range.0.min(a.value.min(b.value));
                self.range.1 = self.range.1.max(a.value.max(b.value));
                self.remember(Gap {
                    from,
                    to,
                    joules,
                    change: squared,
                });
            }
            Quantity::PerRow => {
                let joules = b.value * seconds / whole;
                self.joules += joules;
                let watts = b.value / whole;
                self.range.0 = self.range.0.min(watts);
                self.range.1 = self.range.1.max(watts);
                self.remember(Gap {
                    from,
                    to,
                    joules,
                    change: 0.0,
                });
            }
            Quantity::Counter => {
                self.begin.get_or_insert_with(|| at(from));
                self.joules = at(to) - self.begin.unwrap_or(0.0);
                let watts = change / whole;
                self.range.0 = self.range.0.min(watts);
                self.range.1 = self.range.1.max(watts);
                if change > 0.0 {
                    if let Some(changed) = self.changed {
                        self.updates
                            .add((b.at - changed) as f64 / SECOND as f64, 0.0);
                    }
                    self.changed = Some(b.at);
                }
            }
        }
        self.spacing.add(whole, whole);
    }

    /// Keeps the longest gaps: the shortest kept goes when there are too many.
    fn remember(&mut self, gap: Gap) {
        if self.longest.len() == GAPS {
            // Sorted now and then, not for each sample.
            self.longest.sort_by_key(|gap| gap.from - gap.to);
            self.longest.truncate(GAPS / 2);
        }
        let shortest = self
            .longest
            .get(GAPS / 2 - 1)
            .map_or(0, |gap| gap.to - gap.from);
        if gap.to - gap.from > shortest {
            self.longest.push(gap);
        }
    }

    /// The joules of the window. `averaging`: seconds that a sample of power averages over; `edge`: seconds by which the
    /// times of samples may be off, beside that.
    pub fn finish(mut self, averaging: Option<f64>, edge: f64) -> Result<Integral, NoIntegral> {
        let (Some(first), Some(last)) = (self.first, self.last) else {
            return Err(NoIntegral::TooFew(self.samples));
        };
        let from = self.window.0.unwrap_or(first.at);
        let to = self.window.1.unwrap_or(last.at);
        if self.samples < 2 || to <= from {
            return Err(NoIntegral::TooFew(self.samples));
        }
        if self.quantity == Quantity::Counter && self.step.is_infinite() {
            return Err(NoIntegral::Still);
        }
        let seconds = (to - from) as f64 / SECOND as f64;
        let usual = self.spacing.median();
        let longest_usual = (HOLE * usual).max(1.5 * self.spacing.quantile(0.95).min(4.0 * usual));
        let mut holes = std::mem::take(&mut self.longest);
        holes.retain(|gap| gap.seconds() > longest_usual);
        holes.sort_by_key(|gap| gap.from - gap.to);
        let missing: f64 = holes.iter().map(Gap::seconds).sum();
        if self.quantity == Quantity::Power
            && missing >= MOST_MISSING * seconds
            && let Some(&longest) = holes.first()
        {
            return Err(NoIntegral::Missing(longest));
        }
        let (mut below, mut above) = match self.quantity {
            Quantity::Power => {
                let half = self.power_half(&holes, usual, seconds, averaging, edge, (first, last));
                (half, half)
            }
            Quantity::Counter => {
                let power = self.joules.max(0.0) / seconds;
                let update = self.updates.quantile(0.5).max(usual) + edge;
                let step = if self.step.is_finite() {
                    self.step
                } else {
                    0.0
                };
                // Either end is open by up to one update, uniformly; a step of the last digit is no more than an update.
                let end = (power * update).min(step.max(power * (usual + edge)));
                let half = Z * (2.0 * end * end / 12.0).sqrt();
                (half, half)
            }
            Quantity::PerRow => {
                let half = Z * (2.0f64 / 12.0).sqrt() * self.joules / seconds * (usual + edge);
                (half, half)
            }
        };
        if self.quantity == Quantity::Power {
            for hole in &holes {
                below += hole.joules - self.range.0 * hole.seconds();
                above += self.range.1 * hole.seconds() - hole.joules;
            }
        } else {
            holes.clear();
        }
        Ok(Integral {
            joules: self.joules,
            below,
            above,
            from,
            to,
            samples: self.samples,
            holes,
            usual,
            range: self.range,
        })
    }

    fn power_half(
        &self,
        holes: &[Gap],
        usual: f64,
        seconds: f64,
        averaging: Option<f64>,
        edge: f64,
        (first, last): (Sample, Sample),
    ) -> f64 {
        let in_holes: f64 = holes.iter().map(|hole| hole.change).sum();
        // Fast fluctuation makes each sample a draw of its own: half the squared change. Steps and ramps are changes
        // beyond three times the usual one, and at most a uniform error each.
        let noise = 3.0 * self.changes.quantile(0.5);
        let (mut fluctuation, mut steps) = (0.0, 0.0);
        for (bin, sum) in self.changes.sum.iter().enumerate() {
            if Histogram::middle(bin) <= noise {
                fluctuation += sum / 2.0;
            } else {
                steps += sum / 12.0;
            }
        }
        steps = (steps - in_holes / 12.0).max(0.0);
        let sd = (fluctuation + steps).sqrt();
        let resolution = self.repeated / self.tenths / 2.0;
        let late = averaging.unwrap_or(usual) + edge;
        let tilt = (last.value - first.value).abs() * late.min(seconds) / 2.0;
        let local = f64::midpoint(first.value, last.value) * edge / 3f64.sqrt();
        Z * sd + resolution + tilt.min(seconds * (self.range.1 - self.range.0)) + local
    }
}
