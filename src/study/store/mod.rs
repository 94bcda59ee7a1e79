//! The folder of one study: one file a run, safe under `kill -9`, a full disk and several runners on one host or more.
//!
//! The store keeps any payload that serde can write and knows nothing of training. [`Runner`] claims runs and keeps
//! their records, [`Store`] reads a folder and changes nothing in it, [`HostLock`] keeps measured runs of one host from
//! overlapping. docs/store.md has the layout of the folder and the guarantees.

mod claim;
mod error;
mod files;
mod host;
mod host_lock;
mod identity;
mod journal;
mod lease;
mod process;
mod reader;
mod record;
mod run_id;
mod runner;

pub use claim::{Claim, Kept};
pub use error::StoreError;
pub use host::Host;
pub use host_lock::{Attempt, HostLock};
pub use identity::{Identity, Manifest};
pub use journal::{Entry, Event, Journal};
pub use lease::{Holder, LeaseTimes};
pub use reader::{State, Store};
pub use record::Stored;
pub use run_id::RunId;
pub use runner::Runner;

/// Version of the keys of every file in the folder; a key that changes its meaning raises it.
pub const SCHEMA: u32 = 1;

/// Seconds since 1970 by the system's clock.
fn now() -> f64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}
