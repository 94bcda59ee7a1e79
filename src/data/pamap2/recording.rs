//! A protocol recording: a line per hundredth of a second with 54 columns, `NaN` where a value is missing.
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use super::ACTIVITIES;
use crate::data::DataError;
use crate::data::reader::line_error;

/// Columns of a line.
const COLUMNS: usize = 54;
/// The columns that are used, counted from 0: the heart rate, and of each inertial unit the temperature, both
/// accelerometers, the gyroscope and the magnetometer. Its orientation is invalid in this dataset.
const USED: [std::ops::Range<usize>; 4] = [2..3, 3..16, 20..33, 37..50];
/// Channels of a window.
pub(super) const CHANNELS: usize = 40;
/// The longest gap that is filled, in samples: a second.
const LONGEST_GAP: usize = 100;
/// The longest step of the time stamps within a recording, in seconds.
const LONGEST_STEP: f64 = 1.0;

/// The recording of a subject.
pub(super) struct Recording {
    /// Values by channel; NaN where a value is missing for longer than can be filled.
    pub channels: Vec<Vec<f32>>,
    /// Of each sample the class, or `None` for activity 0.
    pub classes: Vec<Option<u8>>,
    /// Whether a sample does not continue the one before it.
    pub interrupted: Vec<bool>,
}

impl Recording {
    /// Reads a recording and fills its short gaps.
    pub fn read(path: &Path) -> Result<Recording, DataError> {
        let io_error = |source| DataError::Io {
            path: path.to_owned(),
            source,
        };
        let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(io_error)?);
        let mut recording = Recording {
            channels: vec![vec![]; CHANNELS],
            classes: vec![],
            interrupted: vec![],
        };
        let mut last = f64::NEG_INFINITY;
        let (mut line, mut number) = (String::new(), 0);
        loop {
            line.clear();
            if file.read_line(&mut line).map_err(io_error)? == 0 {
                break;
            }
            number += 1;
            if !line.trim().is_empty() {
                recording
                    .add(&line, &mut last)
                    .map_err(|what| line_error(path, number, what, "download the file again"))?;
            }
        }
        if recording.classes.is_empty() {
            return Err(DataError::NoSamples {
                place: path.display().to_string(),
            });
        }
        for channel in &mut recording.channels {
            fill(channel);
        }
        Ok(recording)
    }

    fn add(&mut self, line: &str, last: &mut f64) -> Result<(), String> {
        let mut words = [""; COLUMNS];
        let mut found = 0;
        for word in line.split_ascii_whitespace() {
            if let Some(place) = words.get_mut(found) {
                *place = word;
            }
            found += 1;
        }
        if found != COLUMNS {
            return Err(format!("{found} columns instead of {COLUMNS}"));
        }
        let number = |at: usize| -> Result<f32, String> {
            let value: f32 = words[at]
                .parse()
                .map_err(|_| format!("column {} is {:?} instead of a number", at + 1, words[at]))?;
            match value.is_infinite() {
                true => Err(format!("column {} is infinite", at + 1)),
                false => Ok(value),
            }
        };
        let time: f64 = words[0]
            .parse()
            .ok()
            .filter(|time: &f64| time.is_finite())
            .ok_or_else(|| format!("the time stamp is {:?}", words[0]))?;
        if time <= *last {
            return Err(format!("the time stamp {time} does not follow {last}"));
        }
        let activity: u32 = words[1]
            .parse()
            .map_err(|_| format!("the activity is {:?} instead of a number", words[1]))?;
        let class = ACTIVITIES.iter().position(|(id, _)| *id == activity);
        if class.is_none() && activity != 0 {
            return Err(format!("activity {activity} is not one of the protocol"));
        }
        let mut channels = self.channels.iter_mut();
        for at in USED.into_iter().flatten() {
            if let Some(channel) = channels.next() {
                channel.push(number(at)?);
            }
        }
        self.classes.push(class.map(|class| class as u8));
        self.interrupted.push(time - *last > LONGEST_STEP);
        *last = time;
        Ok(())
    }
}

/// The column of a channel in the file, counted from 1.
pub(super) fn column_of(channel: usize) -> usize {
    USED.into_iter()
        .flatten()
        .nth(channel)
        .map_or(0, |at| at + 1)
}

/// Fills the gaps of a channel that are no longer than a second: within the recording by a line from the value before to the
/// value after, at its ends by the nearest value.
fn fill(values: &mut [f32]) {
    let mut at = 0;
    while at < values.len() {
        if !values[at].is_nan() {
            at += 1;
            continue;
        }
        let start = at;
        while at < values.len() && values[at].is_nan() {
            at += 1;
        }
        let before = start.checked_sub(1).map(|before| values[before]);
        let after = values.get(at).copied();
        let (Some(first), Some(last)) = (before.or(after), after.or(before)) else {
            return;
        };
        if at - start <= LONGEST_GAP {
            let steps = (at - start + 1) as f32;
            for (step, value) in (1..).zip(&mut values[start..at]) {
                *value = first + (last - first) * (step as f32 / steps);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_gaps_become_lines_and_long_ones_stay() {
        let nan = f32::NAN;
        let mut values = vec![nan, 2.0, nan, nan, nan, 6.0, nan];
        fill(&mut values);
        assert_eq!(values, [2.0, 2.0, 3.0, 4.0, 5.0, 6.0, 6.0]);
        let mut values = [vec![1.0], vec![nan; LONGEST_GAP + 1], vec![1.0]].concat();
        fill(&mut values);
        assert_eq!(
            values.iter().filter(|v| v.is_nan()).count(),
            LONGEST_GAP + 1
        );
        let mut values = vec![nan; 3];
        fill(&mut values);
        assert!(values.iter().all(|v| v.is_nan()));
    }

    #[test]
    fn forty_channels_are_used() {
        assert_eq!(USED.into_iter().flatten().count(), CHANNELS);
        assert_eq!((column_of(0), column_of(39)), (3, 50));
    }
}
