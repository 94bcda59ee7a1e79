//! `[pretrain]`: the run whose weights the cells with `init = "pretrained"` start from. It becomes a study of its own with
//! one cell, which runs once per seed.

use serde_json::Value;

use super::cells::PlacedCell;
use super::de::At;
use super::error::StudyFileError;
use super::format::{EvaluateTable, PretrainTable};
use super::goal::Goal;
use super::settings::{self, Base};
use crate::study::spec::Study;
use crate::train::{Budget, Init, MetricTarget};

/// Settings that choose how a cell uses the weights.
const OF_CELLS: [&str; 5] = ["init", "only", "new-head", "freeze", "unfreeze-at"];

/// The study of the pretraining runs of `study`, whose cells are `cells`.
pub(super) fn place(
    base: &Base<'_>,
    table: Option<At<PretrainTable>>,
    study: &Study,
    cells: &[PlacedCell],
) -> Result<Option<Box<Study>>, StudyFileError> {
    let source = base.source;
    let uses = |cell: &PlacedCell| cell.cell.regime.init == Some(Init::Pretrained);
    let Some(At { at, value: table }) = table else {
        let Some(cell) = cells.iter().find(|cell| uses(cell)) else {
            return Ok(None);
        };
        let mut settings = cell.settings.iter().chain(&base.settings);
        let at = settings.find(|setting| setting.key == "init");
        let what = "`init` is \"pretrained\", but there is no [pretrain] table: add one with the budget and the target of the run whose weights the cells start from";
        return Err(source.error(at.map_or(0, |setting| setting.at), what));
    };
    if !cells.iter().any(uses) {
        let what = "no cell starts from the weights of [pretrain]: set init = \"pretrained\" in [base], or list it in [axes]";
        return Err(source.error(at, what));
    }
    settings::check_keys(source, &table.base)?;
    let mut chosen: Vec<(String, Value)> = base
        .settings
        .iter()
        .map(|setting| (setting.key.clone(), setting.value.clone()))
        .filter(|(key, _)| !OF_CELLS.contains(&key.as_str()))
        .collect();
    for (key, value) in table.base.0 {
        if key.value == "init" {
            let what = "the pretraining run starts from scratch: leave `init` out";
            return Err(source.error(key.at, what));
        }
        let setting = base.setting(&key.value, &value)?;
        chosen.retain(|(other, _)| *other != key.value);
        chosen.push((setting.key, setting.value));
    }
    let evaluate = table.evaluate.unwrap_or(EvaluateTable {
        every_samples: At {
            at,
            value: study.every_samples,
        },
    });
    let goal = Goal::new(source, table.target, evaluate, table.budget)?;
    let text = text(&study.name, &seeds(study), &chosen, &goal);
    // What is wrong here was not wrong in its place: a choice that does not fit another.
    let parsed = Study::parse("[pretrain]", &text)
        .map_err(|error| source.error(at, format!("[pretrain]: {}", error.what())))?;
    Ok(Some(Box::new(parsed)))
}

/// Every seed with which a run may start from pretrained weights.
fn seeds(study: &Study) -> Vec<u32> {
    let uses = |cell: usize| study.cells[cell].regime.init == Some(Init::Pretrained);
    let planned = study.plan().into_iter().filter(|run| uses(run.cell));
    let mut seeds: Vec<u32> = Vec::new();
    let fresh = study.fresh_seeds(study.confirm as usize);
    for seed in planned.map(|run| run.seed).chain(fresh) {
        if !seeds.contains(&seed) {
            seeds.push(seed);
        }
    }
    seeds
}

/// The study file of the pretraining runs.
fn text(name: &str, seeds: &[u32], chosen: &[(String, Value)], goal: &Goal) -> String {
    // The name of a folder has a length that must not be exceeded.
    let short: String = name.chars().take(50).collect();
    let mut text = format!("name = \"{short}-pretrain\"\nseeds = {seeds:?}\n\n[base]\n");
    for (key, value) in chosen {
        text += &format!("{key} = {value}\n");
    }
    let MetricTarget {
        task,
        metric,
        thresholds,
        tasks,
    } = &goal.target;
    let limit = match metric.higher_is_better() {
        true => "at-least",
        false => "at-most",
    };
    text += &format!(
        "\n[target]\nmetric = \"{metric}\"\n{limit} = {thresholds:?}\nwindow = {}\n",
        goal.window_samples
    );
    if let Some(task) = task {
        text += &format!("task = {}\n", Value::from(task.as_str()));
    }
    for (at, (task, own)) in tasks.iter().enumerate() {
        if at == 0 {
            text += "[target.tasks]\n";
        }
        text += &format!("{} = {own:?}\n", Value::from(task.as_str()));
    }
    text += &format!(
        "\n[evaluate]\nevery-samples = {}\n\n[budget]\n",
        goal.every_samples
    );
    let Budget {
        samples,
        steps,
        epochs,
        seconds,
        joules,
    } = goal.budget;
    for (key, count) in [("samples", samples), ("steps", steps)] {
        text += &count.map_or_else(String::new, |count| format!("{key} = {count}\n"));
    }
    for (key, amount) in [("epochs", epochs), ("seconds", seconds), ("joules", joules)] {
        text += &amount.map_or_else(String::new, |amount| format!("{key} = {amount:?}\n"));
    }
    text
}
