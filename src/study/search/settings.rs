//! The choices of a search.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// When a cell ends early.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// All cells of a bracket are trained up to the same cost, and the better part of them continues.
    #[default]
    Halving,
    /// One cell after another; a cell ends if at some rung it is below the median of the earlier cells.
    Median,
    /// Never: every cell is trained to its target or to the budget of a run.
    None,
}

/// Which cells are tried first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Propose {
    /// In a random order that the seed determines.
    #[default]
    Random,
    /// After the first ones, as a tree-structured Parzen estimator proposes from the results so far.
    Bayes,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SearchSettings {
    pub stop: Stop,
    pub propose: Propose,
    /// The limit of a rung is this many times that of the one before, and one part in this many of the cells continues.
    pub eta: u32,
    /// Halving leaves at least this many cells.
    pub keep: usize,
    /// Cells that are halved together.
    pub bracket: usize,
    /// Determines the order of the cells.
    pub seed: u64,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self {
            stop: Stop::default(),
            propose: Propose::default(),
            eta: 2,
            keep: 5,
            bracket: 32,
            seed: 0,
        }
    }
}

impl FromStr for Stop {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "halving" => Ok(Self::Halving),
            "median" => Ok(Self::Median),
            "none" => Ok(Self::None),
            _ => Err("give halving, median or none".into()),
        }
    }
}

impl FromStr for Propose {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "random" => Ok(Self::Random),
            "bayes" => Ok(Self::Bayes),
            _ => Err("give random or bayes".into()),
        }
    }
}
