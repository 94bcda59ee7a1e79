//! A data set: its two parts, what to normalise by, and where it comes from.
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{Column, DataError, Dtype, Field, Found, Places, Split, digits, folder, locate};

/// Highest number of classes a data set may have.
pub(super) const MAX_CLASSES: usize = 65_536;

/// A data set in memory.
///
/// An input element `x` is normalised as `(x / scale - mean) / std`.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Short name, such as `fashion-mnist`.
    pub name: String,
    /// The folder it was read from, `embedded` or `arrays`.
    pub source: String,
    /// Licence of the data, as far as known.
    pub licence: String,
    /// What to train on.
    pub train: Split,
    /// What to test on.
    pub test: Split,
    /// Number of classes; labels lie in `0..classes`.
    pub classes: usize,
    /// Mean of `x / scale` over the training part's first input.
    pub mean: f64,
    /// Standard deviation of `x / scale` over the training part's first input (divided by the count, not one less).
    pub std: f64,
    /// What input elements are divided by first: 255 for u8 images, 16 for the digits, else 1.
    pub scale: f64,
    /// SHA-256 over the bytes of all columns in hexadecimal: training inputs, training targets, test inputs, test
    /// targets.
    pub sha256: String,
    /// Where [`Dataset::open`] looked, in order, when it was left the choice; empty otherwise.
    pub looked: Vec<Found>,
}

/// Input values of a user's own arrays, sample after sample.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// Bytes, 0 to 255, divided by 255.
    U8(&'a [u8]),
    /// Numbers, taken as they are.
    F32(&'a [f32]),
}

/// One part of a user's own arrays.
#[derive(Clone, Copy, Debug)]
pub struct Arrays<'a> {
    /// Input values, as many as samples times elements of a sample.
    pub inputs: Values<'a>,
    /// One label a sample.
    pub labels: &'a [u32],
}

impl Dataset {
    /// Opens a data set by name or folder:
    ///
    /// - `auto`: Fashion-MNIST where it is found (see [`Places`]), else the embedded digits; [`Dataset::source`] says
    ///   which, [`Dataset::looked`] where it looked. `WATTGRAD_DATA` may name any folder of IDX files.
    /// - `fashion-mnist`: the same places, and an error where it is in none.
    /// - `digits`: 8x8 digits carried inside the library.
    /// - anything else: a folder with the four IDX files of MNIST, Fashion-MNIST or EMNIST (gzip or plain), or, where a
    ///   folder holds several EMNIST sets, one of them named below it (`emnist/emnist-letters`). EMNIST images, which
    ///   lie transposed, are turned; the labels of its letters, which count from 1, become 0 to 25. Write `./digits`
    ///   for a folder of such a name.
    ///
    /// Mean and standard deviation are computed over the training part; of u8 images they are rounded to four decimals,
    /// which gives Fashion-MNIST its customary 0.2860 and 0.3530 and MNIST its 0.1307 and 0.3081.
    ///
    /// # Errors
    /// Every [`DataError`] about folders, files, labels and values, each naming the file.
    pub fn open(spec: &str) -> Result<Dataset, DataError> {
        Dataset::open_in(spec, &Places::current())
    }

    /// [`Dataset::open`] with other places to look in.
    ///
    /// # Errors
    /// As [`Dataset::open`].
    pub fn open_in(spec: &str, places: &Places) -> Result<Dataset, DataError> {
        match spec {
            "auto" => locate::open_auto(places),
            "fashion-mnist" => locate::open_fashion_mnist(places),
            "digits" => digits::open(),
            path => folder::open(Path::new(path)),
        }
    }

    /// A data set from a user's own arrays. `shape` is that of one sample (images: channels, rows, columns), `labels`
    /// lie in `0..classes`. Values and labels are copied; mean and standard deviation are computed over `train` and may
    /// be overwritten in the result.
    ///
    /// # Errors
    /// A part without samples, counts that differ, a label at or above `classes`, a value that is not finite, parts of
    /// different types.
    pub fn from_arrays(
        name: &str,
        classes: usize,
        shape: &[usize],
        train: Arrays<'_>,
        test: Arrays<'_>,
    ) -> Result<Dataset, DataError> {
        check_classes(classes)?;
        let scale = match train.inputs {
            Values::U8(_) => 255.0,
            Values::F32(_) => 1.0,
        };
        let train = array_split("the training part", classes, shape, train)?;
        let test = array_split("the test part", classes, shape, test)?;
        Dataset::from_splits(name, classes, scale, train, test)
    }

    /// A data set from parts with any inputs and targets. Where the first target is one whole number a sample, it is
    /// the class label. Mean and standard deviation are computed over the training part's first input.
    ///
    /// # Errors
    /// A part without samples, a column that holds another number of samples than its part, parts whose fields differ,
    /// a label at or above `classes`, a value that is not finite, a scale that is not above 0.
    pub fn from_splits(
        name: &str,
        classes: usize,
        scale: f64,
        train: Split,
        test: Split,
    ) -> Result<Dataset, DataError> {
        check_classes(classes)?;
        if !(scale.is_finite() && scale > 0.0) {
            return Err(DataError::BadScale { scale });
        }
        check_split("the training part", classes, &train)?;
        check_split("the test part", classes, &test)?;
        check_fields(&train.inputs, &test.inputs)?;
        check_fields(&train.targets, &test.targets)?;

        let (mean, std) = match train.inputs.first() {
            Some(column) => moments(column, scale),
            None => (0.0, 1.0),
        };
        let mut hash = Sha256::new();
        for column in train.columns().chain(test.columns()) {
            hash.update(&column.bytes);
        }
        let sha256 = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        Ok(Dataset {
            name: name.into(),
            source: "arrays".into(),
            licence: "not stated".into(),
            train,
            test,
            classes,
            mean,
            std,
            scale,
            sha256,
            looked: Vec::new(),
        })
    }
}

fn check_classes(classes: usize) -> Result<(), DataError> {
    if (1..=MAX_CLASSES).contains(&classes) {
        Ok(())
    } else {
        Err(DataError::BadClasses { classes })
    }
}

fn array_split(
    place: &str,
    classes: usize,
    shape: &[usize],
    arrays: Arrays<'_>,
) -> Result<Split, DataError> {
    let len = arrays.labels.len();
    let (dtype, found, bytes) = match arrays.inputs {
        Values::U8(values) => (Dtype::U8, values.len(), values.to_vec()),
        Values::F32(values) => (
            Dtype::F32,
            values.len(),
            values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ),
    };
    let field = Field {
        name: "input".into(),
        dtype,
        shape: shape.to_vec(),
    };
    let elements = field.elements();
    if elements == 0 {
        let wanted = "dimensions above 0";
        return Err(DataError::BadShape {
            place: place.into(),
            shape: shape.to_vec(),
            wanted,
        });
    }
    if len == 0 && found == 0 {
        return Err(DataError::NoSamples {
            place: place.into(),
        });
    }
    if found % elements != 0 {
        let expected = len.saturating_mul(elements);
        return Err(DataError::ColumnSize {
            place: place.into(),
            unit: "values",
            found,
            expected,
        });
    }
    if found / elements != len {
        return Err(DataError::CountMismatch {
            place: place.into(),
            samples: found / elements,
            labels: len,
        });
    }
    if let Some((sample, &label)) = arrays
        .labels
        .iter()
        .enumerate()
        .find(|&(_, &l)| l as usize >= classes)
    {
        let last = classes as i64 - 1;
        return Err(DataError::LabelRange {
            place: place.into(),
            sample,
            label: i64::from(label),
            first: 0,
            last,
        });
    }
    // Every label fits: it is below `classes`, and that is at most 65,536.
    let (label_type, labels) = if classes <= 256 {
        (Dtype::U8, arrays.labels.iter().map(|&l| l as u8).collect())
    } else {
        (
            Dtype::U16,
            arrays
                .labels
                .iter()
                .flat_map(|&l| (l as u16).to_le_bytes())
                .collect(),
        )
    };
    let input = Column { field, bytes };
    let target = Column {
        field: Field {
            name: "label".into(),
            dtype: label_type,
            shape: vec![],
        },
        bytes: labels,
    };
    Ok(Split {
        len,
        inputs: vec![input],
        targets: vec![target],
    })
}

fn check_split(place: &str, classes: usize, split: &Split) -> Result<(), DataError> {
    if split.len == 0 {
        return Err(DataError::NoSamples {
            place: place.into(),
        });
    }
    for column in split.columns() {
        let of = format!("{place}, column \"{}\"", column.field.name);
        if column.field.elements() == 0 {
            let shape = column.field.shape.clone();
            return Err(DataError::BadShape {
                place: of,
                shape,
                wanted: "dimensions above 0",
            });
        }
        let expected = split.len.saturating_mul(column.field.sample_bytes());
        if column.bytes.len() != expected {
            return Err(DataError::ColumnSize {
                place: of,
                unit: "bytes",
                found: column.bytes.len(),
                expected,
            });
        }
        check_finite(&of, column)?;
    }
    match split.targets.first() {
        Some(label) if label.field.shape.is_empty() && label.field.dtype.is_integer() => {
            check_labels(place, label, 0, classes)
        }
        _ => Ok(()),
    }
}

fn check_fields(train: &[Column], test: &[Column]) -> Result<(), DataError> {
    let list = |columns: &[Column]| {
        if columns.is_empty() {
            return "no column".to_owned();
        }
        columns
            .iter()
            .map(|c| c.field.to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    if train
        .iter()
        .map(|c| &c.field)
        .eq(test.iter().map(|c| &c.field))
    {
        return Ok(());
    }
    Err(DataError::PartsDiffer {
        train: list(train),
        test: list(test),
    })
}

/// Every label lies in `first..first + classes`.
pub(super) fn check_labels(
    place: &str,
    column: &Column,
    first: i64,
    classes: usize,
) -> Result<(), DataError> {
    let last = first + classes as i64 - 1;
    for (sample, value) in column.values().enumerate() {
        let label = value as i64;
        if label < first || label > last {
            return Err(DataError::LabelRange {
                place: place.into(),
                sample,
                label,
                first,
                last,
            });
        }
    }
    Ok(())
}

/// No value is infinite or not a number.
pub(super) fn check_finite(place: &str, column: &Column) -> Result<(), DataError> {
    if column.field.dtype.is_integer() {
        return Ok(());
    }
    match column.values().position(|v| !v.is_finite()) {
        Some(at) => Err(DataError::NonFinite {
            place: place.into(),
            sample: at / column.field.elements().max(1),
        }),
        None => Ok(()),
    }
}

/// Mean and standard deviation of a column's values divided by `scale`. Of u8 values they are rounded to four decimals,
/// the precision in which such constants are passed on. A deviation of 0 (all values alike) becomes 1, which divides.
fn moments(column: &Column, scale: f64) -> (f64, f64) {
    let (mean, std) = if column.field.dtype == Dtype::U8 {
        let mut counts = [0u64; 256];
        column
            .bytes
            .iter()
            .for_each(|&b| counts[usize::from(b)] += 1);
        let total = column.bytes.len() as f64;
        let weighted = |f: &dyn Fn(f64) -> f64| {
            counts
                .iter()
                .enumerate()
                .map(|(value, &count)| count as f64 * f(value as f64 / scale))
                .sum::<f64>()
                / total
        };
        let mean = weighted(&|x| x);
        let std = weighted(&|x| (x - mean) * (x - mean)).sqrt();
        let round = |x: f64| (x * 1e4).round() / 1e4;
        (round(mean), round(std))
    } else {
        let total = column.values().count().max(1) as f64;
        let mean = column.values().map(|x| x / scale).sum::<f64>() / total;
        let square = column
            .values()
            .map(|x| (x / scale - mean).powi(2))
            .sum::<f64>()
            / total;
        (mean, square.sqrt())
    };
    if std > 0.0 && std.is_finite() {
        (mean, std)
    } else {
        (mean, 1.0)
    }
}
