//! The 8x8 digits embedded in the library: 1,797 images with pixels of 0 to 16, as scikit-learn ships them.
//!
//! The first 1,500 train, the last 297 test, in scikit-learn's order; mean 0.3051 and standard deviation 0.3750 of
//! pixel / 16 over the training part. Licences: CC BY 4.0 (E. Alpaydin and C. Kaynak, UCI Machine Learning Repository)
//! and BSD-3-Clause (scikit-learn, whose copy it is); see `README.md` and `LICENSE` beside the file.
use std::io::Read;
use std::path::PathBuf;

use flate2::read::GzDecoder;

use super::{Column, ColumnSpec, DataError, Dataset, Dtype, Split, Task};

static PACKED: &[u8] = include_bytes!("digits.bin.gz");

const SAMPLES: usize = 1_797;
const TRAIN: usize = 1_500;
const PIXELS: usize = 64;

pub(super) fn open() -> Result<Dataset, DataError> {
    let mut bytes = Vec::with_capacity(SAMPLES * (PIXELS + 1));
    GzDecoder::new(PACKED)
        .read_to_end(&mut bytes)
        .map_err(|source| DataError::CorruptGz {
            path: PathBuf::from("the embedded digits"),
            source,
        })?;
    let (pixels, labels) = bytes.split_at(bytes.len().min(SAMPLES * PIXELS));
    let (train_pixels, test_pixels) = pixels.split_at(pixels.len().min(TRAIN * PIXELS));
    let (train_labels, test_labels) = labels.split_at(labels.len().min(TRAIN));
    let train = split(train_pixels, train_labels, TRAIN);
    let test = split(test_pixels, test_labels, SAMPLES - TRAIN);
    let mut set = Dataset::from_splits("digits", vec![Task::label(10)], 16.0, train, test)?;
    set.source = "embedded".into();
    set.licence = "CC BY 4.0 (E. Alpaydin and C. Kaynak, UCI), BSD-3-Clause (scikit-learn)".into();
    Ok(set)
}

fn split(pixels: &[u8], labels: &[u8], len: usize) -> Split {
    let column = |name: &str, shape: Vec<usize>, bytes: &[u8]| Column {
        spec: ColumnSpec {
            name: name.into(),
            dtype: Dtype::U8,
            shape,
        },
        bytes: bytes.into(),
    };
    Split {
        len,
        inputs: vec![column("image", vec![1, 8, 8], pixels)],
        targets: vec![column("label", vec![], labels)],
    }
}
