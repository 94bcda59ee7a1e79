//! `[axes]`: lists and ranges of values.

use serde_json::{Number, Value};

use super::MOST_CELLS;
use super::de::At;
use super::error::{Source, StudyFileError};
use super::format::{AxisValues, Entries, Range, Scale};
use super::keys::nearest;
use super::settings::{self, Base, Setting};

/// An axis with its values in order.
pub(super) struct PlacedAxis {
    pub key: String,
    pub values: Vec<Setting>,
}

/// Checks and places the axes.
pub(super) fn place(
    base: &Base<'_>,
    axes: Option<At<Entries<AxisValues>>>,
) -> Result<Vec<PlacedAxis>, StudyFileError> {
    let source = base.source;
    let Some(At { at, value: axes }) = axes else {
        return Ok(Vec::new());
    };
    settings::check_keys(source, &axes)?;
    if axes.0.is_empty() {
        let what = "[axes] is empty: add an axis, such as lr = [0.01, 0.1], or remove [axes]";
        return Err(source.error(at, what));
    }
    let mut placed = Vec::new();
    for (At { at, value: key }, values) in axes.0 {
        if let Some(line) = base.line_of(&key) {
            let what =
                format!("`{key}` is in [axes] and, in line {line}, in [base]: keep one of them");
            return Err(source.error(at, what));
        }
        let values = match &values.value {
            AxisValues::List(list) => {
                source.check_not_empty(&key, values.at, list.len())?;
                let list = list.iter().map(|value| base.setting(&key, value));
                list.collect::<Result<_, _>>()?
            }
            AxisValues::Range(range) => range_values(base, &key, values.at, range)?,
        };
        placed.push(PlacedAxis { key, values });
    }
    Ok(placed)
}

fn range_values(
    base: &Base<'_>,
    key: &str,
    at: usize,
    range: &Range,
) -> Result<Vec<Setting>, StudyFileError> {
    let steps = base
        .source
        .whole("steps", &range.steps, 2, MOST_CELLS as u64)?;
    let ends = [&range.from, &range.to];
    let [from, to] = ends.map(|end| end.value);
    if from == to {
        let what = format!("the range of `{key}` ends where it begins, at {from}: use two numbers");
        return Err(base.source.error(range.to.at, what));
    }
    for end in ends {
        let number = end.value;
        if range.scale == Scale::Log && number <= 0.0 {
            let what = format!("a range with scale = \"log\" needs numbers above 0, not {number}");
            return Err(base.source.error(end.at, what));
        }
    }
    // A key that refuses a half counts something.
    let counts = settings::choose(&base.regime, key, &Value::from(0.5)).is_err();
    let last = steps - 1;
    let mut values = Vec::new();
    for step in 0..=last {
        let share = step as f64 / last as f64;
        let (number, place) = match step {
            0 => (from, range.from.at),
            step if step == last => (to, range.to.at),
            _ => {
                let between = match range.scale {
                    Scale::Log => (from.ln() + share * (to.ln() - from.ln())).exp(),
                    Scale::Linear => from + share * (to - from),
                };
                (rounded(between, counts), at)
            }
        };
        let value = plain(number);
        let setting = base.setting(key, &At { at: place, value })?;
        values.push(Setting { at, ..setting });
    }
    Ok(values)
}

/// Whole, or to six significant digits, so that a range has 0.01 and not 0.010000000000000002.
fn rounded(number: f64, counts: bool) -> f64 {
    match counts {
        true => number.round(),
        false => format!("{number:.5e}").parse().unwrap_or(number),
    }
}

/// A number, as a whole one where it is.
fn plain(number: f64) -> Value {
    match number as i64 {
        whole if whole as f64 == number => whole.into(),
        _ => Number::from_f64(number).map_or(Value::Null, Value::Number),
    }
}

/// Groups of axes, by index, that change together; each axis is in one group.
pub(super) fn groups(
    source: Source<'_>,
    axes: &[PlacedAxis],
    zip: &[At<Vec<At<String>>>],
) -> Result<Vec<Vec<usize>>, StudyFileError> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let names: Vec<&str> = axes.iter().map(|axis| axis.key.as_str()).collect();
    for members in zip {
        let mut group: Vec<usize> = Vec::new();
        for At { at, value: name } in &members.value {
            let error = |what: String| Err(source.error(*at, what));
            let Some(axis) = names.iter().position(|known| known == name) else {
                let hint = match nearest(name, &names) {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => "list it in [axes]".to_owned(),
                };
                return error(format!("{name:?} in `zip` is not an axis: {hint}"));
            };
            if group.contains(&axis) || groups.iter().any(|other| other.contains(&axis)) {
                return error(format!("`zip` names {name:?} twice: name each axis once"));
            }
            if let Some(first) = group.first().map(|first| &axes[*first])
                && first.values.len() != axes[axis].values.len()
            {
                return error(format!(
                    "zipped axes need equally many values: `{}` has {} and `{name}` has {}",
                    first.key,
                    first.values.len(),
                    axes[axis].values.len()
                ));
            }
            group.push(axis);
        }
        if group.len() < 2 {
            let what = "`zip` has a group of one axis: name at least two";
            return Err(source.error(members.at, what));
        }
        groups.push(group);
    }
    for axis in 0..axes.len() {
        if !groups.iter().any(|group| group.contains(&axis)) {
            groups.push(vec![axis]);
        }
    }
    Ok(groups)
}
