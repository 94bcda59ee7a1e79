//! The design of a study, as its analysis needs it.

use crate::study::plan::PlannedRun;
use crate::train::{Budget, MetricTarget};

use super::AxisReport;

#[derive(Clone, Debug, PartialEq)]
pub struct DesignCell {
    pub id: String,
    pub values: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    pub name: String,
    /// The regime that all cells share, in words.
    pub base: String,
    pub axes: Vec<AxisReport>,
    pub cells: Vec<DesignCell>,
    pub reference: Option<usize>,
    /// Seeds of the main runs.
    pub seeds: Vec<u32>,
    /// Number of fresh seeds for the runs that confirm.
    pub confirm: u32,
    /// The last threshold ranks. Without thresholds a run costs what all of it costs.
    pub target: MetricTarget,
    /// Training samples between evaluations, and in the window that decides.
    pub cadence: Option<(u64, u64)>,
    pub budget: Option<Budget>,
    pub runs: Vec<PlannedRun>,
    /// A search made the runs: some cells were stopped early, so none is the worst.
    pub search: bool,
}
