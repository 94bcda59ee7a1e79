use super::{
    CheckpointError, CheckpointFolder, Checkpointer, Checkpoints, Identity, MadeBy, SavedProgress,
    SessionStart,
};
use crate::program::Program;
use crate::train::error::TrainError;
use crate::train::sessions::Session;

/// The checkpoints of a run that is about to start or to continue.
pub struct Resumption<'c> {
    opened: Option<(&'c Checkpoints, CheckpointFolder)>,
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

    /// Loads the newest checkpoint into `program`, if the run resumes and there is one.
    ///
    /// # Errors
    /// [`CheckpointError`] for a checkpoint of another run, or if none can be read.
    pub fn resume(
        &self,
        (run, made_by): &(Identity, MadeBy),
        program: &mut Program<'_>,
    ) -> Result<Resumed, TrainError> {
        let Some((_, folder)) = self.opened.as_ref().filter(|(of, _)| of.resume) else {
            return Ok(Resumed::default());
        };
        let Some((path, checkpoint, mut notes)) = folder.newest()? else {
            return Ok(Resumed {
                notes: vec!["there is no checkpoint yet: the run starts at step 0".to_owned()],
                ..Resumed::default()
            });
        };
        if let Some(difference) = checkpoint.run.difference(run) {
            return Err(CheckpointError::OtherRun { path, difference }.into());
        }
        program.restore(&checkpoint.snapshot)?;
        notes.extend(checkpoint.made_by.note(made_by));
        notes.push(format!(
            "the run continues after step {}; what it did after that was lost and is in none of its figures",
            checkpoint.snapshot.step
        ));
        Ok(Resumed {
            progress: checkpoint.progress,
            notes,
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
