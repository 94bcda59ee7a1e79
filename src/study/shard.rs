//! Dividing the runs of a study over machines.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// One of several shards: every run of a study belongs to exactly one, on every machine and in every version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 1 to `count`.
    index: u64,
    count: u64,
}

impl Shard {
    /// Whether the run with this name belongs to the shard.
    pub fn contains(&self, run: &str) -> bool {
        let digest: [u8; 32] = Sha256::digest(run).into();
        let hash = digest[..8]
            .iter()
            .fold(0, |hash, byte| hash << 8 | u64::from(*byte));
        hash % self.count == self.index - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text
            .split_once('/')
            .and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match numbers {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index, count }),
            _ => Err("give I/N with I from 1 to N, such as 1/3".into()),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_is_in_exactly_one_shard() {
        let shards: Vec<Shard> = (1..=3)
            .map(|index| format!("{index}/3").parse().unwrap())
            .collect();
        let mut sizes = [0; 3];
        for seed in 0..300 {
            let run = format!("batch-size=32,lr=0.01@{seed}");
            let of: Vec<usize> = (0..3).filter(|at| shards[*at].contains(&run)).collect();
            assert_eq!(of.len(), 1, "{run}");
            sizes[of[0]] += 1;
        }
        // 100 expected, with a standard deviation of 8.2.
        assert!(
            sizes.iter().all(|size| (60..140).contains(size)),
            "{sizes:?}"
        );
        // As another program computed it: the first 16 digits of `printf a@1 | sha256sum`, modulo 3.
        assert!(shards[1].contains("a@1"));
    }

    #[test]
    fn rejects_shards_out_of_range() {
        for bad in [
            "0/3", "4/3", "1/0", "-1/3", "1", "1/", "/3", "a/b", "1/3/3", "",
        ] {
            let error = bad.parse::<Shard>().unwrap_err();
            assert!(error.contains("1 to N"), "{bad}");
        }
        assert_eq!("2/3".parse::<Shard>().unwrap().to_string(), "2/3");
    }
}
