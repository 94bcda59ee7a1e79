//! A study, as its file defines it.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::store::{Identity, RunId, StoreError};
use crate::train::{Budget, Goal, MetricTarget, Regime};

/// Version of [`Study::meaning`].
pub const MEANING: u32 = 2;

/// Many regimes with several seeds each, compared at one target.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Study {
    /// Also a valid name of a folder.
    pub name: String,
    /// The study file.
    pub text: String,
    /// Seeds of each cell, in the order of the blocks.
    pub seeds: Vec<u32>,
    /// In the order of the file; a report draws the first two.
    pub axes: Vec<Axis>,
    /// Groups of axes that change together instead of being crossed.
    pub zip: Vec<Vec<String>>,
    /// At least one; see [`Cell::id`] for the order.
    pub cells: Vec<Cell>,
    /// The runs whose weights the cells with `init = "pretrained"` start from: a study of one cell with a run per seed.
    pub pretrain: Option<Box<Study>>,
    /// `[slurm]`; it says where runs are made and is no part of what they are.
    pub slurm: Option<Slurm>,
    /// The last threshold ranks the cells and ends a run.
    pub target: MetricTarget,
    /// The mean over the evaluations of this many training samples counts; a multiple of [`Study::every_samples`].
    pub window_samples: u64,
    /// Training samples between evaluations.
    pub every_samples: u64,
    pub budget: Budget,
    /// Index of the reference cell.
    pub reference: Option<usize>,
    /// Number of additional runs of the reference cell.
    pub replicates: u32,
    /// Number of runs with fresh seeds of the best, worst and reference cell each.
    pub confirm: u32,
    /// Determines the order of runs within a block.
    pub order_seed: u64,
}

/// What `wattgrad study submit --slurm` asks of Slurm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slurm {
    /// Tasks of the job array, each with a shard of the runs.
    pub tasks: Option<u64>,
    /// Most tasks at the same time.
    pub parallel: Option<u64>,
    pub partition: Option<String>,
    pub account: Option<String>,
    /// Per task, as are the processors and the memory.
    pub gpus: Option<u64>,
    pub cpus: Option<u64>,
    pub memory: Option<String>,
    /// Limit of a task.
    pub time: Option<String>,
    /// Further options of `sbatch`.
    pub options: Vec<String>,
    pub modules: Vec<String>,
    /// What starts a program in a container, such as `apptainer exec --nv image.sif`.
    pub container: Option<String>,
    /// The program, if it is not this one.
    pub program: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Axis {
    /// A long flag of `train` without its dashes.
    pub key: String,
    /// In the order of the file.
    pub values: Vec<Value>,
}

/// One regime of a study.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The values of its axes, such as `batch-size=32,lr=0.01`; `base` where there is no axis. It is the same wherever
    /// the file lists the axis, and fit to be the name of a file: what is too long or has other characters is cut and
    /// ends in a part of its SHA-256, and so does that of a cell with a network file, with the content of the file. Cells are in the order of the axes among the flags of `train`, the last of which
    /// changes first.
    pub id: String,
    /// Its value of each axis, in the order of the flags of `train`.
    pub settings: Vec<(String, Value)>,
    /// SHA-256 of its network file, if it has one that can be read.
    pub network: Option<String>,
    /// Its seed is replaced by that of the run.
    pub regime: Regime,
}

impl Study {
    /// The goal of each run.
    pub fn goal(&self) -> Goal {
        let window = self.window_samples / self.every_samples.max(1);
        Goal {
            target: self.target.clone(),
            every_samples: self.every_samples,
            window: u32::try_from(window).unwrap_or(u32::MAX),
            budget: self.budget,
        }
    }

    /// Everything that determines its runs and their ranking. Files that differ in comments, spaces, the order of keys or a
    /// default that is spelled out mean the same.
    pub fn meaning(&self) -> Value {
        let usual = Regime::default().choices();
        let cell = |cell: &Cell| {
            let chosen = cell.regime.choices().into_iter();
            let choices: Map<String, Value> = chosen.filter(|one| !usual.contains(one)).collect();
            let mut all = json!({ "id": cell.id, "choices": choices });
            if let Some(network) = &cell.network {
                all["file-sha256"] = network.as_str().into();
            }
            all
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
        if let Some(pretrain) = &self.pretrain {
            meaning["pretrain"] = pretrain.meaning();
        }
        meaning.sort_all_objects();
        meaning
    }

    /// With the names that its cells have in `meaning`, which is that of its folder: a network file may be elsewhere now.
    pub(super) fn named_as(mut self, meaning: &Value) -> Self {
        let cells = meaning["cells"].as_array();
        for (cell, there) in self.cells.iter_mut().zip(cells.into_iter().flatten()) {
            if let Some(id) = there["id"].as_str() {
                id.clone_into(&mut cell.id);
            }
        }
        self
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

/// The value of an axis as in the name of a cell: `0.01`, `mlp`, `1` for 1.0.
pub fn short(value: &Value) -> String {
    let text = match value {
        Value::String(text) => return text.clone(),
        value => value.to_string(),
    };
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
