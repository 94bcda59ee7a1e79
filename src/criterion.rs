//! Criterion benchmarks in joules (feature `criterion`).
//!
//! [`Joules::open`] picks the source of the joules, or says in one sentence why there is none. [`Joules::criterion`] and
//! [`Joules::group`] set criterion up for windows of several seconds. A [`MeteredBenchmark`] answers each of criterion's
//! calls with a whole window: a sensor updates ten to fifty times a second, so work is repeated without pause, its joules
//! are taken from update to update, and then scaled to the iterations that criterion asked for.
//!
//! ```no_run
//! use wattgrad::criterion::{Joules, Settings};
//!
//! let joules = match Joules::open(&Default::default(), None, Settings::default()) {
//!     Ok(joules) => joules,
//!     Err(why) => return println!("skipped: {why}"),
//! };
//! eprintln!("{}", joules.announcement(1));
//! let mut criterion = joules.criterion().configure_from_args();
//! let mut group = joules.group(&mut criterion, "host");
//! let mut metered = joules.metered("sum");
//! group.bench_function(metered.id(), |bencher| {
//!     metered.iter(bencher, || (0..1000u64).map(|i| i ^ (i >> 3)).sum::<u64>());
//! });
//! group.finish();
//! criterion.final_summary();
//! ```

mod benchmark;
mod format;
mod measurement;

pub use benchmark::MeteredBenchmark;
pub use measurement::{Joules, JoulesError, Settings};
