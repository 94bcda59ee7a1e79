//! Datasets in memory: two splits, normalisation and origin.
use sha2::{Digest, Sha256};

use super::{Column, ColumnSpec, DataError, Dtype, Normalisation, Parts, Split, Task, TaskKind};

/// Largest number of classes.
pub(super) const MAX_CLASSES: usize = 65_536;

pub(super) const TRAIN: &str = "the training split";
const TEST: &str = "the test split";

/// A dataset in memory. Clones share the bytes.
///
/// ```
/// use wattgrad::{Arrays, Dataset, InputValues};
///
/// // Two training samples and one test sample of shape [channels, length] = [2, 3], and two classes.
/// let values: Vec<f32> = (0..12).map(|i| i as f32).collect();
/// let train = Arrays { inputs: InputValues::F32(&values), labels: &[0, 1] };
/// let test = Arrays { inputs: InputValues::F32(&values[..6]), labels: &[1] };
/// let data = Dataset::from_arrays("mine", 2, &[2, 3], train, test)?;
/// assert_eq!(data.normalisation[0].mean, [4.0, 7.0]);
/// # Ok::<(), wattgrad::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Short name, such as `fashion-mnist`.
    pub name: String,
    /// The folder, `embedded` or `arrays`.
    pub source: String,
    /// Licence of the data, or `not stated`.
    pub licence: String,
    /// The training split.
    pub train: Split,
    /// The test split.
    pub test: Split,
    /// What a network can learn from it; the first task is the default. Their names differ.
    pub tasks: Vec<Task>,
    /// Names of the parts: which samples train, decide and confirm.
    pub parts: Parts,
    /// Normalisation of each input, computed over the training split; may be overwritten.
    pub normalisation: Vec<Normalisation>,
    /// SHA-256 in hexadecimal over the bytes of all columns: training inputs, training targets, test inputs, test
    /// targets.
    pub sha256: String,
    /// What a user may not expect: where it was found, files that are not used, classes without samples.
    pub notes: Vec<String>,
}

/// Input values in memory, sample after sample.
#[derive(Clone, Copy, Debug)]
pub enum InputValues<'a> {
    /// Bytes; divided by 255.
    U8(&'a [u8]),
    /// Floats; not scaled.
    F32(&'a [f32]),
}

/// One split as arrays in memory.
#[derive(Clone, Copy, Debug)]
pub struct Arrays<'a> {
    /// Input values, as many as samples times elements of a sample.
    pub inputs: InputValues<'a>,
    /// One label per sample.
    pub labels: &'a [u32],
}

impl Dataset {
    /// A dataset of one input and one label column from arrays, which are copied. `shape` is the shape of one sample, as in
    /// [`ColumnSpec::shape`].
    ///
    /// # Errors
    /// A split without samples, numbers of values and labels that do not match, a label at or above `classes`, a value
    /// that is not finite, or splits of different types.
    pub fn from_arrays(
        name: &str,
        classes: usize,
        shape: &[usize],
        train: Arrays<'_>,
        test: Arrays<'_>,
    ) -> Result<Dataset, DataError> {
        check_classes(classes)?;
        let scale = match train.inputs {
            InputValues::U8(_) => 255.0,
            InputValues::F32(_) => 1.0,
        };
        let train = array_split(TRAIN, classes, shape, train)?;
        let test = array_split(TEST, classes, shape, test)?;
        Dataset::from_splits(name, vec![Task::label(classes)], scale, train, test)
    }

    /// A dataset from splits with any number of inputs and target columns; every input is divided by `scale`, and each task
    /// names the target column that it reads.
    ///
    /// # Errors
    /// A split without samples, a column of another length than its split, splits with different columns, no task, a task
    /// whose column does not exist or does not fit its kind, two tasks of one name, a value that is not finite, or a scale
    /// that is not above 0.
    pub fn from_splits(
        name: &str,
        tasks: Vec<Task>,
        scale: f64,
        train: Split,
        test: Split,
    ) -> Result<Dataset, DataError> {
        if !(scale.is_finite() && scale > 0.0) {
            return Err(DataError::BadScale { scale });
        }
        check_split(TRAIN, &train)?;
        check_split(TEST, &test)?;
        check_tasks(&tasks, &train, &test)?;
        check_columns(&train.inputs, &test.inputs)?;
        check_columns(&train.targets, &test.targets)?;

        let inputs = train.inputs.iter();
        let normalisation = inputs
            .map(|column| Normalisation::of(column, scale))
            .collect();
        let mut hash = Sha256::new();
        for column in train.columns().chain(test.columns()) {
            column.bytes.pass(1, |bytes| hash.update(bytes));
        }
        let sha256 = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        Ok(Dataset::from_checked(
            name,
            tasks,
            normalisation,
            sha256,
            train,
            test,
        ))
    }

    /// A dataset from splits that were checked before, with the normalisation and checksum that were found then.
    pub(super) fn from_checked(
        name: &str,
        tasks: Vec<Task>,
        normalisation: Vec<Normalisation>,
        sha256: String,
        train: Split,
        test: Split,
    ) -> Dataset {
        let several = tasks.len() > 1;
        let notes = tasks
            .iter()
            .filter_map(|task| empty_classes(task, several, &train));
        Dataset {
            name: name.into(),
            source: "arrays".into(),
            licence: "not stated".into(),
            notes: notes.collect(),
            train,
            test,
            tasks,
            parts: Parts::default(),
            normalisation,
            sha256,
        }
    }

    /// Outputs of the default task: its number of classes, where it has classes.
    pub fn classes(&self) -> usize {
        self.tasks.first().map_or(0, |task| task.kind.outputs())
    }

    /// The task of a name.
    ///
    /// # Errors
    /// [`DataError::UnknownTask`].
    pub fn task(&self, name: &str) -> Result<&Task, DataError> {
        let found = self.tasks.iter().find(|task| task.name == name);
        found.ok_or_else(|| DataError::UnknownTask {
            name: name.into(),
            data: self.name.clone(),
            tasks: self
                .tasks
                .iter()
                .map(|t| t.name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        })
    }

    /// Adds a task with classes whose label of a sample is `derive` of its label in target column `from`. The checksum stays
    /// that of the data the task is derived from.
    pub(super) fn derive_task(
        &mut self,
        name: &str,
        from: usize,
        classes: usize,
        derive: impl Fn(u8) -> u8,
    ) {
        let target = self.train.targets.len();
        for split in [&mut self.train, &mut self.test] {
            let labels = &split.targets[from];
            let bytes = labels.values().map(|label| derive(label as u8)).collect();
            split.targets.push(Column {
                spec: ColumnSpec {
                    name: name.into(),
                    dtype: Dtype::U8,
                    shape: vec![],
                },
                bytes,
            });
        }
        self.tasks
            .push(Task::new(name, target, TaskKind::Classes(classes)));
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
        InputValues::U8(values) => (Dtype::U8, values.len(), values.into()),
        InputValues::F32(values) => (
            Dtype::F32,
            values.len(),
            values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ),
    };
    let spec = ColumnSpec {
        name: "input".into(),
        dtype,
        shape: shape.to_vec(),
    };
    let elements = spec.elements();
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
    // Every label is below `classes`, which is at most 65,536.
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
    let input = Column { spec, bytes };
    let target = Column {
        spec: ColumnSpec {
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

fn check_split(place: &str, split: &Split) -> Result<(), DataError> {
    if split.len == 0 {
        return Err(DataError::NoSamples {
            place: place.into(),
        });
    }
    for column in split.columns() {
        let of = format!("{place}, column \"{}\"", column.spec.name);
        if column.spec.elements() == 0 {
            let shape = column.spec.shape.clone();
            return Err(DataError::BadShape {
                place: of,
                shape,
                wanted: "dimensions above 0",
            });
        }
        let expected = split.len.saturating_mul(column.spec.sample_bytes());
        if column.bytes.len() != expected {
            return Err(DataError::ColumnSize {
                place: of,
                unit: "bytes",
                found: column.bytes.len(),
                expected,
            });
        }
        check_finite(&of, column)?;
        column.bytes.release(0..column.bytes.len());
    }
    Ok(())
}

fn check_tasks(tasks: &[Task], train: &Split, test: &Split) -> Result<(), DataError> {
    if tasks.is_empty() {
        return Err(DataError::NoTask);
    }
    for (at, task) in tasks.iter().enumerate() {
        if tasks[..at].iter().any(|other| other.name == task.name) {
            return Err(DataError::TwoTasks {
                name: task.name.clone(),
            });
        }
        task.check(TRAIN, train)?;
        task.check(TEST, test)?;
    }
    Ok(())
}

fn check_columns(train: &[Column], test: &[Column]) -> Result<(), DataError> {
    let list = |columns: &[Column]| {
        if columns.is_empty() {
            return "no column".to_owned();
        }
        columns
            .iter()
            .map(|c| c.spec.to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    if train
        .iter()
        .map(|c| &c.spec)
        .eq(test.iter().map(|c| &c.spec))
    {
        return Ok(());
    }
    Err(DataError::SplitsDiffer {
        train: list(train),
        test: list(test),
    })
}

/// The most classes that a note names.
const NAMED_CLASSES: usize = 5;

/// Which classes of a task have no training sample; among several tasks it is named.
fn empty_classes(task: &Task, several: bool, train: &Split) -> Option<String> {
    let classes = task.kind.outputs();
    let empty: Vec<String> = task
        .empty_classes(train)
        .iter()
        .map(usize::to_string)
        .collect();
    let named = empty.get(..NAMED_CLASSES).unwrap_or(&empty).join(", ");
    let more = if empty.len() > NAMED_CLASSES {
        ", ..."
    } else {
        ""
    };
    let hint = match empty.as_slice() {
        [] => return None,
        [only] if only == "0" => "; labels count from 0",
        _ => "",
    };
    let count = empty.len();
    let of = match several {
        true => format!(" of task {}", task.name),
        false => String::new(),
    };
    Some(format!(
        "{count} of {classes} classes{of} have no training sample ({named}{more}){hint}"
    ))
}

/// Checks that every label is in `first..first + classes`.
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

/// Checks that no value is infinite or NaN.
pub(super) fn check_finite(place: &str, column: &Column) -> Result<(), DataError> {
    if column.spec.dtype.is_integer() {
        return Ok(());
    }
    match column.values().position(|v| !v.is_finite()) {
        Some(at) => Err(DataError::NonFinite {
            place: place.into(),
            sample: at / column.spec.elements().max(1),
        }),
        None => Ok(()),
    }
}
