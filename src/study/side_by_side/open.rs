//! Reads the runs of several machines and separates them by device.

use std::path::PathBuf;

use super::SideBySide;
use crate::study::ad_hoc::{altered_notes, arrange, by_tasks, sort_paths};
use crate::study::analysis::Design;
use crate::study::error::StudyError;
use crate::study::open::{Opened, contention_note, design, design_of_search, open_stores};
use crate::study::records::records;
use crate::study::run::RunRecord;
use crate::study::search::last_rungs;
use crate::study::spec::Study;
use crate::train::{DeviceRecord, Record};

/// The runs of one device.
#[derive(Clone, Debug)]
pub struct OnDevice {
    /// Its name, with what distinguishes it from the other devices.
    pub label: String,
    pub device: DeviceRecord,
    pub opened: Opened,
}

/// Reads every path and compares the devices that made the runs. Folders of one study belong together, and so do all single
/// records; several studies give several comparisons.
///
/// # Errors
/// [`StudyError`] for the first path that is neither a folder of a study nor a record, and for folders whose studies have the
/// same name and differ.
pub fn open_by_device(paths: &[PathBuf]) -> Result<Vec<SideBySide>, StudyError> {
    let (studies, files) = sort_paths(paths)?;
    let mut compared = Vec::new();
    for (_, folders) in studies {
        let stores = open_stores(&folders)?;
        let Some(first) = stores.first() else {
            continue;
        };
        let searched = first.manifest().study.is_search();
        let mut runs: Vec<RunRecord> = Vec::new();
        let mut notes = Vec::new();
        for store in &stores {
            let (own, own_notes) = records(std::slice::from_ref(store))?;
            runs.extend(match searched {
                true => last_rungs(own),
                false => own,
            });
            notes.extend(own_notes);
        }
        let study = Study::parse(
            &first.folder().join("study.json").display().to_string(),
            &first.manifest().study.text,
        )?;
        let design = |runs: &[RunRecord]| match searched {
            true => design_of_search(&study, runs),
            false => design(&study, runs),
        };
        let parts = design(&runs).by_tasks();
        if parts.is_empty() {
            compared.push(separate(runs, &design, notes));
            continue;
        }
        for (part, _) in parts {
            let is_own = |run: &&RunRecord| part.cells.iter().any(|cell| cell.id == run.cell);
            let own = runs.iter().filter(is_own).cloned().collect();
            let design = |runs: &[RunRecord]| {
                let all = design(runs).by_tasks().into_iter();
                let mut own = all.map(|(own, _)| own).filter(|own| own.name == part.name);
                Design {
                    name: format!("{}, {}", study.name, part.name),
                    ..own.next().unwrap_or_else(|| part.clone())
                }
            };
            compared.push(separate(own, &design, notes.clone()));
        }
    }
    for (files, read) in by_tasks(&files)? {
        let (design, runs, mut notes) = arrange(read, &["device"]);
        notes.extend(altered_notes(&files));
        let own = |runs: &[RunRecord]| Design {
            runs: design
                .runs
                .iter()
                .filter(|planned| runs.iter().any(|run| run.id == planned.id))
                .cloned()
                .collect(),
            ..design.clone()
        };
        compared.push(separate(runs, &own, notes));
    }
    Ok(compared)
}

/// What distinguishes two devices: model, driver, and of a device that is a CPU that CPU.
#[derive(Clone, PartialEq)]
struct Key(DeviceRecord, Option<(Option<String>, usize)>);

impl Key {
    fn of(record: &Record) -> Self {
        let host = &record.host;
        let is_cpu = record.device.kind == "cpu";
        Self(
            DeviceRecord {
                // Where the card sits makes no other device of it.
                pci_id: None,
                ..record.device.clone()
            },
            is_cpu.then(|| (host.cpu.clone(), host.threads)),
        )
    }
}

/// Separates `runs` by device; `design` gives the design of a device's runs.
fn separate(
    runs: Vec<RunRecord>,
    design: &dyn Fn(&[RunRecord]) -> Design,
    mut notes: Vec<String>,
) -> SideBySide {
    let mut devices: Vec<(Key, Vec<RunRecord>)> = Vec::new();
    let mut without = 0;
    for run in runs {
        let Some(record) = &run.record else {
            without += 1;
            continue;
        };
        let key = Key::of(record);
        let at = devices.iter().position(|(known, _)| *known == key);
        let at = at.unwrap_or_else(|| {
            devices.push((key, Vec::new()));
            devices.len() - 1
        });
        let own = &mut devices[at].1;
        match own.iter().find(|known| known.id == run.id) {
            None => own.push(run),
            Some(known) if *known == run => {}
            Some(_) => notes.push(format!(
                "{} was made twice on {}: the first record counts",
                run.id, devices[at].0.0.name
            )),
        }
    }
    if without > 0 {
        notes.push(format!(
            "{without} runs failed before a device was known and are left out"
        ));
    }
    let labels = labels(&devices);
    let name = design(&[]).name;
    let devices = devices.into_iter().zip(labels);
    let devices = devices.map(|((key, runs), label)| OnDevice {
        label,
        device: key.0,
        opened: {
            let notes = contention_note(&runs).into_iter().collect();
            Opened::new(&design(&runs), runs, &[], notes)
        },
    });
    SideBySide::new(name, devices.collect(), notes)
}

/// The names of the devices, each with the first fact that makes it unique.
fn labels(devices: &[(Key, Vec<RunRecord>)]) -> Vec<String> {
    let facts = |(Key(device, cpu), _): &(Key, Vec<RunRecord>)| {
        let cpu = cpu.as_ref().map(|(name, threads)| match name {
            Some(name) => format!("{name}, {threads} threads"),
            None => format!("{threads} threads"),
        });
        [
            String::new(),
            device.driver_info.clone(),
            cpu.unwrap_or_default(),
            device.backend.clone(),
        ]
    };
    let named = |at: usize, fact: usize| {
        let name = devices[at].0.0.name.clone();
        match facts(&devices[at])[fact].as_str() {
            "" => name,
            fact => format!("{name} [{fact}]"),
        }
    };
    let all = 0..devices.len();
    all.clone()
        .map(|at| {
            let unique = |fact: &usize| {
                let own = named(at, *fact);
                all.clone()
                    .all(|other| other == at || named(other, *fact) != own)
            };
            match (0..4).find(unique) {
                Some(fact) => named(at, fact),
                None => format!("{} #{}", devices[at].0.0.name, at + 1),
            }
        })
        .collect()
}
