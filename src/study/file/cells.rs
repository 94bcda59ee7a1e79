//! The cells: every combination of the axes' values, checked as a regime.

use std::collections::HashSet;

use serde_json::Value;

use super::MOST_CELLS;
use super::axes::PlacedAxis;
use super::de::At;
use super::error::StudyFileError;
use super::format::Entries;
use super::keys::{keys, unknown_key};
use super::settings::{self, Base, Setting};
use crate::checksum::sha256;
use crate::model::network_file;
use crate::study::spec::{Cell, short};

/// Most bytes of an identifier that is not shortened; the name of a run adds its seed.
const LONGEST: usize = 90;

/// A cell with the places of its values.
pub(super) struct PlacedCell {
    pub cell: Cell,
    pub settings: Vec<Setting>,
}

/// Every combination of the groups' values, in the order of the flags.
pub(super) fn combine(
    base: &Base<'_>,
    axes: &[PlacedAxis],
    groups: &[Vec<usize>],
    axes_at: usize,
) -> Result<Vec<PlacedCell>, StudyFileError> {
    let flags = keys();
    let rank = |key: &str| flags.iter().position(|flag| flag == key);
    let mut groups = groups.to_vec();
    for group in &mut groups {
        group.sort_by_key(|axis| rank(&axes[*axis].key));
    }
    groups.sort_by_key(|group| rank(&axes[group[0]].key));
    let lengths: Vec<usize> = groups
        .iter()
        .map(|group| axes[group[0]].values.len())
        .collect();
    let product = lengths
        .iter()
        .try_fold(1usize, |all, n| all.checked_mul(*n));
    let Some(count) = product.filter(|count| *count <= MOST_CELLS) else {
        let lengths: Vec<String> = lengths.iter().map(usize::to_string).collect();
        let what = format!(
            "[axes] makes {} cells: a study has at most {MOST_CELLS}",
            lengths.join(" x ")
        );
        return Err(base.source.error(axes_at, what));
    };
    for group in &groups {
        check_distinct(base, axes, group)?;
    }
    let cell = |number: usize| {
        // The last group changes first.
        let mut rest = number;
        let mut settings: Vec<Setting> = Vec::new();
        for (group, length) in groups.iter().zip(&lengths).rev() {
            let row = rest % length;
            settings.extend(group.iter().map(|axis| axes[*axis].values[row].clone()));
            rest /= length;
        }
        settings.sort_by_key(|setting| rank(&setting.key));
        place(base, settings)
    };
    (0..count).map(cell).collect()
}

/// Refuses a value, or a combination of zipped values, that is listed twice.
fn check_distinct(
    base: &Base<'_>,
    axes: &[PlacedAxis],
    group: &[usize],
) -> Result<(), StudyFileError> {
    let mut seen = HashSet::new();
    for row in 0..axes[group[0]].values.len() {
        let values = group.iter().map(|axis| &axes[*axis].values[row]);
        let values: Vec<String> = values
            .map(|setting| format!("`{}` {}", setting.key, setting.value))
            .collect();
        let values = values.join(" with ");
        if !seen.insert(values.clone()) {
            let what = format!("{values} is listed twice: list each cell once");
            return Err(base.source.error(axes[group[0]].values[row].at, what));
        }
    }
    Ok(())
}

fn place(base: &Base<'_>, settings: Vec<Setting>) -> Result<PlacedCell, StudyFileError> {
    let mut regime = base.regime.clone();
    for setting in &settings {
        regime = settings::choose(&regime, &setting.key, &setting.value)
            .map_err(|what| base.source.error(setting.at, what))?;
    }
    if let Err(error) = regime.check() {
        let both = settings.iter().chain(&base.settings);
        let at = settings::cause(both, &regime, |other| other.check().is_ok());
        return Err(base.source.error(at.unwrap_or(0), error.to_string()));
    }
    let values = settings.iter();
    let values: Vec<(String, Value)> = values
        .map(|setting| (setting.key.clone(), setting.value.clone()))
        .collect();
    // A report may be made where the file is not: there the names in the study's folder count.
    let text = network_file::is_file(&regime.model).then(|| std::fs::read_to_string(&regime.model));
    let network = text.and_then(Result::ok).map(|text| sha256(&text));
    let cell = Cell {
        id: identifier(&values, network.as_deref()),
        settings: values,
        network,
        regime,
    };
    Ok(PlacedCell { cell, settings })
}

/// `batch-size=32,lr=0.01`, fit to be the name of a file on every system. With the SHA-256 of a network file, it ends in a
/// part of one, so that another content is another cell.
fn identifier(settings: &[(String, Value)], network: Option<&str>) -> String {
    // Some systems do not distinguish capitals, and commas and equals signs separate the parts.
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.+".contains(c);
    let mut altered = network.is_some();
    let mut parts = Vec::new();
    for (key, value) in settings {
        let text = short(value);
        let plain = text.replace(|c| !fits(c), "-");
        altered |= plain != text;
        parts.push(format!("{key}={plain}"));
    }
    let mut id = match parts.is_empty() {
        true => "base".into(),
        false => parts.join(","),
    };
    if altered || id.len() > LONGEST {
        let whole = serde_json::to_string(settings).unwrap_or_default();
        let whole = whole + network.unwrap_or_default();
        id.truncate(LONGEST);
        id = format!("{id}+{}", &sha256(&whole)[..12]);
    }
    id
}

/// The index of the cell that `[reference]` selects.
pub(super) fn reference(
    table: &At<Entries<Value>>,
    axes: &[PlacedAxis],
    cells: &[PlacedCell],
    base: &Base<'_>,
) -> Result<usize, StudyFileError> {
    let error = |at: usize, what: &str| Err(base.source.error(at, what));
    let entries = &table.value.0;
    if axes.is_empty() {
        let what = "[reference] selects one of several cells, but there are no axes: remove it";
        return error(table.at, what);
    }
    let names: Vec<&str> = axes.iter().map(|axis| axis.key.as_str()).collect();
    let mut given = entries.iter().map(|(key, _)| key);
    if let Some(key) = given.find(|key| !names.contains(&key.value.as_str())) {
        let what = match keys().contains(&key.value) {
            true => format!(
                "`{}` is not an axis: [reference] has one value for each of [axes]",
                key.value
            ),
            false => unknown_key(&key.value, &names),
        };
        return error(key.at, &what);
    }
    let mut at = table.at;
    let mut wanted = Vec::new();
    for axis in axes {
        let key = &axis.key;
        let Some((_, value)) = entries.iter().find(|(name, _)| name.value == *key) else {
            let what =
                format!("`{key}` is missing in [reference]: add one of its values in [axes]");
            return error(table.at, &what);
        };
        let setting = base.setting(key, value)?;
        if !axis.values.iter().any(|other| other.value == setting.value) {
            let values: Vec<String> = axis.values.iter().map(|s| s.value.to_string()).collect();
            let what = format!(
                "{} is not a value of the axis `{key}`, which has {}",
                setting.value,
                values.join(", ")
            );
            return error(setting.at, &what);
        }
        at = at.max(setting.at);
        wanted.push((setting.key, setting.value));
    }
    let selected = |placed: &PlacedCell| {
        let has = |pair: &(String, Value)| placed.cell.settings.contains(pair);
        wanted.iter().all(has)
    };
    cells.iter().position(selected).map_or_else(
        || error(at, "no cell has these values together, because their axes are zipped: use values of one row"),
        Ok,
    )
}
