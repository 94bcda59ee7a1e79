//! Times of the dispatches of a real step by the device's clock, and whether they can be trusted.

/// Start and end of each pass of a step, as the driver left them, and the seconds of the submission by the host's clock.
pub struct Reading {
    pub passes: Vec<Option<[f64; 2]>>,
    /// Seconds of an empty dispatch on the same clock.
    pub empty: f64,
    pub host: f64,
}

/// A pass may begin this share of the step before the one before it ended: clocks tick.
const OVERLAP: f64 = 1e-3;

/// Why timestamps cannot be trusted: drivers leave zeros, stamp a pass when it is recorded, or let passes overlap.
pub fn distrust(reading: &Reading) -> Option<String> {
    let count = reading.passes.len();
    let read: Vec<[f64; 2]> = reading.passes.iter().flatten().copied().collect();
    let (Some(first), Some(last)) = (read.first(), read.last()) else {
        return Some("the driver leaves no readings".into());
    };
    // A dispatch shorter than a tick reads as nothing; many of them mean that the clock is too coarse.
    if read.len() * 10 < count * 9 {
        return Some(format!(
            "{} of {count} dispatches have no reading",
            count - read.len()
        ));
    }
    let span = last[1] - first[0];
    if !(0.3 * reading.host..=1.02 * reading.host).contains(&span) {
        return Some(format!(
            "a step spans {:.3} ms on the device's clock and {:.3} ms on the host's",
            1e3 * span,
            1e3 * reading.host
        ));
    }
    let late = read
        .windows(2)
        .any(|pair| pair[1][0] < pair[0][1] - OVERLAP * span);
    late.then(|| "dispatches overlap on the device's clock".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(passes: &[[f64; 2]], host: f64) -> Reading {
        let passes = passes.iter().map(|pass| Some(*pass)).collect();
        Reading {
            passes,
            empty: 0.0,
            host,
        }
    }

    #[test]
    fn zeros_and_absurd_times_are_recognized() {
        let good = [[0.0, 0.01], [0.011, 0.02], [0.02, 0.09]];
        assert_eq!(distrust(&reading(&good, 0.1)), None);
        let none = Reading {
            passes: vec![None; 3],
            empty: 0.0,
            host: 0.1,
        };
        assert!(distrust(&none).unwrap().contains("no readings"));
        let few = Reading {
            passes: vec![Some([0.0, 0.09]), None, None],
            empty: 0.0,
            host: 0.1,
        };
        assert!(distrust(&few).unwrap().contains("2 of 3"));
        // Stamped when recorded: all within microseconds.
        let early = good.map(|pass| pass.map(|t| 1e-4 * t));
        assert!(distrust(&reading(&early, 0.1)).unwrap().contains("spans"));
        let long = good.map(|pass| pass.map(|t| 1e3 * t));
        assert!(distrust(&reading(&long, 0.1)).unwrap().contains("spans"));
        let overlapping = [[0.0, 0.05], [0.01, 0.06], [0.06, 0.09]];
        assert!(
            distrust(&reading(&overlapping, 0.1))
                .unwrap()
                .contains("overlap")
        );
    }
}
