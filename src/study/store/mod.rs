//! The folder of one study: one file per run, safe under `kill -9`, a full disk and several processes of one machine.
//!
//! [`Store`] reads a folder, and claims runs and saves their records in it; [`HostLock`] keeps measured runs of one
//! machine from overlapping. docs/store.md describes the layout of the folder and the guarantees.

mod adopt;
mod claim;
mod draft;
mod error;
mod host_lock;
mod json;
mod lock;
mod manifest;
mod reader;
mod run_id;

pub use adopt::Adopted;
pub use claim::{Claim, Saved};
pub use error::StoreError;
pub use host_lock::HostLock;
pub use manifest::{Identity, Manifest};
pub use reader::{Runs, Store};
pub use run_id::RunId;

/// Version of the keys of every file in the folder.
pub const SCHEMA: u32 = 2;
