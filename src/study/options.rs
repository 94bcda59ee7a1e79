//! How the runs of a study are made.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::shard::Shard;
use crate::energy::MeterOptions;

#[derive(Clone, Debug, Default)]
pub struct StudyOptions {
    /// The study's folder.
    pub folder: PathBuf,
    pub meter: MeterOptions,
    /// Do not wait for other runs of this machine; time and joules are then not ranked.
    pub overlap: bool,
    /// Make only the runs of this shard.
    pub shard: Option<Shard>,
    /// Once set, ends the current run, as interrupted, and the study.
    pub stop: Arc<AtomicBool>,
}
