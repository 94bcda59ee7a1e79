//! The study file: TOML in which every mistake is reported with its place. docs/study.md describes it.

mod axes;
mod cells;
mod de;
mod error;
mod format;
mod goal;
mod keys;
mod pretrain;
mod settings;
mod slurm;

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize as _;
use toml::de::DeTable;

use self::cells::PlacedCell;
use self::de::{At, Item};
use self::error::Source;
use self::format::StudyFile;
use self::settings::Base;
use super::spec::{Axis, Study};

pub use error::StudyFileError;

/// A commented study, as `wattgrad study new` prints it.
pub const TEMPLATE: &str = include_str!("template.toml");

/// Most cells of a study.
const MOST_CELLS: usize = 10_000;

/// Most replicates, and most confirming runs of a cell.
const MOST_REPEATS: u64 = 1000;

/// Most characters of a name.
const LONGEST_NAME: usize = 60;

impl Study {
    /// Reads a study file.
    ///
    /// # Errors
    /// [`StudyFileError`] for a file that cannot be read, or for its first mistake.
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
    /// [`StudyFileError::At`] for the first mistake.
    pub fn parse(file: &str, text: &str) -> Result<Self, StudyFileError> {
        let source = Source { file, text };
        let document = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message().replace('\n', " ");
            source.error(at, format!("invalid TOML: {message}"))
        })?;
        let file = StudyFile::deserialize(Item::file(document.get_ref()))
            .map_err(|mistake| source.error(mistake.at.unwrap_or(0), mistake.sentence()))?;
        assemble(source, file)
    }
}

fn assemble(source: Source<'_>, file: StudyFile) -> Result<Study, StudyFileError> {
    check_name(source, &file.name)?;
    let seeds = seeds(source, &file.seeds)?;
    let limited = |key: &str, number: &Option<At<u64>>, most: u64| match number {
        Some(number) => source.whole(key, number, 0, most),
        None => Ok(0),
    };
    let replicates = limited("replicates", &file.replicates, MOST_REPEATS)?;
    let confirm = limited("confirm", &file.confirm, MOST_REPEATS)?;
    let order_seed = limited("order-seed", &file.order_seed, i64::MAX as u64)?;
    let base = Base::new(source, file.base)?;
    let axes_at = file.axes.as_ref().map_or(0, |axes| axes.at);
    let axes = axes::place(&base, file.axes)?;
    let groups = axes::groups(source, &axes, &file.zip)?;
    let cells = cells::combine(&base, &axes, &groups, axes_at)?;
    let reference = match &file.reference {
        Some(table) => Some(cells::reference(table, &axes, &cells, &base)?),
        // A single cell is its own reference.
        None => (cells.len() == 1).then_some(0),
    };
    if let Some(At { at, value: 1.. }) = file.replicates
        && reference.is_none()
    {
        let what = "`replicates` repeats the reference cell, but there is no [reference]: add it with a value of each axis";
        return Err(source.error(at, what));
    }
    let goal = goal::Goal::new(source, file.target, file.evaluate, file.budget)?;
    goal.check(&cells, &base)?;
    let pretrain = file.pretrain;
    let zipped = groups.iter().filter(|group| group.len() > 1);
    let names = |group: &Vec<usize>| group.iter().map(|axis| axes[*axis].key.clone()).collect();
    let mut study = Study {
        name: file.name.value,
        text: source.text.to_owned(),
        seeds,
        zip: zipped.map(names).collect(),
        axes: axes
            .into_iter()
            .map(|axis| Axis {
                key: axis.key,
                values: axis.values.into_iter().map(|value| value.value).collect(),
            })
            .collect(),
        cells: cells
            .iter()
            .map(|PlacedCell { cell, .. }| cell.clone())
            .collect(),
        pretrain: None,
        slurm: None,
        target: goal.target,
        window_samples: goal.window_samples,
        every_samples: goal.every_samples,
        budget: goal.budget,
        reference,
        replicates: replicates as u32,
        confirm: confirm as u32,
        order_seed,
    };
    study.pretrain = pretrain::place(&base, pretrain, &study, &cells)?;
    study.slurm = slurm::place(source, file.slurm)?;
    Ok(study)
}

fn check_name(source: Source<'_>, name: &At<String>) -> Result<(), StudyFileError> {
    let At { at, value: text } = name;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if (1..=LONGEST_NAME).contains(&text.len())
        && text.chars().all(fits)
        && !text.starts_with(['.', '-'])
    {
        return Ok(());
    }
    let what = format!(
        "{text:?} cannot be the name of a folder: use 1 to {LONGEST_NAME} of the characters a-z, A-Z, 0-9, - _ and ., \
         starting with a letter, digit or _"
    );
    Err(source.error(*at, what))
}

fn seeds(source: Source<'_>, list: &At<Vec<At<u32>>>) -> Result<Vec<u32>, StudyFileError> {
    source.check_not_empty("seeds", list.at, list.value.len())?;
    let mut seen = HashSet::new();
    for At { at, value: seed } in &list.value {
        if !seen.insert(seed) {
            let what = format!("the seed {seed} is listed twice: the same run would count twice");
            return Err(source.error(*at, what));
        }
    }
    Ok(list.value.iter().map(|seed| seed.value).collect())
}
