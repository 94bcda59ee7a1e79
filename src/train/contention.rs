//! What else the machine did meanwhile: a run that shared it has no time and no joules of its own.

use serde::{Deserialize, Serialize};

/// Above this share of the machine's processors, a run's time and joules are not its own.
const SHARED_ABOVE: f64 = 0.05;

/// What others used in a run's window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Contention {
    /// Share of the machine's processors, 0 to 1, that was busy with anything but this process; absent where the system
    /// does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_share: Option<f64>,
}

impl Contention {
    /// Whether they used so much that the run's time and joules are not its own.
    pub fn is_significant(&self) -> bool {
        self.cpu_share.is_some_and(|share| share > SHARED_ABOVE)
    }

    pub(super) fn watch() -> Watch {
        Watch { from: Ticks::now() }
    }
}

/// A window in which others are watched.
pub(super) struct Watch {
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
    /// Idle ones too.
    all: u64,
    /// Those that some process used.
    busy: u64,
    /// Those that this process used, and its ended children.
    own: u64,
}

impl Ticks {
    fn now() -> Option<Self> {
        let read = |path| std::fs::read_to_string(path).ok();
        Self::parse(&read("/proc/stat")?, &read("/proc/self/stat")?)
    }

    /// From `/proc/stat` and `/proc/self/stat`, whose ticks are of one length.
    fn parse(machine: &str, process: &str) -> Option<Self> {
        let line = machine.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks: Vec<u64> = line
            .split_whitespace()
            .map_while(|n| n.parse().ok())
            .collect();
        // user, nice, system, idle, iowait, irq, softirq, steal; what guests used is in user and nice already.
        let first = ticks.get(..8)?;
        let idle = first[3] + first[4];
        let all: u64 = first.iter().sum();
        // The name of the process may hold anything but ends with the last bracket.
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

    /// The share of all ticks since `before` that others used.
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
    fn what_others_used_is_what_was_busy_and_not_ours() {
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
