//! The result of one run.

use serde::Serialize;

use super::child::{Ended, signal_name};
use super::phases::Phase;
use super::row::Row;
use crate::energy::SourceResult;

/// Version of the keys of `measure --json`.
pub const SCHEMA: u32 = 2;

/// One run.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    pub sources: Vec<Row>,
    pub seconds: f64,
    /// Absent where no command was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The name of the signal that ended the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// With `--phase`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phases: Option<Vec<Phase>>,
    /// Of its phases.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Run {
    /// A run of a command.
    pub fn new(sources: Vec<SourceResult>, ended: Ended) -> Self {
        Self {
            sources: sources.into_iter().map(Into::into).collect(),
            seconds: ended.seconds,
            exit_code: Some(ended.code),
            signal: ended.signal.and_then(signal_name),
            phases: None,
            notes: Vec::new(),
        }
    }

    /// A window of a recorded log.
    pub fn of_log(source: SourceResult, seconds: f64) -> Self {
        Self {
            sources: vec![source.into()],
            seconds,
            exit_code: None,
            signal: None,
            phases: None,
            notes: Vec::new(),
        }
    }
}
