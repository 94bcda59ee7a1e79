//! A hint where single runs took far longer than the others.

use crate::units::seconds;

/// Median deviations beyond which a run is an outlier, as in hyperfine.
const FAR: f64 = 14.826;
/// With fewer runs nothing stands out.
const FEWEST: usize = 3;

/// What to do about runs that stand out, if any does.
pub fn hint(times: &[f64], warmup: u32) -> Option<String> {
    if times.len() < FEWEST {
        return None;
    }
    let middle = median(times);
    let off: Vec<f64> = times.iter().map(|time| (time - middle).abs()).collect();
    let deviation = 1.4826 * median(&off).max(f64::EPSILON);
    // Runs that hardly differ make every difference look large.
    let far = |time: f64| {
        let off = (time - middle).abs();
        off / deviation > FAR && off > 0.05 * middle
    };
    let first = times[0];
    if first > middle && far(first) {
        let remedy = match warmup {
            0 => "fill caches with --warmup 1, or clear them before each run with --prepare",
            _ => "use more runs for --warmup, or clear caches before each run with --prepare",
        };
        return Some(format!(
            "the first run took {}, the median is {}: {remedy}",
            seconds(first),
            seconds(middle)
        ));
    }
    let count = times.iter().filter(|time| far(**time)).count();
    (count > 0).then(|| {
        format!(
            "{count} of {} runs took far longer or shorter than the median of {}: repeat them on a quiet machine",
            times.len(),
            seconds(middle)
        )
    })
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => f64::midpoint(sorted[half - 1], sorted[half]),
        _ => sorted[half],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_runs_far_from_the_median_stand_out() {
        let cold = hint(&[0.6, 0.05, 0.051, 0.052, 0.05, 0.051], 0).unwrap();
        assert!(
            cold.contains("first run") && cold.contains("--warmup 1"),
            "{cold}"
        );
        assert!(
            hint(&[0.6, 0.05, 0.051, 0.052], 2)
                .unwrap()
                .contains("more runs")
        );
        let late = hint(&[0.05, 0.051, 0.6, 0.052, 0.05, 0.051], 0).unwrap();
        assert!(
            late.contains("1 of 6 runs") && late.contains("quiet"),
            "{late}"
        );
        for quiet in [
            &[1.0, 1.1, 0.9, 1.05][..],
            &[1.0, 1.0, 1.0, 1.0],
            &[1.03, 1.0, 1.0, 1.0],
            &[0.6, 0.05],
        ] {
            assert_eq!(hint(quiet, 0), None, "{quiet:?}");
        }
    }
}
