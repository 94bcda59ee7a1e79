//! The cells that axes make: every combination, judged as a regime.

use std::collections::HashSet;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::MOST_CELLS;
use super::axes::Values;
use super::base::Base;
use super::choices::{self, Setting};
use super::error::StudyFileError;
use super::table::Table;
use crate::study::spec::{Cell, hex, short};

/// Bytes of the longest identifier that is written out; a run's file adds its seed.
const LONGEST: usize = 90;

/// A cell and where its values stand.
pub(super) struct Made {
    pub cell: Cell,
    pub settings: Vec<Setting>,
}

/// Every combination of the groups' values, in the order of the flags.
pub(super) fn combine(
    base: &Base<'_>,
    axes: &[Values],
    groups: &[Vec<usize>],
    table_at: usize,
) -> Result<Vec<Made>, StudyFileError> {
    let flags = choices::keys();
    let rank = |axis: &usize| flags.iter().position(|flag| *flag == axes[*axis].key);
    let mut groups = groups.to_vec();
    for group in &mut groups {
        group.sort_by_key(rank);
    }
    groups.sort_by_key(|group| rank(&group[0]));

    let lengths: Vec<usize> = groups
        .iter()
        .map(|group| axes[group[0]].settings.len())
        .collect();
    let count = lengths
        .iter()
        .try_fold(1usize, |product, length| product.checked_mul(*length))
        .filter(|count| *count <= MOST_CELLS);
    let Some(count) = count else {
        let product: Vec<String> = lengths.iter().map(usize::to_string).collect();
        let what = format!(
            "[axes] makes {} cells: a study has at most {MOST_CELLS}",
            product.join(" x ")
        );
        return Err(base.source.fault(table_at, what));
    };
    for group in &groups {
        distinct(base, axes, group)?;
    }
    (0..count)
        .map(|number| {
            // The last group changes first.
            let mut rest = number;
            let mut settings: Vec<Setting> = Vec::new();
            for (group, length) in groups.iter().zip(&lengths).rev() {
                let taken = group
                    .iter()
                    .map(|axis| axes[*axis].settings[rest % length].clone());
                settings.extend(taken);
                rest /= length;
            }
            settings.sort_by_key(|setting| flags.iter().position(|flag| *flag == setting.key));
            make(base, settings)
        })
        .collect()
}

/// Refuses a value that an axis lists twice, or a combination that axes which go together make twice.
fn distinct(base: &Base<'_>, axes: &[Values], group: &[usize]) -> Result<(), StudyFileError> {
    let mut seen = HashSet::new();
    for row in 0..axes[group[0]].settings.len() {
        let settings: Vec<&Setting> = group
            .iter()
            .map(|axis| &axes[*axis].settings[row])
            .collect();
        let told: Vec<String> = settings
            .iter()
            .map(|setting| format!("`{}` {}", setting.key, setting.value))
            .collect();
        let told = told.join(" with ");
        if !seen.insert(told.clone()) {
            let what = format!("{told} is there twice: a cell is listed once");
            return Err(base.source.fault(settings[0].at, what));
        }
    }
    Ok(())
}

fn make(base: &Base<'_>, settings: Vec<Setting>) -> Result<Made, StudyFileError> {
    let mut regime = base.regime.clone();
    for setting in &settings {
        regime = choices::choose(&regime, &setting.key, &setting.value)
            .map_err(|what| base.source.fault(setting.at, what))?;
    }
    if let Err(error) = regime.check() {
        let both = settings.iter().chain(&base.settings);
        let at = choices::cause(both, &regime, |other| other.check().is_ok());
        return Err(base.source.fault(at.unwrap_or(0), error.to_string()));
    }
    let values = settings
        .iter()
        .map(|setting| (setting.key.clone(), setting.value.clone()))
        .collect::<Vec<_>>();
    let cell = Cell {
        id: identifier(&values),
        settings: values,
        regime,
    };
    Ok(Made { cell, settings })
}

/// `batch-size=32,lr=0.01`, fit to be the name of a file on every system.
fn identifier(settings: &[(String, Value)]) -> String {
    if settings.is_empty() {
        return "base".into();
    }
    let mut altered = false;
    let mut parts = Vec::new();
    for (key, value) in settings {
        let text = short(value);
        // Capitals are one with small letters on some systems, and the signs between parts would be misread.
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.+".contains(c);
        let plain: String = text
            .chars()
            .map(|c| if fits(c) { c } else { '-' })
            .collect();
        altered |= plain != text;
        parts.push(format!("{key}={plain}"));
    }
    let mut id = parts.join(",");
    if altered || id.len() > LONGEST {
        let whole = serde_json::to_string(settings).unwrap_or_default();
        id.truncate(LONGEST);
        id = format!("{id}+{}", &hex(&Sha256::digest(whole))[..12]);
    }
    id
}

/// The index of the cell that `[reference]` names.
pub(super) fn reference(
    table: &Table<'_>,
    axes: &[Values],
    cells: &[Made],
    base: &Base<'_>,
) -> Result<usize, StudyFileError> {
    let names: Vec<&str> = axes.iter().map(|axis| axis.key.as_str()).collect();
    if names.is_empty() {
        return Err(table
            .fault("[reference] names one of several cells, and there are no axes: leave it out"));
    }
    table.only(&names, |key| {
        let known = choices::keys().iter().any(|known| known == key);
        known.then(|| {
            format!(
                "`{key}` is no axis: [reference] has a value for each of [axes] and nothing else"
            )
        })
    })?;
    let mut at = table.at;
    let mut wanted = Vec::new();
    for axis in axes {
        let item = table.need(&axis.key, "one of its values in [axes]")?;
        let value = choices::choose(&base.regime, &axis.key, &item.scalar()?)
            .map(|regime| choices::value(&regime, &axis.key))
            .map_err(|what| item.fault(what))?;
        if !axis.settings.iter().any(|setting| setting.value == value) {
            let values: Vec<String> = axis.settings.iter().map(|s| s.value.to_string()).collect();
            let what = format!(
                "{value} is no value of the axis `{}`: it has {}",
                axis.key,
                values.join(", ")
            );
            return Err(item.fault(what));
        }
        at = at.max(item.at);
        wanted.push((axis.key.as_str(), value));
    }
    let is_it = |made: &Made| {
        let has = |(key, value): &(&str, Value)| {
            let of = made.cell.settings.iter().find(|(name, _)| name == key);
            of.is_some_and(|(_, of)| of == value)
        };
        wanted.iter().all(has)
    };
    cells.iter().position(is_it).ok_or_else(|| {
        let what =
            "no cell has these values together, as their axes are zipped: name values of one row";
        base.source.fault(at, what)
    })
}
