//! Fewer points of a line than were recorded.

/// Points of all the lines of a figure together.
const ALL: usize = 12_000;

/// Most points of one line, and fewest.
const LINE: (usize, usize) = (8, 240);

/// How many points each of `lines` lines may have.
pub(super) fn share(lines: usize) -> usize {
    (ALL / lines.max(1)).clamp(LINE.0, LINE.1)
}

/// Which of `count` points are kept of at most `most`: the first, the last, and evenly between them.
pub(super) fn kept(count: usize, most: usize) -> Vec<usize> {
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
    fn ends_stay_and_points_are_even() {
        assert_eq!(kept(0, 5), Vec::<usize>::new());
        assert_eq!(kept(3, 5), [0, 1, 2]);
        assert_eq!(kept(9, 5), [0, 2, 4, 6, 8]);
        let many = kept(1000, 7);
        assert_eq!((many[0], many[6], many.len()), (0, 999, 7));
        assert!(share(1) == 240 && share(500) == 24 && share(1_000_000) == 8);
    }
}
