//! What readings of power leave open beyond their scatter: holes without a reading, and the digits of a plateau. Recorded
//! logs follow the same rules (`log::integrate`).

use crate::energy::sensor::Unavailable;
use crate::energy::series::Series;

/// With holes of this share of a window there are no joules.
const MOST_MISSING: f64 = 0.5;
/// The last digit of a meter's watts is taken to be a watt at most.
const COARSEST: f64 = 1.0;

/// The joules by which a window, from one time of the readings to another, may be lower or higher.
pub(super) fn unseen(series: &Series, from: f64, to: f64) -> Result<[f64; 2], Unavailable> {
    let [mut below, mut above] = [unresolved(series, from, to); 2];
    let holes = series.holes.within(from, to);
    let missing: f64 = holes.iter().map(|(start, end)| end - start).sum();
    if let Some((start, end)) = holes
        .first()
        .filter(|_| missing >= MOST_MISSING * (to - from))
    {
        return Err(Unavailable::new(format!(
            "no reading for {:.1} s, from {:.1} s of the window: less than half of it is covered",
            end - start,
            start - from
        ))
        .with_fix("measure again, with a sensor that can be read all the time"));
    }
    let (low, high) = series.holes.range;
    for (start, end) in holes {
        let joules = series.at(end).zip(series.at(start));
        let joules = joules.map_or(0.0, |(end, start)| end - start);
        below += (joules - low * (end - start)).max(0.0);
        above += (high * (end - start) - joules).max(0.0);
    }
    Ok([below, above])
}

/// A remark on each of the longest holes of a window.
pub(crate) fn hole_notes(series: &Series, from: f64, to: f64) -> Vec<String> {
    let holes = series.holes.within(from, to);
    let (low, high) = series.holes.range;
    let mut notes: Vec<String> = holes
        .iter()
        .take(3)
        .map(|(start, end)| {
            format!(
                "no reading from {:.1} s to {:.1} s of the window ({:.1} s): the interval allows any power from {low:.1} \
                 to {high:.1} W there",
                start - from,
                end - from,
                end - start,
            )
        })
        .collect();
    if let Some(more @ [_, ..]) = holes.get(3..) {
        let seconds: f64 = more.iter().map(|(start, end)| end - start).sum();
        notes.push(format!(
            "{} more holes of {seconds:.1} s in all",
            more.len()
        ));
    }
    notes
}

/// Joules that the digits of a meter's lines hide: a value that repeats may be off by half of its last digit all the time.
fn unresolved(series: &Series, from: f64, to: f64) -> f64 {
    if !series.spec.shows_each_update() {
        return 0.0;
    }
    let whole = |value: f64| (value - value.round()).abs() <= 1e-6;
    let mut digit = COARSEST;
    while digit > series.spec.scale && !series.watts.iter().all(|watts| whole(watts / digit)) {
        digit /= 10.0;
    }
    let (points, watts) = (&series.points, &series.watts);
    let inside = |at: &usize| points[*at].at > from && points[*at - 1].at < to;
    let repeats = (1..points.len()).filter(|&at| watts[at] == watts[at - 1]);
    repeats.filter(inside).map(|at| points[at].gap).sum::<f64>() * digit / 2.0
}
