//! Options of reading a data folder, and progress of a long read.
use super::DataError;

/// How a data folder is read. A format takes only the options that concern it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DataOptions {
    /// Width and height of images in pixels: the centre square of an image is scaled to it.
    pub image_size: Option<u32>,
    /// Samples of a window of a recording.
    pub window: Option<u32>,
    /// Samples from the start of a window to the start of the next.
    pub stride: Option<u32>,
    /// How samples are divided into training, deciding and confirming parts, where a format offers several ways.
    pub split: Option<String>,
}

impl DataOptions {
    /// The flags of the options that are set, with their values.
    fn set(&self) -> Vec<(&'static str, String)> {
        let number = |flag, value: Option<u32>| value.map(|value| (flag, value.to_string()));
        let all = [
            number("image-size", self.image_size),
            number("window", self.window),
            number("stride", self.stride),
            self.split.clone().map(|split| ("split", split)),
        ];
        all.into_iter().flatten().collect()
    }

    /// Checks that only `known` options are set, and no size is 0.
    pub(super) fn check(&self, known: &[&str], data: &str) -> Result<(), DataError> {
        for (flag, value) in self.set() {
            if !known.contains(&flag) {
                return Err(DataError::UnusedOption {
                    flag,
                    data: data.to_owned(),
                });
            }
            if value == "0" {
                return Err(DataError::ZeroOption { flag });
            }
        }
        Ok(())
    }
}

/// How far a long read is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadProgress {
    /// What is read, such as `images decoded`.
    pub what: &'static str,
    /// How many are done.
    pub done: usize,
    /// Of how many.
    pub of: usize,
}
