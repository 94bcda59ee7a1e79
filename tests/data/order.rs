//! The order of samples: a bijection, the documented one, and as good as chance.

use std::collections::HashSet;
use wattgrad::internals::data::{half_bits, mix, permute};

#[test]
fn an_order_visits_every_sample_once() {
    for n in [1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 1_797, 60_000] {
        for (seed, epoch) in [(0, 0), (0, 1), (42, 0), (u32::MAX, u32::MAX)] {
            let mut seen = vec![false; n as usize];
            for position in 0..n {
                let at = permute(seed, epoch, position, n);
                assert!(
                    at < n && !seen[at as usize],
                    "n {n}, seed {seed}, epoch {epoch}, position {position}: {at}"
                );
                seen[at as usize] = true;
            }
        }
    }
    assert_eq!(permute(3, 1, 70, 64), permute(3, 1, 6, 64));
    assert_eq!(permute(3, 1, 70, 0), 0);
}

#[test]
fn an_order_is_the_one_documented() {
    // From a separate program in Python, written after the module's description.
    let known = [
        ((0, 0, 0, 1), 0),
        ((0, 0, 0, 2), 0),
        ((0, 0, 1, 3), 1),
        ((1, 2, 63, 64), 9),
        ((7, 1, 64, 65), 58),
        ((42, 0, 0, 1797), 1598),
        ((42, 3, 1796, 1797), 544),
        ((42, 0, 0, 60000), 20634),
        ((42, 0, 59999, 60000), 1902),
        ((u32::MAX, u32::MAX, 12345, 60000), 48303),
        ((5, 6, 7, u32::MAX), 2399505081),
        ((1, 1, 1073741824, 2147483648), 727100213),
    ];
    for ((seed, epoch, position, n), want) in known {
        assert_eq!(
            permute(seed, epoch, position, n),
            want,
            "{seed} {epoch} {position} {n}"
        );
    }
    for (n, half) in [
        (0, 2),
        (1, 2),
        (16, 2),
        (17, 3),
        (64, 3),
        (65, 4),
        (1 << 30, 15),
        ((1 << 30) + 1, 16),
        (u32::MAX, 16),
    ] {
        assert_eq!(half_bits(n), half, "{n}");
    }
    assert_eq!(mix(0), 0);
}

#[test]
fn orders_differ_between_seeds_and_epochs() {
    let mut seen = HashSet::new();
    for seed in 0..40 {
        for epoch in 0..40 {
            let order: Vec<u32> = (0..1_797).map(|i| permute(seed, epoch, i, 1_797)).collect();
            // A random order leaves one sample in place on average; ten or more has a chance of 1e-7.
            let in_place = order
                .iter()
                .enumerate()
                .filter(|&(i, &s)| i as u32 == s)
                .count();
            assert!(
                in_place < 12,
                "seed {seed}, epoch {epoch}: {in_place} samples in place"
            );
            assert!(
                seen.insert(order),
                "seed {seed}, epoch {epoch} repeats an order"
            );
        }
    }
}

/// Chi-square of counts against equal shares.
fn chi_square(counts: &[u32]) -> f64 {
    let share = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
    counts
        .iter()
        .map(|&c| (f64::from(c) - share).powi(2) / share)
        .sum()
}

/// Five standard deviations above what an even spread gives on average.
fn bound(cells: usize) -> f64 {
    let freedom = cells as f64 - 1.0;
    freedom + 5.0 * (2.0 * freedom).sqrt()
}

#[test]
fn every_sample_is_as_likely_first() {
    for n in [3u32, 10, 64, 100] {
        for by_epoch in [false, true] {
            for position in [0, n - 1] {
                let mut counts = vec![0; n as usize];
                for key in 0..400 * n {
                    let (seed, epoch) = if by_epoch { (1, key) } else { (key, 0) };
                    counts[permute(seed, epoch, position, n) as usize] += 1;
                }
                let chi = chi_square(&counts);
                assert!(
                    chi < bound(counts.len()),
                    "n {n}, by epoch {by_epoch}, position {position}: {chi}"
                );
            }
        }
    }
}

#[test]
fn neighbours_are_independent() {
    let n = 60u32;
    let mut counts = vec![0; (n * n) as usize];
    for seed in 0..100 * n {
        let (a, b) = (permute(seed, 3, 10, n), permute(seed, 3, 11, n));
        counts[(a * n + b) as usize] += 1;
    }
    // Every ordered pair of two different samples, none of one sample twice.
    let pairs: Vec<u32> = (0..n * n)
        .filter(|i| i / n != i % n)
        .map(|i| counts[i as usize])
        .collect();
    assert_eq!(pairs.iter().sum::<u32>(), 100 * n);
    let chi = chi_square(&pairs);
    assert!(chi < bound(pairs.len()), "{chi}");
}
