//! Windows of recordings: runs of samples of one activity.
use std::path::Path;

use super::recording::{CHANNELS, Recording, column_of};
use crate::data::DataError;

/// Windows, one after another.
#[derive(Default)]
pub(super) struct Windows {
    /// f32, little-endian: channel by channel in a window.
    pub bytes: Vec<u8>,
    pub classes: Vec<u8>,
}

impl Windows {
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    pub fn joined(mut self, other: Windows) -> Windows {
        self.bytes.extend(other.bytes);
        self.classes.extend(other.classes);
        self
    }

    /// These of the windows, in this order.
    pub fn in_order(&self, order: &[usize]) -> Windows {
        let size = self.bytes.len() / self.len().max(1);
        let bytes = order.iter().flat_map(|at| &self.bytes[at * size..][..size]);
        Windows {
            bytes: bytes.copied().collect(),
            classes: order.iter().map(|at| self.classes[*at]).collect(),
        }
    }

    /// Adds the windows of a recording and returns how many were left out since values are missing.
    pub fn add(
        &mut self,
        recording: &Recording,
        length: usize,
        stride: usize,
        file: &Path,
    ) -> Result<usize, DataError> {
        let before = self.len();
        let mut left_out = [0; CHANNELS];
        let mut dropped = 0;
        for (start, end, class) in runs(recording) {
            let mut at = start;
            while at + length <= end {
                let window = at..at + length;
                let gap = |values: &Vec<f32>| values[window.clone()].iter().any(|v| v.is_nan());
                match recording.channels.iter().position(gap) {
                    Some(channel) => {
                        left_out[channel] += 1;
                        dropped += 1;
                    }
                    None => {
                        for channel in &recording.channels {
                            let values = channel[window.clone()].iter();
                            self.bytes
                                .extend(values.flat_map(|value| value.to_le_bytes()));
                        }
                        self.classes.push(class);
                    }
                }
                at += stride;
            }
        }
        if self.len() > before {
            return Ok(dropped);
        }
        let (what, fix) = match (0..CHANNELS).max_by_key(|channel| left_out[*channel]) {
            Some(channel) if dropped > 0 => (
                format!(
                    "has no window without missing values: column {} lacks values for more than a second in {} of {dropped} windows",
                    column_of(channel),
                    left_out[channel]
                ),
                "use a smaller --window, or download the file again",
            ),
            _ => (
                format!("has no {length} samples of one activity in a row"),
                "use a smaller --window",
            ),
        };
        Err(DataError::File {
            path: file.to_owned(),
            what,
            fix,
        })
    }
}

/// The runs of samples of one activity without an interruption: start, end, class.
fn runs(recording: &Recording) -> Vec<(usize, usize, u8)> {
    let mut runs: Vec<(usize, usize, u8)> = vec![];
    for (at, class) in recording.classes.iter().enumerate() {
        let Some(class) = *class else {
            continue;
        };
        match runs.last_mut() {
            Some((_, end, of)) if *end == at && *of == class && !recording.interrupted[at] => {
                *end += 1;
            }
            _ => runs.push((at, at + 1, class)),
        }
    }
    runs
}
