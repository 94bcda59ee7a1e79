//! Augmentation: random changes of training images. They follow from seed, epoch and sample alone, so every device makes the
//! same ones, in any order and from any shard. All arithmetic is wrapping `u32`; the kernel's copy must agree bit for bit:
//!
//! - `key = mix(mix(mix(seed ^ SALT) + epoch) + sample)` and `draw(n) = mix(key + n * STEP)`, with `mix` of [`super::mix`].
//! - Draw 0 mirrors where its highest bit is set. Draws 1 and 2, modulo `2 crop + 1`, less `crop`, shift to the side and
//!   down. Draws 3 and 4, modulo width and height, are the centre of the hole.
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::mix;

const SALT: u32 = 0x6175_676d;
const STEP: u32 = 0x9e37_79b9;

/// Random changes of a training image, in this order: a shifted crop, a mirror image, a blank square.
///
/// Written as a list such as `flip,crop:4,cutout:8`, or `crop:4:edge`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Augmentation {
    /// Mirrors every second image, left to right.
    pub flip: bool,
    /// Shifts an image by up to this many pixels in both directions.
    pub crop: u32,
    /// Whether the border that a shift uncovers repeats the nearest pixel; otherwise it has the value 0.
    pub edge: bool,
    /// Side of a square around a random pixel that gets the value 0 after normalisation; parts outside the image are cut off.
    pub cutout: u32,
}

/// A list of changes that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid augmentation {given:?} ({why}): give a list of flip, crop:PIXELS, crop:PIXELS:edge and cutout:PIXELS"
)]
pub struct AugmentationError {
    /// The list.
    pub given: String,
    /// What is wrong.
    pub why: String,
}

/// The changes of one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Whether it is mirrored.
    pub mirrored: bool,
    /// Columns by which the crop is shifted to the right.
    pub right: i32,
    /// Rows by which the crop is shifted down.
    pub down: i32,
    /// Column and row of the centre of the hole.
    pub centre: [u32; 2],
}

impl Augmentation {
    /// Whether nothing changes.
    pub fn is_none(&self) -> bool {
        !self.flip && self.crop == 0 && self.cutout == 0
    }

    /// The changes of `sample` of `width` x `height` in `epoch`. A series has height 1 and is shifted along its length only.
    pub const fn changes(
        &self,
        seed: u32,
        epoch: u32,
        sample: u32,
        width: u32,
        height: u32,
    ) -> Changes {
        let key = mix(mix(mix(seed ^ SALT).wrapping_add(epoch)).wrapping_add(sample));
        Changes {
            mirrored: self.flip && draw(key, 0) >> 31 == 1,
            right: shift_by(draw(key, 1), self.crop),
            down: match height > 1 {
                true => shift_by(draw(key, 2), self.crop),
                false => 0,
            },
            centre: [draw(key, 3) % width, draw(key, 4) % height],
        }
    }
}

const fn draw(key: u32, which: u32) -> u32 {
    mix(key.wrapping_add(which.wrapping_mul(STEP)))
}

const fn shift_by(draw: u32, crop: u32) -> i32 {
    (draw % (2 * crop + 1)) as i32 - crop as i32
}

impl FromStr for Augmentation {
    type Err = AugmentationError;

    fn from_str(given: &str) -> Result<Augmentation, AugmentationError> {
        let mut found = Augmentation::default();
        let error = |why: String| AugmentationError {
            given: given.to_owned(),
            why,
        };
        let pixels = |change: &str, value: &str| match value.parse::<u32>() {
            Ok(pixels @ 1..=4096) => Ok(pixels),
            _ => Err(error(format!(
                "{change} needs 1 to 4096 pixels, got {value:?}"
            ))),
        };
        for change in given.split(',').map(str::trim) {
            let mut words = change.split(':');
            let (name, first, second) =
                (words.next().unwrap_or_default(), words.next(), words.next());
            let twice = match name {
                "flip" => std::mem::replace(&mut found.flip, true),
                "crop" => {
                    std::mem::replace(&mut found.crop, pixels(name, first.unwrap_or_default())?) > 0
                }
                "cutout" => {
                    std::mem::replace(&mut found.cutout, pixels(name, first.unwrap_or_default())?)
                        > 0
                }
                _ => return Err(error(format!("unknown change {change:?}"))),
            };
            found.edge |= name == "crop" && second == Some("edge");
            let most = match (name, second) {
                ("flip", _) => 1,
                ("crop", Some("edge")) => 3,
                _ => 2,
            };
            if change.split(':').count() > most {
                return Err(error(format!("unknown change {change:?}")));
            }
            if twice {
                return Err(error(format!("{name} is given twice")));
            }
        }
        Ok(found)
    }
}

impl fmt::Display for Augmentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let edge = if self.edge { ":edge" } else { "" };
        let changes = [
            self.flip.then(|| "flip".to_owned()),
            (self.crop > 0).then(|| format!("crop:{}{edge}", self.crop)),
            (self.cutout > 0).then(|| format!("cutout:{}", self.cutout)),
        ];
        let changes: Vec<String> = changes.into_iter().flatten().collect();
        f.write_str(&changes.join(","))
    }
}

impl TryFrom<String> for Augmentation {
    type Error = AugmentationError;

    fn try_from(text: String) -> Result<Augmentation, AugmentationError> {
        text.parse()
    }
}

impl From<Augmentation> for String {
    fn from(augmentation: Augmentation) -> String {
        augmentation.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_written() {
        for text in ["flip", "crop:4", "flip,crop:2:edge,cutout:8"] {
            assert_eq!(text.parse::<Augmentation>().unwrap().to_string(), text);
        }
        let mixed: Augmentation = "cutout:8, flip".parse().unwrap();
        assert_eq!(mixed.to_string(), "flip,cutout:8");
        for (text, wanted) in [
            ("", "unknown change"),
            ("flop", "unknown change \"flop\""),
            ("flip:2", "unknown change"),
            ("crop", "1 to 4096 pixels"),
            ("crop:0", "1 to 4096 pixels"),
            ("crop:4:wrap", "unknown change"),
            ("flip,flip", "flip is given twice"),
        ] {
            let error = text.parse::<Augmentation>().unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn every_change_has_its_rate() {
        let augmentation: Augmentation = "flip,crop:2,cutout:4".parse().unwrap();
        let (mut mirrored, mut right, mut down) = (0, [0; 5], [0; 5]);
        let (mut columns, mut both) = ([0; 8], 0);
        let samples = 40_000;
        for sample in 0..samples {
            let changes = augmentation.changes(7, sample / 10_000, sample % 10_000, 8, 6);
            mirrored += u32::from(changes.mirrored);
            right[(changes.right + 2) as usize] += 1;
            down[(changes.down + 2) as usize] += 1;
            columns[changes.centre[0] as usize] += 1;
            both += u32::from(changes.mirrored && changes.right == 2 && changes.down == -2);
        }
        // Five standard deviations of a binomial count.
        let near = |count: u32, share: f64| {
            let mean = f64::from(samples) * share;
            let tolerance = 5.0 * (mean * (1.0 - share)).sqrt();
            assert!(
                (f64::from(count) - mean).abs() < tolerance,
                "{count} of {samples}, not {share}"
            );
        };
        near(mirrored, 0.5);
        right
            .iter()
            .chain(&down)
            .for_each(|count| near(*count, 0.2));
        columns.iter().for_each(|count| near(*count, 0.125));
        near(both, 0.5 * 0.2 * 0.2);
    }
}
