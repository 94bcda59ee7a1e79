//! When an outside meter's lines came, beside the times they bear: what tells one that has stopped from one that keeps
//! another clock, and both from one that is slow.

use crate::energy::sensor::Unavailable;

/// Lines that stay away for so many of their paces, and for so many seconds at least, come no more.
const QUIET_PACES: f64 = 5.0;
const QUIET_SECONDS: f64 = 0.5;
/// And where only one has come, so that there is no pace, for so many seconds.
const QUIET_ALONE: f64 = 10.0;

/// All times on the monotonic clock.
pub(super) struct Arrivals {
    opened: f64,
    newest: Option<Newest>,
    /// Seconds between the times of the last two lines.
    pace: Option<f64>,
}

struct Newest {
    line: String,
    /// The time it bears.
    at: f64,
    /// When it was met.
    met: f64,
}

impl Arrivals {
    pub(super) fn new(opened: f64) -> Self {
        Self {
            opened,
            newest: None,
            pace: None,
        }
    }

    /// A line that bears the time `at` was met `now`.
    pub(super) fn came(&mut self, line: &str, at: f64, now: f64) {
        if let Some(before) = &self.newest {
            self.pace = Some(at - before.at).filter(|&pace| pace > 0.0);
        }
        self.newest = Some(Newest {
            line: line.to_owned(),
            at,
            met: now,
        });
    }

    /// Why there is nothing new `now`; `taken`: whether the time of any line was near enough to take it for a reading.
    pub(super) fn silence(&self, now: f64, taken: bool) -> Option<Unavailable> {
        let Some(newest) = &self.newest else {
            return Some(Unavailable::new(format!(
                "it gave no reading: no line has come in the {:.1} s it was followed",
                now - self.opened
            )));
        };
        let patience = self
            .pace
            .map_or(QUIET_ALONE, |pace| QUIET_SECONDS.max(QUIET_PACES * pace));
        let quiet = now - newest.met;
        if quiet > patience {
            let pace = self.pace.map_or(String::new(), |pace| {
                format!(", where one came every {pace:.2} s")
            });
            return Some(Unavailable::new(format!(
                "it has stopped: no line has come for {quiet:.1} s{pace}, and the newest is {:.1} s old",
                now - newest.at
            )));
        }
        let old = newest.met - newest.at;
        if taken || old <= patience.max(QUIET_ALONE) {
            return None;
        }
        // Those that were there already when it was opened may be an old run's; those that come since are not.
        if newest.met - self.opened > QUIET_SECONDS {
            return Some(far(&newest.line, -old));
        }
        Some(Unavailable::new(format!(
            "its newest line, `{}`, is {old:.1} s old: it has stopped, or it keeps another clock",
            newest.line
        )))
    }
}

/// A line whose time is `off` seconds from when it came.
pub(super) fn far(line: &str, off: f64) -> Unavailable {
    Unavailable::new(format!(
        "the time of the line `{line}` is {off:+.1} s from now: it is not on this machine's Unix clock"
    ))
    .with_fix("give seconds since 1970-01-01 UTC in the first column")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines every `pace` seconds from `from` on to `to`, each with a time that is `off` the present.
    fn followed(pace: f64, from: f64, to: f64, off: f64) -> Arrivals {
        let mut arrivals = Arrivals::new(100.0);
        let count = ((to - from) / pace).round() as u32;
        for number in 0..=count {
            let at = from + f64::from(number) * pace;
            // What was there before the opening is met then.
            arrivals.came(&format!("{at} 80"), at + off, at.max(100.0));
        }
        arrivals
    }

    fn said(arrivals: &Arrivals, now: f64, taken: bool) -> String {
        let refusal = arrivals.silence(now, taken);
        refusal.map_or(String::new(), |refusal| refusal.reason)
    }

    #[test]
    fn stopped_slow_and_on_another_clock_are_told_apart() {
        let stopped = followed(0.05, 50.0, 63.0, 0.0);
        let reason = said(&stopped, 101.7, false);
        assert!(
            reason.contains("has stopped") && reason.contains("38.7 s old"),
            "{reason}"
        );
        let midway = followed(0.05, 99.0, 101.0, 0.0);
        assert!(said(&midway, 103.0, true).contains("for 2.0 s"));
        let slow = followed(10.0, 60.0, 90.0, 0.0);
        assert_eq!(said(&slow, 101.7, false), "");
        let at_its_pace = followed(0.05, 99.0, 101.65, 0.0);
        assert_eq!(said(&at_its_pace, 101.7, true), "");
        let elsewhere = followed(0.05, 100.0, 101.65, -1000.0);
        let reason = said(&elsewhere, 101.7, false);
        assert!(reason.contains("-1000.0 s from now"), "{reason}");
        let once = followed(1.0, 100.0, 100.0, -1000.0);
        assert!(said(&once, 101.7, false).contains("or it keeps another clock"));
        let never = said(&Arrivals::new(100.0), 101.7, false);
        assert!(never.contains("no line has come in the 1.7 s"), "{never}");
    }
}
