//! Contention: the CPU share that other processes used during a run.

use serde::{Deserialize, Serialize};

/// Above this share of the machine's CPUs, time and joules of a run are not ranked.
const SIGNIFICANT_SHARE: f64 = 0.05;

/// What other processes used during a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Contention {
    /// Share of the machine's CPU time, 0 to 1, that other processes used; absent if the system does not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_share: Option<f64>,
}

impl Contention {
    /// Whether the share is so large that time and joules of the run are not comparable.
    pub fn is_significant(&self) -> bool {
        self.cpu_share
            .is_some_and(|share| share > SIGNIFICANT_SHARE)
    }

    pub(crate) fn watch() -> Watch {
        Watch { from: Ticks::now() }
    }
}

pub(crate) struct Watch {
    from: Option<Ticks>,
}

impl Watch {
    pub fn stop(self) -> Contention {
        let share = self.from.zip(Ticks::now()).and_then(|(a, b)| b.since(a));
        Contention { cpu_share: share }
    }
}

/// Clock ticks of all processors since the machine started.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ticks {
    /// Idle ones included.
    all: u64,
    busy: u64,
    /// Used by this process and its ended children.
    own: u64,
}

impl Ticks {
    fn now() -> Option<Self> {
        let read = |path| std::fs::read_to_string(path).ok();
        Self::parse(&read("/proc/stat")?, &read("/proc/self/stat")?)
    }

    /// From the texts of `/proc/stat` and `/proc/self/stat`, which count the same ticks.
    fn parse(machine: &str, process: &str) -> Option<Self> {
        let line = machine.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks: Vec<u64> = line
            .split_whitespace()
            .map_while(|n| n.parse().ok())
            .collect();
        // user, nice, system, idle, iowait, irq, softirq, steal; user and nice include guests.
        let first = ticks.get(..8)?;
        let idle = first[3] + first[4];
        let all: u64 = first.iter().sum();
        // The process name may contain anything; it ends with the last bracket.
        let (_, fields) = process.rsplit_once(')')?;
        let fields: Vec<u64> = fields
            .split_whitespace()
            .skip(11)
            .take(4)
            .map_while(|n| n.parse().ok())
            .collect();
        (fields.len() == 4).then(|| Self {
            all,
            busy: all - idle,
            own: fields.iter().sum(),
        })
    }

    /// The share of all ticks since `before` that other processes used.
    fn since(self, before: Self) -> Option<f64> {
        let all = self.all.checked_sub(before.all).filter(|all| *all > 0)?;
        let busy = self.busy.saturating_sub(before.busy);
        let own = self.own.saturating_sub(before.own);
        Some(busy.saturating_sub(own) as f64 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contention_is_the_busy_time_of_other_processes() {
        let before = Ticks::parse(
            "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2\n",
            "7 (a b) c) R 1 1 1 0 -1 4194304 1 0 0 0 40 10 0 0 20 0 1 0 5",
        )
        .unwrap();
        assert_eq!(
            before,
            Ticks {
                all: 1000,
                busy: 150,
                own: 50
            }
        );
        let after = Ticks {
            all: 1200,
            busy: 310,
            own: 190,
        };
        // 160 busy, 140 of them ours, of 200.
        assert_eq!(after.since(before), Some(0.1));
        assert_eq!(before.since(before), None);
        assert_eq!(Ticks::parse("cpu 1 2", "7 (a) R"), None);
        assert!(
            Contention {
                cpu_share: Some(0.06)
            }
            .is_significant()
        );
        assert!(
            !Contention {
                cpu_share: Some(0.05)
            }
            .is_significant()
        );
        assert!(!Contention::default().is_significant());
    }
}
