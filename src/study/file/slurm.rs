//! `[slurm]`: what a cluster is asked for.

use super::de::At;
use super::error::{Source, StudyFileError};
use super::format::SlurmTable;
use crate::study::spec::Slurm;

/// Most tasks of a job array; clusters usually allow fewer.
const MOST_TASKS: u64 = 10_000;

pub(super) fn place(
    source: Source<'_>,
    table: Option<At<SlurmTable>>,
) -> Result<Option<Slurm>, StudyFileError> {
    let Some(At { at, value: table }) = table else {
        return Ok(None);
    };
    let count = |key: &str, count: Option<At<u64>>, most: u64| match count {
        Some(count) => source.whole(key, &count, 1, most).map(Some),
        None => Ok(None),
    };
    // Each ends up in a line of a script.
    let texts = [&table.partition, &table.account, &table.memory, &table.time];
    let texts = texts.into_iter().flatten();
    let lists = table.options.iter().chain(&table.modules);
    let commands = table.container.iter().chain(&table.program);
    for text in texts.chain(lists).chain(commands) {
        if text.trim().is_empty() || text.chars().any(char::is_control) {
            let what = format!("{text:?} in [slurm] is empty or has a line break: give one line");
            return Err(source.error(at, what));
        }
    }
    if let Some(option) = table.options.iter().find(|option| !option.starts_with('-')) {
        let what = format!(
            "{option:?} in `options` of [slurm] is not an option of sbatch: start it with a dash, such as \"--exclusive\""
        );
        return Err(source.error(at, what));
    }
    Ok(Some(Slurm {
        tasks: count("tasks", table.tasks, MOST_TASKS)?,
        parallel: count("parallel", table.parallel, MOST_TASKS)?,
        gpus: count("gpus", table.gpus, 1024)?,
        cpus: count("cpus", table.cpus, 4096)?,
        partition: table.partition,
        account: table.account,
        memory: table.memory,
        time: table.time,
        options: table.options,
        modules: table.modules,
        container: table.container,
        program: table.program,
    }))
}
