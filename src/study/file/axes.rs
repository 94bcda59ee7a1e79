//! `[axes]`: lists and ranges of values.

use serde_json::{Number, Value};

use super::choices::{self, Setting};
use super::error::StudyFileError;
use super::table::{Entry, Item, Table};
use super::{MOST_CELLS, base::Base};
use crate::train::Regime;

/// One axis, every value with its place.
pub(super) struct Values {
    pub key: String,
    pub settings: Vec<Setting>,
}

/// The axes in the order of the file.
pub(super) fn read(table: &Table<'_>, base: &Base<'_>) -> Result<Vec<Values>, StudyFileError> {
    let keys = choices::keys();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    table.only(&keys, choices::elsewhere)?;
    if table.entries.is_empty() {
        return Err(table.fault(
            "[axes] names no axis: give one, such as lr = [0.01, 0.1], or leave [axes] out",
        ));
    }
    table
        .entries
        .iter()
        .map(|entry| axis(entry, base))
        .collect()
}

fn axis(entry: &Entry<'_>, base: &Base<'_>) -> Result<Values, StudyFileError> {
    let Entry { key, key_at, item } = entry;
    if let Some(line) = base.line_of(key) {
        let what = format!("`{key}` is in [axes] and, in line {line}, in [base]: keep one of them");
        return Err(base.source.fault(*key_at, what));
    }
    let wanted = "a list such as [1, 2] or a range { from, to, steps }";
    let settings = if item.is_list() {
        list(key, &item.list("at least one value")?, &base.regime)?
    } else if item.is_table() {
        range(key, item, &item.table(wanted)?, &base.regime)?
    } else {
        let what =
            format!("`{key}` in [axes] takes {wanted}: one value for all cells belongs in [base]");
        return Err(item.fault(what));
    };
    Ok(Values {
        key: (*key).to_owned(),
        settings,
    })
}

fn list(key: &str, items: &[Item<'_>], base: &Regime) -> Result<Vec<Setting>, StudyFileError> {
    items
        .iter()
        .map(|item| {
            let value = item.scalar()?;
            setting(key, &value, item, base)
        })
        .collect()
}

fn range(
    key: &str,
    whole: &Item<'_>,
    table: &Table<'_>,
    base: &Regime,
) -> Result<Vec<Setting>, StudyFileError> {
    table.only(&["from", "to", "steps", "scale"], |_| None)?;
    let end = |name: &str, example| {
        let item = table.need(name, example)?;
        let number = item.number()?;
        setting(key, &item.scalar()?, item, base).map(|setting| (item, number, setting))
    };
    let (from_item, from, first) = end("from", "the first value, as in from = 0.01")?;
    let (to_item, to, last) = end("to", "the last value, as in to = 0.1")?;
    let steps_item = table.need("steps", "how many values it has, as in steps = 4")?;
    let steps = steps_item.whole(2, MOST_CELLS as u64)?;
    let scale = match table.get("scale") {
        Some(item) => {
            let name = item.text("log or linear")?;
            match name {
                "linear" | "log" => name,
                _ => return Err(item.fault(format!("`scale` takes log or linear, not {name:?}"))),
            }
        }
        None => "linear",
    };
    if from == to {
        let what = format!(
            "the range of `{key}` ends where it begins, at {from}: give two different numbers"
        );
        return Err(to_item.fault(what));
    }
    for (item, number) in [(from_item, from), (to_item, to)] {
        if scale == "log" && number <= 0.0 {
            let what = format!("a range with scale = \"log\" needs numbers above 0, not {number}");
            return Err(item.fault(what));
        }
    }
    let last_step = steps - 1;
    let between = |k: u64| {
        let share = k as f64 / last_step as f64;
        match scale {
            "log" => (from.ln() + share * (to.ln() - from.ln())).exp(),
            _ => from + share * (to - from),
        }
    };
    // A key that refuses a half counts something.
    let counts = choices::choose(base, key, &Value::from(0.5)).is_err();
    let mut settings = vec![Setting {
        at: whole.at,
        ..first
    }];
    for k in 1..last_step {
        let value = rounded(between(k), counts);
        settings.push(setting(key, &value, whole, base)?);
    }
    settings.push(Setting {
        at: whole.at,
        ..last
    });
    Ok(settings)
}

/// Whole, or to six significant digits, so that a range says 0.01 and not 0.010000000000000002.
fn rounded(number: f64, counts: bool) -> Value {
    if counts {
        return Value::from(number.round() as i64);
    }
    let short = format!("{number:.5e}").parse().unwrap_or(number);
    Number::from_f64(short).map_or(Value::Null, Value::Number)
}

fn setting(
    key: &str,
    value: &Value,
    item: &Item<'_>,
    base: &Regime,
) -> Result<Setting, StudyFileError> {
    let regime = choices::choose(base, key, value).map_err(|what| item.fault(what))?;
    Ok(Setting {
        key: key.to_owned(),
        value: choices::value(&regime, key),
        at: item.at,
    })
}

/// Groups of axes, by their indices, that go together; each axis is in one group.
pub(super) fn groups(
    axes: &[Values],
    zip: Option<&Item<'_>>,
) -> Result<Vec<Vec<usize>>, StudyFileError> {
    let wanted = "lists of axes that go together, such as [[\"batch-size\", \"lr\"]]";
    let mut zipped: Vec<Vec<usize>> = Vec::new();
    let names: Vec<&str> = axes.iter().map(|axis| axis.key.as_str()).collect();
    for item in zip.map_or_else(|| Ok(Vec::new()), |item| item.list(wanted))? {
        let mut group: Vec<usize> = Vec::new();
        for member in item.list(wanted)? {
            let name = member.text("the name of an axis")?;
            let Some(axis) = names.iter().position(|known| *known == name) else {
                let what = match super::table::nearest(name, &names) {
                    Some(near) => {
                        format!("`zip` names {name:?}, which is no axis: the nearest is {near:?}")
                    }
                    None => format!("`zip` names {name:?}, which is no axis: list it in [axes]"),
                };
                return Err(member.fault(what));
            };
            if group.contains(&axis) || zipped.iter().any(|other| other.contains(&axis)) {
                return Err(member.fault(format!(
                    "`zip` names {name:?} twice: an axis goes together once"
                )));
            }
            if let Some(first) = group.first()
                && axes[*first].settings.len() != axes[axis].settings.len()
            {
                let (first, other) = (&axes[*first], &axes[axis]);
                return Err(member.fault(format!(
                    "axes that go together need equally many values: `{}` has {} and `{}` has {}",
                    first.key,
                    first.settings.len(),
                    other.key,
                    other.settings.len()
                )));
            }
            group.push(axis);
        }
        if group.len() < 2 {
            return Err(
                item.fault("`zip` has a group of one axis: name at least two that go together")
            );
        }
        zipped.push(group);
    }
    let alone = |axis: &usize| !zipped.iter().any(|group| group.contains(axis));
    let crossed: Vec<Vec<usize>> = (0..axes.len())
        .filter(alone)
        .map(|axis| vec![axis])
        .collect();
    Ok([zipped, crossed].concat())
}
