//! PAMAP2 (physical activity monitoring): recordings of nine subjects with three inertial units and a heart-rate belt,
//! divided into windows of one activity each. Tasks: the activity, and its intensity.
mod recording;
mod windows;

use std::path::{Path, PathBuf};

use recording::Recording;
use windows::Windows;

use super::parts::in_turn;
use super::reader::{Progress, Reader, column, missing};
use super::{DataError, DataOptions, Dataset, Dtype, Parts, ReadProgress, Split, Task, TaskKind};

/// Reads the protocol recordings of PAMAP2.
pub(super) struct Pamap2;

const SUBJECTS: [u32; 9] = [101, 102, 103, 104, 105, 106, 107, 108, 109];
/// The subjects that decide and confirm, as in the literature (Hammerla et al. 2016 validate on the fifth subject and test
/// on the sixth).
const DECIDING: u32 = 105;
const CONFIRMING: u32 = 106;
/// Samples of a window and from one to the next, at 100 a second: 5.12 s and 1 s, as in the paper of the dataset (Reiss and
/// Stricker 2012).
const WINDOW: u32 = 512;
const STRIDE: u32 = 100;

/// An activity of the protocol: number in the files, intensity.
///
/// The intensities are those of Reiss and Stricker 2012, by the metabolic equivalents in the compendium of Ainsworth et al.:
/// light (below 3 MET, 0), moderate (3 to 6 MET, 1), vigorous (above 6 MET, 2).
const ACTIVITIES: [(u32, u8); 12] = [
    (1, 0),  // lying
    (2, 0),  // sitting
    (3, 0),  // standing
    (4, 1),  // walking
    (5, 2),  // running
    (6, 1),  // cycling
    (7, 1),  // Nordic walking
    (12, 2), // ascending stairs
    (13, 1), // descending stairs
    (16, 1), // vacuum cleaning
    (17, 0), // ironing
    (24, 2), // rope jumping
];
const INTENSITIES: usize = 3;

impl Reader for Pamap2 {
    fn recognizes(&self, path: &Path) -> bool {
        folder(path).is_some()
    }

    fn check(&self, path: &Path) -> Result<&'static str, DataError> {
        let folder = folder(path).unwrap_or_else(|| path.to_owned());
        let file = SUBJECTS.map(file_name);
        match file.iter().find(|file| !folder.join(file).is_file()) {
            Some(file) => Err(missing(&folder, file)),
            None => Ok("PAMAP2"),
        }
    }

    fn options(&self) -> &'static [&'static str] {
        &["window", "stride"]
    }

    fn read(
        &self,
        path: &Path,
        options: &DataOptions,
        progress: Progress<'_>,
    ) -> Result<Dataset, DataError> {
        self.check(path)?;
        let folder = folder(path).unwrap_or_else(|| path.to_owned());
        let length = options.window.unwrap_or(WINDOW) as usize;
        let stride = options.stride.unwrap_or(STRIDE) as usize;
        let (mut train, mut deciding, mut confirming) =
            (Windows::default(), Windows::default(), Windows::default());
        let mut dropped = 0;
        for (done, subject) in SUBJECTS.into_iter().enumerate() {
            progress(ReadProgress {
                what: "subjects read",
                done,
                of: SUBJECTS.len(),
            });
            let file = folder.join(file_name(subject));
            let recording = Recording::read(&file)?;
            let part = match subject {
                DECIDING => &mut deciding,
                CONFIRMING => &mut confirming,
                _ => &mut train,
            };
            dropped += part.add(&recording, length, stride, &file)?;
        }
        let (decide, confirm) = (deciding.len(), confirming.len());
        let mut notes = vec![];
        if dropped > 0 {
            notes.push(format!(
                "{dropped} windows with values missing for more than a second are left out"
            ));
        }
        if decide != confirm {
            notes.push(format!(
                "the last {} windows of subject {} are left out: the deciding and the confirming part have {} each",
                decide.abs_diff(confirm),
                if decide > confirm { DECIDING } else { CONFIRMING },
                decide.min(confirm)
            ));
        }
        // The deciding windows, then the confirming ones, in turn.
        let all: Vec<usize> = (0..decide + confirm).collect();
        let order = in_turn(&all[..decide], &all[decide..]);
        let test = deciding.joined(confirming).in_order(&order);
        let tasks = vec![
            Task::new("activity", 0, TaskKind::Classes(ACTIVITIES.len())),
            Task::new("intensity", 1, TaskKind::Classes(INTENSITIES)),
        ];
        let (train, test) = (split(train, length), split(test, length));
        let mut data = Dataset::from_splits("pamap2", tasks, 1.0, train, test)?;
        data.source = folder.display().to_string();
        data.licence = "CC BY 4.0 (A. Reiss, UCI)".into();
        data.parts = Parts {
            training: "subjects 101 to 104 and 107 to 109".into(),
            deciding: format!("subject {DECIDING}"),
            confirming: format!("subject {CONFIRMING}"),
        };
        data.notes.extend(notes);
        Ok(data)
    }
}

/// The folder of the protocol recordings in `path` or below it.
fn folder(path: &Path) -> Option<PathBuf> {
    let below = ["", "Protocol", "PAMAP2_Dataset/Protocol"];
    let mut folders = below.iter().map(|below| path.join(below));
    folders.find(|folder| {
        let mut files = SUBJECTS
            .iter()
            .map(|subject| folder.join(file_name(*subject)));
        files.any(|file| file.is_file())
    })
}

fn file_name(subject: u32) -> String {
    format!("subject{subject}.dat")
}

fn split(windows: Windows, length: usize) -> Split {
    let classes = windows.classes;
    let intensities = classes
        .iter()
        .map(|class| ACTIVITIES[usize::from(*class)].1);
    let intensities: Vec<u8> = intensities.collect();
    let shape = [recording::CHANNELS, length];
    Split {
        len: classes.len(),
        inputs: vec![column("sensors", Dtype::F32, &shape, windows.bytes)],
        targets: vec![
            column("activity", Dtype::U8, &[], classes),
            column("intensity", Dtype::U8, &[], intensities),
        ],
    }
}
