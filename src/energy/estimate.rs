//! Joules of a window, and how far they can be off, from the values an instrument showed around it.
//!
//! What is shown at a time is the energy up to a moment before it: a delay that is known only within limits. Two kinds
//! of window follow from that. *In load*: from one tick to another while the load goes on, so that the delay moves both
//! ends alike. *Between*: fixed ends at which the load begins and ends; before and after it the power is that of the
//! roll, which is taken away again, so that here too the delay cancels.

use serde::{Deserialize, Serialize};

use super::figure::Interval;
use super::instrument::{Quantity, Refusal};
use super::known::{Known, SETTLED};
use super::phase;
use super::series::{Point, Series};

/// The joules of one window through one instrument.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Estimate {
    /// Joules.
    pub joules: f64,
    /// Within what range another measurement of the same would lie through this instrument (95 %).
    pub repeatability: Interval,
    /// Within what range the true joules lie (95 %), gain and offset of the instrument included.
    pub absolute: Interval,
    /// Where the window begins, seconds on the readings' monotonic clock.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// Whole ticks within it; 0 where every read gave a new value.
    pub ticks: u64,
}

impl Estimate {
    /// Seconds of the window.
    pub fn seconds(&self) -> f64 {
        self.to - self.from
    }

    /// Widens both intervals by `joules` to either side.
    pub(crate) fn widen(&mut self, joules: f64) {
        for interval in [&mut self.repeatability, &mut self.absolute] {
            interval.low -= joules;
            interval.high += joules;
        }
    }
}

/// How the power around a fixed window lies to the power in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edges {
    /// The load begins and ends with the window: a command, a closure.
    Load,
    /// The window is cut out of something that goes on: a stretch of a recording.
    Cut,
}

/// Work done up to a time, for windows in load.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stamp {
    /// Seconds on the monotonic clock at which the device had finished.
    pub at: f64,
    /// Units of work (steps, iterations) finished by then.
    pub done: f64,
}

/// Normal quantile of a 95 % interval.
const Z: f64 = 1.959_964;
/// Board sensors were seen to be off by -8 to +13 % against an outside meter; data sheets say 5 %.
const GAIN: f64 = 0.10;
/// Beside the gain an offset, in watts, that matters at small loads only.
const OFFSET_WATTS: f64 = 2.0;
/// A window of so many averaging windows is the shortest whose ends do not govern it.
const AVERAGINGS: f64 = 10.0;
/// A window with fixed ends holds so many ticks at least.
const LEAST_TICKS: f64 = 2.0;
/// So many ticks to either side of an edge say what power is there.
const EDGE_TICKS: f64 = 5.0;
/// Fewer blocks than this say nothing of how they scatter.
const LEAST_BLOCKS: usize = 4;
/// Half the mean deviation of what a sensor averages by, as a share of its settling time, for a box and for a lag of
/// first order alike.
const BLUR: f64 = 0.13;
/// A roll that stands for more ticks than this is far from the end it tells of.
const FAR_TICKS: f64 = 5.0;
/// So many settling times to one side of an end show how much a mean blurs.
const BLUR_SETTLES: f64 = 4.0;
/// Power is looked at over no less than so many seconds.
const GRAIN: f64 = 0.02;
/// A sensor that looks all the time is known to do so within this much: its averaging and its tick are not quite equal.
const FULL_COVERAGE: f64 = 0.97;
/// 1/2 were the unseen part of a tick independent of the seen one; 1 were it the more like it the shorter it is.
const UNLIKE: f64 = 0.77;
/// What is taken for the share of time a sensor samples where nobody looked: the least that cards are known to have.
const LEAST_COVERAGE: f64 = 0.25;

/// From a tick to a tick, inside a load that runs from `from` to `to`; with `stamps`, the phases of a part-time sensor
/// are looked at.
pub(crate) fn in_load(
    series: &Series,
    known: &Known,
    from: f64,
    to: f64,
    stamps: &[Stamp],
) -> Result<Estimate, Refusal> {
    let roll = known.delay + known.delay_error + known.settle;
    let sharp = sharpness(series, from + roll, to);
    let inside = |point: &&Point| point.half <= sharp && point.at - point.half >= from + roll;
    let first = series.points.iter().position(|point| inside(&point));
    let last = series
        .points
        .iter()
        .rposition(|point| point.half <= sharp && point.at + point.half <= to);
    let (first, last) = match (first, last) {
        (Some(first), Some(last)) if last > first => (first, last),
        _ => return Err(too_short(series, to - from)),
    };
    let (a, b) = (series.points[first], series.points[last]);
    let seconds = b.at - a.at;
    averaged(series, known, seconds)?;
    let joules = positive(b.joules - a.joules, seconds)?;
    let scatter = Scatter::of(series, first, last);
    let power = joules / seconds;

    let local = EDGE_TICKS * series.tick.unwrap_or(0.0).max(0.02);
    let early = series.mean_watts(a.at, a.at + local).unwrap_or(power);
    let late = series.mean_watts(b.at - local, b.at).unwrap_or(power);
    let shift = known.delay_error / Z * (early - late).abs().hypot(scatter.watts);
    let edges = scatter.edge(a, power).hypot(scatter.edge(b, power));
    let sampling = sampling(series, known, &scatter, seconds);
    let mut sd = edges
        .hypot(shift)
        .hypot(sampling)
        .hypot(smear(series, known, first, last));
    sd = sd.hypot(known.nonlinearity * joules / Z);
    let mut half = Z * sd;
    let mut joules = joules;
    if let Some(aliasing) = phase::aliasing(series, known, first, last, stamps)? {
        joules += aliasing.correction;
        half += aliasing.joules;
    }
    resolved(joules, half, seconds)?;
    // What was shown at a tick had happened a delay before it.
    let happened = (a.at - known.delay, b.at - known.delay);
    let ticks = (last - first) as u64;
    Ok(finish(joules, half, happened, ticks))
}

/// All of a fixed window.
pub(crate) fn between(
    series: &Series,
    known: &Known,
    from: f64,
    to: f64,
    edges: Edges,
) -> Result<Estimate, Refusal> {
    let seconds = to - from;
    // Whether a tick falls into less than two of them is chance.
    if series.points.len() < 2 || seconds < LEAST_TICKS * series.tick.unwrap_or(0.0) {
        return Err(too_short(series, seconds));
    }
    averaged(series, known, seconds)?;
    let (start, end) = match edges {
        // Where a roll has to stand for many ticks and the power does not jump, the straight line is surer.
        Edges::Load if known.reach() > FAR_TICKS * series.tick.unwrap_or(0.0) => (
            before_load(series, known, from).surer(cut(series, known, from)),
            after_load(series, known, to).surer(cut(series, known, to)),
        ),
        Edges::Load => (
            before_load(series, known, from),
            after_load(series, known, to),
        ),
        Edges::Cut => (cut(series, known, from), cut(series, known, to)),
    };
    let whole = end.joules - start.joules;
    let inside = |at: f64| at >= from && at <= to + known.delay;
    let ticks = series
        .points
        .iter()
        .filter(|point| inside(point.at))
        .count();
    if ticks == 0 {
        return Err(too_short(series, seconds));
    }
    let joules = positive(whole, seconds)?;
    let first = series.points.partition_point(|point| point.at < from);
    let last = series
        .points
        .partition_point(|point| point.at <= to + known.delay)
        - 1;
    let scatter = Scatter::of(series, first.min(last), last);
    let quantum = series.quantum / 12f64.sqrt();
    let sampling = sampling(series, known, &scatter, seconds);
    let sd = [
        start.sd,
        end.sd,
        quantum,
        sampling,
        known.nonlinearity * joules / Z,
    ]
    .iter()
    .fold(0.0, |sum: f64, &sd| sum.hypot(sd));
    let half = Z * sd + start.bound + end.bound;
    resolved(joules, half, seconds)?;
    Ok(finish(joules, half, (from, to), ticks as u64))
}

/// Joules shown at an end of a fixed window, and what is not known of them.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    joules: f64,
    /// Standard deviation.
    sd: f64,
    /// Beyond chance: the joules of a tick of which no more is known.
    bound: f64,
}

impl End {
    /// The one of two tellings of the same end that is less unsure.
    fn surer(self, other: Self) -> Self {
        let unsure = |end: &Self| Z * end.sd + end.bound;
        if unsure(&other) < unsure(&self) {
            other
        } else {
            self
        }
    }
}

/// The start of a load: until it can show, the power is that of the time before.
fn before_load(series: &Series, known: &Known, from: f64) -> End {
    // A mean begins to move half its length before the middle by which its delay is told.
    let early = known.delay_error + known.settle / SETTLED;
    let shown = from + (known.delay - early).max(0.0);
    let at = series
        .points
        .partition_point(|point| point.at + point.half <= shown);
    let moment = from + known.delay;
    let Some(anchor) = at.checked_sub(1).map(|at| series.points[at]) else {
        return outside(series, moment, 0);
    };
    let reach = EDGE_TICKS * 2.0 * series.tick.unwrap_or(0.0).max(0.03);
    let Some(roll) = Roll::of(series, anchor.at - reach - known.reach(), anchor.at) else {
        return outside(series, moment, at);
    };
    let missing = moment - anchor.at;
    End {
        joules: anchor.joules + roll.watts * missing,
        sd: roll
            .end(anchor, missing, known)
            .hypot(blur(series, known, anchor.at, -1.0)),
        bound: 0.0,
    }
}

/// The end of a load: once it must have been shown in full, what came after is taken away.
fn after_load(series: &Series, known: &Known, to: f64) -> End {
    let moment = to + known.delay;
    let shown = moment + known.delay_error + known.settle;
    let at = series
        .points
        .partition_point(|point| point.at - point.half < shown);
    let Some(anchor) = series.points.get(at).copied() else {
        return outside(series, moment, series.points.len() - 1);
    };
    let reach = EDGE_TICKS * 2.0 * series.tick.unwrap_or(0.0).max(0.03);
    let Some(roll) = Roll::of(series, anchor.at, anchor.at + reach + known.reach()) else {
        return outside(series, moment, at);
    };
    let extra = anchor.at - moment;
    End {
        joules: anchor.joules - roll.watts * extra,
        sd: roll
            .end(anchor, extra, known)
            .hypot(blur(series, known, anchor.at, 1.0)),
        bound: 0.0,
    }
}

/// A cut through something that goes on.
fn cut(series: &Series, known: &Known, moment: f64) -> End {
    let shown = moment + known.delay;
    let Some(joules) = series.at(shown) else {
        let nearest = series.points.partition_point(|point| point.at < shown);
        return outside(series, shown, nearest.min(series.points.len() - 1));
    };
    let tick = series.tick.unwrap_or(0.0).max(GRAIN / 2.0);
    let reach = (2.0 * tick).max(known.reach());
    let around = |from: f64, to: f64| Roll::of(series, from, to);
    let (Some(before), Some(after)) = (around(shown - reach, shown), around(shown, shown + reach))
    else {
        // Too few points to say how the power lies around it.
        let nearest = series.points.partition_point(|point| point.at < shown);
        return outside(series, shown, nearest);
    };
    let jump = (after.watts - before.watts).abs();
    let swing = before.swing.hypot(after.swing);
    // Within a tick the power is not known: the straight line is off by a quarter of the jump at most. A mean over more
    // than a tick blurs a jump by half of its mean deviation.
    let blurred = jump * (tick / 4.0 / 3f64.sqrt()).hypot(BLUR * known.settle);
    let shift = known.delay_error / Z * jump.hypot(swing);
    End {
        joules,
        sd: blurred
            .hypot(shift)
            .hypot(swing * tick / 12f64.sqrt())
            .hypot(blur(series, known, shown, -1.0).max(blur(series, known, shown, 1.0))),
        bound: 0.0,
    }
}

/// An end at which nothing was shown before (or after) it: carried on from the nearest two points, all of it unsure.
fn outside(series: &Series, moment: f64, nearest: usize) -> End {
    let nearest = nearest.min(series.points.len() - 1);
    let (a, b) = match nearest {
        0 => (series.points[0], series.points[1]),
        at => (series.points[at - 1], series.points[at]),
    };
    let watts = (b.joules - a.joules) / (b.at - a.at).max(f64::MIN_POSITIVE);
    let anchor = series.points[nearest];
    let carried = watts * (moment - anchor.at);
    End {
        joules: anchor.joules + carried,
        sd: 0.0,
        bound: carried.abs(),
    }
}

/// The power before or after a load.
struct Roll {
    watts: f64,
    /// Standard deviation of their mean.
    sd: f64,
    /// Standard deviation of the watts themselves.
    swing: f64,
}

impl Roll {
    fn of(series: &Series, from: f64, to: f64) -> Option<Self> {
        let first = series.points.partition_point(|point| point.at < from);
        let end = series.points.partition_point(|point| point.at <= to);
        let points = series.points.get(first..end)?;
        let (a, b) = (points.first()?, points.last()?);
        if b.at <= a.at {
            return None;
        }
        let watts = (b.joules - a.joules) / (b.at - a.at);
        let mut each = coarse(points);
        if each.is_empty() {
            each.push(watts);
        }
        // Times that are not known sharply make a counter's watts high in one tick and low in the next; only what scatters
        // beyond that is power's own. A power sensor's watts do not come from times.
        let blurred = if series.spec.is_power() {
            0.0
        } else {
            let tick = (b.at - a.at) / each.len() as f64;
            let half = points.iter().map(|point| point.half).sum::<f64>() / points.len() as f64;
            2.0 * (watts * half / tick).powi(2) / 3.0
        };
        let sd = of_mean(&each, blurred);
        let off = each.iter().map(|own| (own - watts).powi(2)).sum::<f64>();
        let swing = (off / each.len() as f64 - blurred).max(0.0).sqrt() * few(each.len());
        // The ends of the roll are as unsure as any tick.
        let timing = watts * a.half.hypot(b.half) / 3f64.sqrt() / (b.at - a.at);
        Some(Self {
            watts,
            sd: sd.hypot(timing),
            swing,
        })
    }
}

impl Roll {
    /// Standard deviation of the joules at an end that lies `seconds` of this power away from `anchor`.
    fn end(&self, anchor: Point, seconds: f64, known: &Known) -> f64 {
        let time = anchor.half / 3f64.sqrt() * self.watts;
        // Power in just those seconds may differ from the roll's mean as the roll's own values do.
        let shift = (known.delay_error / Z).hypot(seconds) * self.swing;
        (self.sd * seconds).hypot(time).hypot(shift)
    }
}

/// Few values show less than they scatter: by how much their spread is to be raised.
fn few(count: usize) -> f64 {
    1.0 + 4.0 / count as f64
}

/// Standard deviation of the mean of `values` whose neighbours may be alike: the largest that any length of blocks shows.
/// `blurred` is the part of the values' own variance that the next one takes back.
fn of_mean(values: &[f64], blurred: f64) -> f64 {
    let mut blocks = values.to_vec();
    let mut blurred = blurred;
    let mut most: f64 = 0.0;
    loop {
        let count = blocks.len() as f64;
        let own = (spread(&blocks).powi(2) - blurred).max(0.0);
        most = most.max((own / count).sqrt() * few(blocks.len()));
        if blocks.len() < 2 * LEAST_BLOCKS {
            return most;
        }
        blocks = blocks
            .chunks_exact(2)
            .map(|pair| f64::midpoint(pair[0], pair[1]))
            .collect();
        // Over twice the time, the same unsureness of its ends.
        blurred /= 4.0;
    }
}

/// What the points of a window show of their own unsureness.
struct Scatter {
    /// Joules by which a tick lies off the line through its neighbours: jitter of its time, quantum, and power that
    /// changes within a tick.
    joules: Option<f64>,
    /// Watts by which one tick (of a fast instrument, one [`GRAIN`]) differs from the next.
    watts: f64,
    /// Mean half of the time within which a point must have appeared.
    half: f64,
    /// Updates that did not come.
    missed: f64,
    /// Ticks (updates) within the window.
    ticks: usize,
}

impl Scatter {
    fn of(series: &Series, first: usize, last: usize) -> Self {
        let points = &series.points[first..=last];
        let longest = 1.5 * series.tick.unwrap_or(0.0);
        let near = |gap: f64| series.tick.is_none() || gap <= longest;
        let mut off: Vec<f64> = points
            .windows(3)
            .filter(|three| near(three[1].gap) && near(three[2].gap))
            .map(|three| {
                let share = (three[1].at - three[0].at) / (three[2].at - three[0].at);
                let line = three[0].joules + share * (three[2].joules - three[0].joules);
                // Three equally unsure points: variance 1 + 1/4 + 1/4.
                ((three[1].joules - line) / 1.5f64.sqrt()).abs()
            })
            .collect();
        off.sort_by(f64::total_cmp);
        // The median of |x| of a normal x is 0.6745 of its standard deviation.
        let joules = (off.len() >= 4).then(|| off[off.len() / 2] / 0.6745);
        let watts: Vec<f64> = if series.watts.is_empty() {
            coarse(points)
        } else {
            series.watts[first..=last].to_vec()
        };
        let count = points.len() as f64;
        Self {
            joules,
            watts: spread(&watts),
            half: points.iter().map(|point| point.half).sum::<f64>() / count,
            missed: points
                .iter()
                .filter(|point| !near(point.gap))
                .map(|point| point.gap / series.tick.unwrap_or(point.gap).max(1e-9) - 1.0)
                .sum(),
            ticks: points.len() - 1,
        }
    }

    /// Standard deviation of the joules at an edge on `point`.
    fn edge(&self, point: Point, power: f64) -> f64 {
        let timing = power * point.half / 3f64.sqrt();
        self.joules.unwrap_or(timing).max(timing / 2.0)
    }
}

/// Mean watts of stretches of at least [`GRAIN`]: over less, the times of the points matter more than the power.
fn coarse(points: &[Point]) -> Vec<f64> {
    let mut watts = Vec::new();
    let mut start = points[0];
    for point in points {
        let seconds = point.at - start.at;
        if seconds >= GRAIN {
            watts.push((point.joules - start.joules) / seconds);
            start = *point;
        }
    }
    watts
}

/// Standard deviation by successive differences: a drift is no scatter.
fn spread(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let sum: f64 = values
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).powi(2))
        .sum();
    (sum / 2.0 / (values.len() - 1) as f64).sqrt()
}

/// Standard deviation of the joules that a sensor misses, or counts twice, because it looks only part of the time,
/// because an update did not come, or because its updates' times are not known sharply.
fn sampling(series: &Series, known: &Known, scatter: &Scatter, seconds: f64) -> f64 {
    let coverage = match (series.spec.quantity, known.coverage) {
        (Quantity::Power { .. }, Some(coverage)) => coverage.clamp(0.0, FULL_COVERAGE),
        (Quantity::Power { .. }, None) => LEAST_COVERAGE,
        (Quantity::Energy { .. }, coverage) => coverage.unwrap_or(1.0),
    };
    let ticks = scatter.ticks.max(1) as f64;
    let tick = seconds / ticks;
    // What is not seen of a tick lies beside what is, and is the more like it the less it is.
    let looks = scatter.watts * tick * ticks.sqrt() * (1.0 - coverage).powf(UNLIKE);
    if !series.spec.is_power() {
        return looks;
    }
    let missed = scatter.watts * tick * (1.5 * scatter.missed.max(0.0)).sqrt();
    let timing = scatter.watts * scatter.half * (2.0 * ticks / 3.0).sqrt();
    looks.hypot(missed).hypot(timing)
}

/// Standard deviation of the joules by which a mean over several ticks blurs both edges: the power's change from one
/// such mean to the next, over the spread of what it averages by.
fn smear(series: &Series, known: &Known, first: usize, last: usize) -> f64 {
    let over = known.settle;
    if series.watts.is_empty() || over <= 3.0 * series.tick.unwrap_or(0.0) {
        return 0.0;
    }
    let (mut sum, mut count) = (0.0, 0.0);
    let mut ahead = first;
    for at in first..=last {
        while ahead < last && series.points[ahead].at < series.points[at].at + over {
            ahead += 1;
        }
        if series.points[ahead].at >= series.points[at].at + over {
            sum += (series.watts[ahead] - series.watts[at]).powi(2);
            count += 1.0;
        }
    }
    if count < 1.0 {
        return 0.0;
    }
    let watts = (sum / count / 2.0_f64).sqrt();
    // As settling is learnt, less a tick, it is 1.25 standard deviations of a box and of a first-order lag alike, stretched.
    2f64.sqrt() * watts * over / SETTLED / 1.25
}

/// The same of one end, by the power to one side of it: -1 before, 1 after.
fn blur(series: &Series, known: &Known, at: f64, side: f64) -> f64 {
    let far = at + side * BLUR_SETTLES * known.settle;
    let first = series
        .points
        .partition_point(|point| point.at < at.min(far));
    let end = series
        .points
        .partition_point(|point| point.at <= at.max(far));
    if end <= first {
        return 0.0;
    }
    smear(series, known, first, end - 1) / 2f64.sqrt()
}

/// Edges on points that appeared within this much are worth having.
fn sharpness(series: &Series, from: f64, to: f64) -> f64 {
    let mut halves: Vec<f64> = series
        .points
        .iter()
        .filter(|point| (from..=to).contains(&point.at))
        .map(|point| point.half)
        .collect();
    halves.sort_by(f64::total_cmp);
    let median = halves.get(halves.len() / 2).copied().unwrap_or(0.0);
    1.5 * median
}

fn averaged(series: &Series, known: &Known, seconds: f64) -> Result<(), Refusal> {
    let over = match series.spec.quantity {
        Quantity::Power { averaging } => averaging
            .unwrap_or(0.0)
            .max(known.settle / SETTLED)
            .max(series.tick.unwrap_or(0.0)),
        Quantity::Energy { .. } => 0.0,
    };
    if seconds < AVERAGINGS * over {
        return Err(Refusal::new(format!(
            "the window of {seconds:.3} s is shorter than ten of the {over:.3} s over which the sensor averages"
        ))
        .with_remedy("meter a longer window"));
    }
    Ok(())
}

fn too_short(series: &Series, seconds: f64) -> Refusal {
    let refusal = match series.tick {
        Some(tick) if tick > 0.0 => Refusal::new(format!(
            "the window of {seconds:.3} s holds too few of the instrument's ticks of {tick:.3} s"
        )),
        _ => Refusal::new(format!(
            "no tick of the instrument was seen in a window of {seconds:.3} s"
        )),
    };
    refusal.with_remedy("meter a longer window")
}

fn positive(joules: f64, seconds: f64) -> Result<f64, Refusal> {
    if joules.is_finite() && joules > 0.0 {
        return Ok(joules);
    }
    Err(Refusal::new(format!(
        "the readings came to {joules} J in {seconds:.3} s, which is no energy"
    )))
}

/// Joules that may as well be none are no figure.
fn resolved(joules: f64, half: f64, seconds: f64) -> Result<(), Refusal> {
    if half < joules {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "the readings of a window of {seconds:.3} s tell no more than {joules:.3} +-{half:.3} J"
    ))
    .with_remedy("meter a longer window"))
}

fn finish(joules: f64, half: f64, (from, to): (f64, f64), ticks: u64) -> Estimate {
    let off = GAIN * joules + OFFSET_WATTS * (to - from);
    Estimate {
        joules,
        repeatability: Interval::around(joules, half),
        absolute: Interval::around(joules, half.hypot(off)),
        from,
        to,
        ticks,
    }
}
