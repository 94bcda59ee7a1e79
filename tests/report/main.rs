//! The report of studies, from invented runs: what each format says, how large it is, and that it hides nothing.
#![cfg(feature = "gpu")]

mod answers;
#[cfg(feature = "cli")]
mod by_device;
#[cfg(feature = "cli")]
mod command;
mod devices;
mod exports;
mod figures;
mod forms;
mod instruments;
mod ledgers;
mod numbers;
mod runs;
mod tasks;

use runs::{Joules, Made, again, only_failed, over};
use wattgrad::internals::study::Opened;

/// Four axes of two values.
const FOUR: [(&str, &[&str]); 4] = [
    ("batch-size", &["32", "128"]),
    ("lr", &["0.02", "0.1"]),
    ("momentum", &["0.0", "0.9"]),
    ("label-smoothing", &["0.0", "0.1"]),
];

/// Studies of every kind that a report must handle, by name.
fn all() -> Vec<(&'static str, Opened)> {
    let made = Made::default;
    let mut none = made().open();
    none.runs.clear();
    let mut one = made().open();
    one.runs.truncate(1);
    vec![
        ("both", made().open()),
        (
            "measured",
            Made {
                joules: Joules::Measured,
                ..made()
            }
            .open(),
        ),
        (
            "assumed",
            Made {
                joules: Joules::Assumed,
                ..made()
            }
            .open(),
        ),
        (
            "no energy",
            Made {
                joules: Joules::None,
                ..made()
            }
            .open(),
        ),
        ("one seed", Made { seeds: 1, ..made() }.open()),
        (
            "ten seeds",
            Made {
                seeds: 10,
                batches: vec![64],
                ..made()
            }
            .open(),
        ),
        (
            "one axis",
            Made {
                batches: vec![64],
                ..made()
            }
            .open(),
        ),
        (
            "confirmed",
            Made {
                confirm: 3,
                lrs: vec![0.05, 0.1],
                ..made()
            }
            .open(),
        ),
        (
            "only diverged",
            Made {
                batches: vec![16],
                lrs: vec![1.0],
                ..made()
            }
            .open(),
        ),
        ("only failed", only_failed(made().open())),
        ("four axes", over(made().open(), &FOUR)),
        ("several tasks", tasks::split()),
        ("no runs", again(none)),
        ("one run", again(one)),
    ]
}
