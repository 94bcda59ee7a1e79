use std::path::PathBuf;

use super::{
    Checkpoint, CheckpointError, CheckpointFolder, Checkpointer, Checkpoints, Identity, MadeBy,
    SavedProgress, SessionStart,
};
use crate::program::Program;
use crate::train::error::TrainError;
use crate::train::sessions::Session;

/// The checkpoints of a run that is about to start or to continue.
pub struct Resumption<'c> {
    opened: Option<(&'c Checkpoints, CheckpointFolder)>,
}

/// The newest checkpoint.
pub enum Newest {
    /// The run does not resume.
    NotWanted,
    NoneYet,
    Found(Box<(PathBuf, Checkpoint, Vec<String>)>),
}

impl Newest {
    /// The step after which the run continues.
    pub fn step(&self) -> u64 {
        match self {
            Self::Found(found) => found.1.snapshot.step,
            _ => 0,
        }
    }

    /// Loads it into `program`. Of a run that was `paused` in order to be continued nothing is lost, and no note says so.
    ///
    /// # Errors
    /// [`CheckpointError::OtherRun`], and [`TrainError::Program`].
    pub fn restore(
        self,
        (run, made_by): &(Identity, MadeBy),
        program: &mut Program<'_>,
        paused: bool,
    ) -> Result<Resumed, TrainError> {
        let (path, checkpoint, mut notes) = match self {
            Self::Found(found) => *found,
            Self::NotWanted => return Ok(Resumed::default()),
            Self::NoneYet => {
                return Ok(Resumed {
                    notes: match paused {
                        true => Vec::new(),
                        false => {
                            vec!["there is no checkpoint yet: the run starts at step 0".to_owned()]
                        }
                    },
                    ..Resumed::default()
                });
            }
        };
        if let Some(difference) = checkpoint.run.difference(run) {
            return Err(CheckpointError::OtherRun { path, difference }.into());
        }
        program.restore(&checkpoint.snapshot)?;
        notes.extend(checkpoint.made_by.note(made_by));
        if !paused {
            notes.push(format!(
                "the run continues after step {}; what it did after that was lost and is in none of its figures",
                checkpoint.snapshot.step
            ));
        }
        Ok(Resumed {
            progress: checkpoint.progress,
            notes,
        })
    }
}

/// Where a run continues.
#[derive(Default)]
pub struct Resumed {
    pub progress: SavedProgress,
    pub notes: Vec<String>,
}

impl<'c> Resumption<'c> {
    /// Opens the folder, before anything is built.
    ///
    /// # Errors
    /// As [`CheckpointFolder::open`].
    pub fn open(checkpoints: Option<&'c Checkpoints>) -> Result<Self, CheckpointError> {
        let open = |of| Ok((of, CheckpointFolder::open(of)?));
        Ok(Self {
            opened: checkpoints.map(open).transpose()?,
        })
    }

    /// Reads the newest checkpoint, if the run resumes.
    ///
    /// # Errors
    /// [`CheckpointError`] if there are some and none can be read.
    pub fn newest(&self) -> Result<Newest, CheckpointError> {
        Ok(match self.opened.as_ref().filter(|(of, _)| of.resume) {
            Some((_, folder)) => {
                let found = folder.newest()?.map(Box::new);
                found.map_or(Newest::NoneYet, Newest::Found)
            }
            None => Newest::NotWanted,
        })
    }

    /// What writes the checkpoints of the run.
    pub fn writer(
        self,
        identity: (Identity, MadeBy),
        steps_per_epoch: u32,
        earlier: &[Session],
        start: SessionStart,
    ) -> Option<Checkpointer> {
        let (checkpoints, folder) = self.opened?;
        let earlier = earlier.to_vec();
        Some(Checkpointer::new(
            checkpoints,
            folder,
            identity,
            steps_per_epoch,
            earlier,
            start,
        ))
    }
}
