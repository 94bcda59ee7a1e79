//! What a study is, once its file is understood.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::store::{Identity, RunId, StoreError};
use crate::train::{Budget, Goal, MetricTarget, Regime};

/// Version of what [`Study::meaning`] holds.
pub const MEANING: u32 = 2;

/// A question about training: many regimes, each with several seeds, held to one target.
///
/// [`Study::read`] makes one of a file; nothing in it contradicts itself.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Study {
    /// Its name, fit to be the name of a folder.
    pub name: String,
    /// The file's text as it was read.
    pub text: String,
    /// Seeds of each cell, in the order of their blocks.
    pub seeds: Vec<u32>,
    /// What differs between the cells, in the order of the file: a report draws the first two.
    pub axes: Vec<Axis>,
    /// Groups of axes that go together instead of being crossed.
    pub zip: Vec<Vec<String>>,
    /// The regimes that are compared, at least one; see [`Cell::id`] for their order.
    pub cells: Vec<Cell>,
    /// What to reach; the last threshold ranks the cells and ends a run.
    pub target: MetricTarget,
    /// The mean over the evaluations of this many training samples counts; a multiple of [`Study::every_samples`].
    pub window_samples: u64,
    /// Samples from one evaluation to the next, the same for every cell.
    pub every_samples: u64,
    /// What one run may spend.
    pub budget: Budget,
    /// Index of the cell that others are compared with, as named beforehand.
    pub reference: Option<usize>,
    /// Further runs of the reference cell, with seeds of their own, to learn its spread.
    pub replicates: u32,
    /// Runs with fresh seeds that confirm each of the best, the worst and the reference cell.
    pub confirm: u32,
    /// Decides the order of runs within a block.
    pub order_seed: u64,
}

/// One choice that differs between cells.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Axis {
    /// The long flag of `train`, without its dashes.
    pub key: String,
    /// The values, in the order of the file.
    pub values: Vec<Value>,
}

/// One regime of a study.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The values of its axes, such as `batch-size=32,lr=0.01`; `base` where there is no axis. It is the same wherever
    /// the file lists the axis, and fit to be the name of a file: what is too long or has other characters is cut and
    /// ends in a part of its SHA-256. Cells are in the order of the axes among the flags of `train`, the last of which
    /// changes first.
    pub id: String,
    /// Its value of each axis, in the order of the flags of `train`.
    pub settings: Vec<(String, Value)>,
    /// All of its choices; its seed is replaced by that of a run.
    pub regime: Regime,
}

impl Study {
    /// What each run is held to.
    pub fn goal(&self) -> Goal {
        let window = self.window_samples / self.every_samples.max(1);
        Goal {
            target: self.target.clone(),
            every_samples: self.every_samples,
            window: u32::try_from(window).unwrap_or(u32::MAX),
            budget: self.budget,
        }
    }

    /// All that decides what its runs are and how they are judged. Two files that differ in comments, spaces, order of
    /// keys or in spelling out a default mean the same.
    pub fn meaning(&self) -> Value {
        let usual = Regime::default().choices();
        let cell = |cell: &Cell| {
            let chosen = cell.regime.choices().into_iter();
            let choices: Map<String, Value> = chosen.filter(|one| !usual.contains(one)).collect();
            json!({ "id": cell.id, "choices": choices })
        };
        let axes: Map<String, Value> = self
            .axes
            .iter()
            .map(|axis| (axis.key.clone(), json!(axis.values)))
            .collect();
        let mut meaning = json!({
            "schema": MEANING,
            "seeds": self.seeds,
            "axes": axes,
            "cells": self.cells.iter().map(cell).collect::<Vec<_>>(),
            "target": self.target,
            "window": self.window_samples,
            "every-samples": self.every_samples,
            "budget": self.budget,
            "reference": self.reference.map(|cell| &self.cells[cell].id),
            "replicates": self.replicates,
            "confirm": self.confirm,
            "order-seed": self.order_seed,
        });
        meaning.sort_all_objects();
        meaning
    }

    /// What tells its folder from that of another study.
    ///
    /// # Errors
    /// [`StoreError::RunId`].
    pub fn identity(&self) -> Result<Identity, StoreError> {
        let plan = self.plan();
        let runs = plan.iter().map(|run| RunId::new(&run.id));
        Ok(Identity {
            name: self.name.clone(),
            meaning: self.meaning(),
            text: self.text.clone(),
            runs: runs.collect::<Result<_, _>>()?,
        })
    }
}

/// The value of an axis as people write it: `0.01`, `mlp`, `1` for 1.0.
pub fn short(value: &Value) -> String {
    let text = match value {
        Value::String(text) => return text.clone(),
        value => value.to_string(),
    };
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Bytes in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
