//! What the analysis has to know of a study beside its runs.

use crate::study::run::Purpose;
use crate::train::{Budget, MetricTarget};

use super::AxisReport;

/// A cell of the design.
#[derive(Clone, Debug, PartialEq)]
pub struct DesignCell {
    /// Its id, as in the runs.
    pub id: String,
    /// Its value on each axis.
    pub values: Vec<String>,
}

/// A run that was planned.
#[derive(Clone, Debug, PartialEq)]
pub struct DesignRun {
    /// Its id.
    pub id: String,
    /// Its cell.
    pub cell: usize,
    /// Its seed.
    pub seed: u32,
    /// Why it is made.
    pub purpose: Purpose,
}

/// The plan of a study.
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    /// The study's name.
    pub name: String,
    /// What all cells share, in words.
    pub base: String,
    /// The axes.
    pub axes: Vec<AxisReport>,
    /// The cells.
    pub cells: Vec<DesignCell>,
    /// The reference cell.
    pub reference: Option<usize>,
    /// Seeds of the study proper.
    pub seeds: Vec<u32>,
    /// Fresh seeds with which best, worst and reference cell are to be run again.
    pub confirm: u32,
    /// The last threshold ranks. Without thresholds a run costs what all of it costs.
    pub target: MetricTarget,
    /// Samples from one evaluation to the next, and in the window that decides.
    pub cadence: Option<(u64, u64)>,
    /// What a run may spend.
    pub budget: Option<Budget>,
    /// All runs.
    pub runs: Vec<DesignRun>,
}
