//! One run as printed by itself.

use serde::Serialize;

use super::baseline::Baseline;
use super::result::Run;

/// One run as printed by itself.
#[derive(Serialize)]
pub struct SingleRun<'a> {
    pub schema: u32,
    #[serde(flatten)]
    pub run: &'a Run,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<&'a Baseline>,
}
