//! Successive halving: candidates run in turns, and the slower half of them drops out after each round.

/// What a candidate costs: a time, joules or their product, from its samples.
pub trait Runner {
    /// Runs candidate `at` once and returns the cost; not finite where it failed.
    fn sample(&mut self, at: usize) -> f64;
}

/// The samples of a candidate.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Samples(pub Vec<f64>);

impl Samples {
    /// The median; infinite without samples.
    #[must_use]
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::INFINITY,
            n => f64::midpoint(sorted[(n - 1) / 2], sorted[n / 2]),
        }
    }
}

/// Runs all `count` candidates `first` times in turns, keeps the cheaper half, and doubles the runs, until candidate 0 and one
/// other are left. Candidate 0 is what the others have to beat, so it stays. Returns the samples of all.
pub fn race(runner: &mut impl Runner, count: usize, first: usize) -> Vec<Samples> {
    let mut samples = vec![Samples::default(); count];
    let mut left: Vec<usize> = (0..count).collect();
    let mut runs = first;
    loop {
        for _ in 0..runs {
            for at in &left {
                let cost = runner.sample(*at);
                samples[*at].0.push(cost);
            }
        }
        if left.len() <= 2 {
            return samples;
        }
        let mut others: Vec<usize> = left.iter().copied().filter(|at| *at != 0).collect();
        others.sort_by(|a, b| samples[*a].median().total_cmp(&samples[*b].median()));
        others.truncate(others.len().div_ceil(2));
        left = std::iter::once(0).chain(others).collect();
        runs *= 2;
    }
}

/// The cheapest candidate after a race, where it beats candidate 0 by at least `margin` of its cost in the median of as many
/// samples as any has.
#[must_use]
pub fn winner(samples: &[Samples], margin: f64) -> usize {
    let most = samples.iter().map(|s| s.0.len()).max().unwrap_or(0);
    let finalists = (0..samples.len()).filter(|at| samples[*at].0.len() == most);
    let best = finalists.min_by(|a, b| samples[*a].median().total_cmp(&samples[*b].median()));
    let beats = |at: &usize| samples[*at].median() < samples[0].median() * (1.0 - margin);
    best.filter(beats).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Known {
        costs: Vec<f64>,
        runs: Vec<usize>,
    }

    impl Runner for Known {
        fn sample(&mut self, at: usize) -> f64 {
            self.runs[at] += 1;
            // Noise of 20 %, the same for all in a turn.
            self.costs[at] * (1.0 + 0.1 * ((self.runs[at] % 3) as f64 - 1.0))
        }
    }

    fn run(costs: &[f64]) -> (usize, Vec<usize>) {
        let mut known = Known {
            costs: costs.to_vec(),
            runs: vec![0; costs.len()],
        };
        let samples = race(&mut known, costs.len(), 3);
        (winner(&samples, 0.03), known.runs)
    }

    #[test]
    fn the_cheapest_wins_and_the_others_run_less() {
        let (best, runs) = run(&[10.0, 9.0, 3.0, 11.0, 8.0, 20.0, 7.0]);
        assert_eq!(best, 2);
        // Candidate 0 and the winner run in every round (3, 6, 12 and 24 times), the dearest in the first alone.
        assert_eq!((runs[0], runs[2], runs[5]), (45, 45, 3));
    }

    #[test]
    fn what_is_not_cheaper_by_the_margin_replaces_nothing() {
        assert_eq!(run(&[10.0, 9.9, 12.0]).0, 0);
        assert_eq!(run(&[10.0, f64::INFINITY, f64::NAN]).0, 0);
        assert_eq!(run(&[10.0]).0, 0);
    }
}
