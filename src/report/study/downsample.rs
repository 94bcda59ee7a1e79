//! Fewer points of a line than were recorded.

/// Points of all lines of a figure together.
const POINTS: usize = 12_000;

/// Fewest and most points of one line.
const PER_LINE: (usize, usize) = (8, 240);

/// The number of points each of `lines` lines may have.
pub(super) fn points_per_line(lines: usize) -> usize {
    (POINTS / lines.max(1)).clamp(PER_LINE.0, PER_LINE.1)
}

/// At most `most` indices of `count` points: the first, the last, and evenly spaced ones between them.
pub(super) fn downsample(count: usize, most: usize) -> Vec<usize> {
    if count <= most.max(2) {
        return (0..count).collect();
    }
    let last = most.max(2) - 1;
    (0..=last)
        .map(|at| (at * (count - 1) + last / 2) / last)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_ends_and_spaces_points_evenly() {
        assert_eq!(downsample(0, 5), Vec::<usize>::new());
        assert_eq!(downsample(3, 5), [0, 1, 2]);
        assert_eq!(downsample(9, 5), [0, 2, 4, 6, 8]);
        let many = downsample(1000, 7);
        assert_eq!((many[0], many[6], many.len()), (0, 999, 7));
        assert_eq!([1, 500, 1_000_000].map(points_per_line), [240, 24, 8]);
    }
}
