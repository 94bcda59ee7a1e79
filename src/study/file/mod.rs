//! The study file: TOML in which every mistake is told with its place. `docs/study.md` describes it.

mod axes;
mod base;
mod cells;
mod choices;
mod error;
mod goal;
mod table;

use std::collections::HashSet;
use std::path::Path;

use toml::de::DeTable;

use self::base::Base;
use self::cells::Made;
use self::error::Source;
use self::table::{Item, Table};
use super::spec::{Axis, Study};

pub use error::StudyFileError;

/// A commented study, as `wattgrad study new` prints it.
pub const TEMPLATE: &str = include_str!("template.toml");

/// Cells of the largest study.
const MOST_CELLS: usize = 10_000;

/// Most replicates, and most runs that confirm a cell.
const MOST_REPEATS: u64 = 1000;

/// Characters of the longest name.
const LONGEST_NAME: usize = 60;

const TOP: &[&str] = &[
    "name",
    "seeds",
    "replicates",
    "confirm",
    "order-seed",
    "zip",
    "base",
    "axes",
    "reference",
    "target",
    "evaluate",
    "budget",
];

impl Study {
    /// Reads a study file.
    ///
    /// # Errors
    /// [`StudyFileError`] for a file that cannot be read, or for the first thing in it that cannot be.
    pub fn read(path: &Path) -> Result<Self, StudyFileError> {
        let text = std::fs::read_to_string(path).map_err(|source| StudyFileError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// Reads the text of a study file; `file` is its name for errors.
    ///
    /// # Errors
    /// [`StudyFileError::At`] for the first thing that cannot be.
    pub fn parse(file: &str, text: &str) -> Result<Self, StudyFileError> {
        let source = Source { file, text };
        let document = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message().replace('\n', " ");
            source.fault(at, format!("this is not TOML: {message}"))
        })?;
        let top = Table::new(source, 0, "the study".into(), document.get_ref());
        top.only(TOP, misplaced)?;
        let name = name(top.need("name", "name = \"my-study\"")?)?;
        let seeds = seeds(top.need("seeds", "seeds = [1, 2, 3]")?)?;
        let repeats = |key| {
            top.get(key)
                .map_or(Ok(0), |item| item.whole(0, MOST_REPEATS))
        };
        let (replicates, confirm) = (repeats("replicates")?, repeats("confirm")?);
        let largest = i64::MAX as u64;
        let order_seed = top
            .get("order-seed")
            .map_or(Ok(0), |item| item.whole(0, largest))?;

        let optional = |key: &str| {
            let wanted = format!("a table: write [{key}] and its keys below");
            top.get(key).map(|item| item.table(&wanted)).transpose()
        };
        let base = Base::read(source, optional("base")?)?;
        let table = optional("axes")?;
        let axes = table
            .as_ref()
            .map_or_else(|| Ok(Vec::new()), |table| axes::read(table, &base))?;
        let groups = axes::groups(&axes, top.get("zip"))?;
        let made = cells::combine(&base, &axes, &groups, table.map_or(0, |table| table.at))?;
        let reference = match optional("reference")? {
            Some(table) => Some(cells::reference(&table, &axes, &made, &base)?),
            // Of one cell there is no choice.
            None => (made.len() == 1).then_some(0),
        };
        if let Some(item) = top.get("replicates").filter(|_| replicates > 0)
            && reference.is_none()
        {
            return Err(item.fault("`replicates` repeats the reference cell, and none is named: add [reference] with a value of each axis"));
        }

        let goal = goal::read(&top)?;
        goal.judge(&made, &base)?;
        let zipped = groups.iter().filter(|group| group.len() > 1);
        let names = |group: &Vec<usize>| group.iter().map(|axis| axes[*axis].key.clone()).collect();
        let zip = zipped.map(names).collect();
        Ok(Self {
            name,
            text: text.to_owned(),
            seeds,
            axes: axes
                .into_iter()
                .map(|axis| Axis {
                    key: axis.key,
                    values: axis
                        .settings
                        .into_iter()
                        .map(|setting| setting.value)
                        .collect(),
                })
                .collect(),
            zip,
            cells: made.into_iter().map(|Made { cell, .. }| cell).collect(),
            target: goal.target,
            window_samples: goal.window_samples,
            every_samples: goal.every_samples,
            budget: goal.budget,
            reference,
            replicates: replicates as u32,
            confirm: confirm as u32,
            order_seed,
        })
    }
}

/// Where a key belongs that is not of the top.
fn misplaced(key: &str) -> Option<String> {
    if choices::keys().iter().any(|known| known == key) {
        return Some(format!(
            "`{key}` is a choice of a regime: write it in [base], or its values in [axes]"
        ));
    }
    let place = match key {
        "metric" | "at-least" | "window" => "target",
        "every-samples" => "evaluate",
        "samples" | "steps" | "epochs" | "seconds" | "joules" => "budget",
        _ => return choices::elsewhere(key),
    };
    Some(format!("`{key}` belongs in [{place}]"))
}

fn name(item: &Item<'_>) -> Result<String, StudyFileError> {
    let name = item.text("text")?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty()
        || name.len() > LONGEST_NAME
        || !name.chars().all(fits)
        || name.starts_with(['.', '-'])
    {
        return Err(item.fault(format!(
            "{name:?} cannot be the name of a folder: give 1 to {LONGEST_NAME} of the characters a-z, A-Z, 0-9, - _ and ., the first a letter, digit or _"
        )));
    }
    Ok(name.to_owned())
}

fn seeds(item: &Item<'_>) -> Result<Vec<u32>, StudyFileError> {
    let mut seen = HashSet::new();
    item.list("a list of whole numbers, such as [1, 2, 3]")?
        .iter()
        .map(|item| {
            let seed = item.whole(0, u64::from(u32::MAX))? as u32;
            match seen.insert(seed) {
                true => Ok(seed),
                false => Err(item.fault(format!(
                    "the seed {seed} is there twice: the same run would count twice"
                ))),
            }
        })
        .collect()
}
