//! Errors of datasets: one sentence each, what failed and where, then what to do.
use std::path::PathBuf;

/// Why a dataset could not be read, built or divided.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// Neither a known name nor an existing folder.
    #[error(
        "data folder {path:?} does not exist: give a data folder, \"auto\", \"digits\", \"fashion-mnist\" or \"synthetic\""
    )]
    NoFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A file where a folder is needed.
    #[error("{path:?} is a file, not a folder: give the folder that contains the four IDX files")]
    NotAFolder {
        /// The file.
        path: PathBuf,
    },
    /// A class of `--classes` is not one of the data set, or is listed twice.
    #[error(
        "cannot select class {class} of {data:?}: list each class once, from 0 to {}", classes - 1
    )]
    NoClass {
        /// The class.
        class: usize,
        /// Number of classes.
        classes: usize,
        /// Name of the data set.
        data: String,
    },
    /// Classes are selected from a data set without classes.
    #[error("{data:?} has no classes to select: leave --classes out")]
    NoClasses {
        /// Name of the data set.
        data: String,
    },
    /// A file or folder cannot be read.
    #[error("cannot read {path:?} ({source}): check the path and its permissions")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A file of a dataset is missing.
    #[error(
        "{file}{} is missing in data folder {folder:?}: add it or give another folder",
        if file.contains("idx") { " (plain or with .gz)" } else { "" }
    )]
    MissingFile {
        /// The folder.
        folder: PathBuf,
        /// The file's name.
        file: String,
    },
    /// The folder contains several datasets, as EMNIST's does.
    #[error(
        "data folder {folder:?} contains several datasets ({sets}): choose one, such as {example:?}"
    )]
    SeveralSets {
        /// The folder.
        folder: PathBuf,
        /// Their names, separated by commas.
        sets: String,
        /// The path of the first one.
        example: PathBuf,
    },
    /// Several folders below the given one contain a dataset.
    #[error(
        "several folders below {folder:?} contain a dataset ({}): choose one, such as {example:?}",
        found.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    SeveralFolders {
        /// The folder.
        folder: PathBuf,
        /// Those below it.
        found: Vec<PathBuf>,
        /// The first of them.
        example: PathBuf,
    },
    /// The gzip stream ends early.
    #[error("{path:?} is truncated (its gzip stream ends early): download it again")]
    TruncatedGz {
        /// The file.
        path: PathBuf,
    },
    /// The gzip stream is damaged.
    #[error("the gzip stream of {path:?} is damaged ({source}): download it again")]
    CorruptGz {
        /// The file.
        path: PathBuf,
        /// The decoder's reason.
        source: std::io::Error,
    },
    /// Not an IDX file, by its first four bytes.
    #[error(
        "{path:?} is not an IDX file (it starts with {found:02x?} instead of 00 00, an element type and 1 to 8 \
         dimensions): replace it with the original file"
    )]
    BadMagic {
        /// The file.
        path: PathBuf,
        /// The first bytes, at most four.
        found: Vec<u8>,
    },
    /// The file is shorter than its header says.
    #[error(
        "{path:?} is truncated (it has {found} bytes, its header states {expected}): download it again"
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes by the header, header included.
        expected: u64,
        /// Bytes found.
        found: u64,
    },
    /// The file is longer than its header says.
    #[error(
        "{path:?} has more than the {expected} bytes that its header states: download it again"
    )]
    TrailingBytes {
        /// The file.
        path: PathBuf,
        /// Bytes by the header, header included.
        expected: u64,
    },
    /// Dimensions that do not fit samples or labels.
    #[error("{place} has the wrong dimensions {shape:?}: it needs {wanted}")]
    BadShape {
        /// The file or array.
        place: String,
        /// The dimensions found.
        shape: Vec<usize>,
        /// Which dimensions are needed.
        wanted: &'static str,
    },
    /// No samples.
    #[error("{place} has no samples: add at least one")]
    NoSamples {
        /// The file or array.
        place: String,
    },
    /// Different numbers of samples and labels.
    #[error("{place} has {labels} labels for {samples} samples: give one label per sample")]
    CountMismatch {
        /// The label file or array.
        place: String,
        /// Number of samples.
        samples: usize,
        /// Number of labels.
        labels: usize,
    },
    /// Labels that are not integers.
    #[error("{place} has labels of type {dtype}: convert them to u8, i8, u16, i16 or i32")]
    LabelType {
        /// The label file or array.
        place: String,
        /// The type.
        dtype: super::Dtype,
    },
    /// A label outside the range of the classes.
    #[error(
        "label {label} of sample {sample} in {place} is outside {first} to {last}: correct the label or the number of classes"
    )]
    LabelRange {
        /// The label file or array.
        place: String,
        /// Index of the sample, from 0.
        sample: usize,
        /// The label.
        label: i64,
        /// Lowest valid label.
        first: i64,
        /// Highest valid label.
        last: i64,
    },
    /// An invalid number of classes.
    #[error("the number of classes must be between 1 and 65536, got {classes}: correct it")]
    BadClasses {
        /// The number.
        classes: usize,
    },
    /// No task.
    #[error("a dataset needs at least one task: name the target column to learn")]
    NoTask,
    /// Two tasks of one name.
    #[error("two tasks have the name {name:?}: give each task its own name")]
    TwoTasks {
        /// The name.
        name: String,
    },
    /// A task that the dataset does not have.
    #[error("dataset {data:?} has no task {name:?}: choose from {tasks}")]
    UnknownTask {
        /// The task.
        name: String,
        /// The dataset's name.
        data: String,
        /// The dataset's tasks, separated by commas.
        tasks: String,
    },
    /// A task without its target column.
    #[error("task {task:?} reads target column {target}, but there are {targets}: add the column")]
    NoTarget {
        /// The task.
        task: String,
        /// Index of the column, from 0.
        target: usize,
        /// Number of target columns.
        targets: usize,
    },
    /// A value that is infinite, NaN or too large for f32.
    #[error(
        "sample {sample} in {place} has a value that is not a finite f32: replace the value or remove the sample"
    )]
    NonFinite {
        /// The file or array.
        place: String,
        /// Index of the sample, from 0.
        sample: usize,
    },
    /// Splits with different columns.
    #[error(
        "the test split has {test}, but the training split has {train}: give both the same columns"
    )]
    SplitsDiffer {
        /// Columns of the training split.
        train: String,
        /// Columns of the test split.
        test: String,
    },
    /// A column of the wrong length.
    #[error(
        "{place} has {found} {unit} instead of {expected}: give one value for each element of each sample"
    )]
    ColumnSize {
        /// The column or array.
        place: String,
        /// `bytes` or `values`.
        unit: &'static str,
        /// Number found.
        found: usize,
        /// Number needed.
        expected: usize,
    },
    /// An invalid scale.
    #[error("the scale must be a finite number above 0, got {scale}: correct it")]
    BadScale {
        /// The scale.
        scale: f64,
    },
    /// A sample larger than a shard may be.
    #[error(
        "one sample of column {column:?} has {bytes} bytes, more than the shard limit of {limit}: use smaller samples \
         or a device with a larger binding limit"
    )]
    SampleAboveLimit {
        /// The column's name.
        column: String,
        /// Bytes of one sample, rounded up to a multiple of 4.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A shard of another column.
    #[error(
        "shard of bytes {start} to {end} is outside column {column:?} of {len} bytes: use the shards of the column itself"
    )]
    ForeignShard {
        /// The column's name.
        column: String,
        /// First byte.
        start: usize,
        /// One past the last byte.
        end: usize,
        /// Bytes of the column.
        len: usize,
    },
    /// Fashion-MNIST was not found.
    #[error(
        "Fashion-MNIST was not found (searched {searched}): install Debian's dataset-fashion-mnist, set WATTGRAD_DATA to its folder, or use \"digits\""
    )]
    NoFashionMnist {
        /// The locations, separated by commas.
        searched: String,
    },
    /// The folder found for Fashion-MNIST contains other data.
    #[error(
        "{path:?} does not contain the original Fashion-MNIST: replace the files, or use the folder itself as the dataset"
    )]
    NotFashionMnist {
        /// The folder.
        path: PathBuf,
    },
    /// `WATTGRAD_DATA` names no complete dataset.
    #[error(
        "WATTGRAD_DATA is {path:?}, which contains no complete dataset ({note}): correct or unset it"
    )]
    BadEnvironment {
        /// The folder.
        path: PathBuf,
        /// What is missing.
        note: String,
    },
    /// A folder without files of a known format.
    #[error(
        "{path:?} contains no dataset of a known format: give IDX files, CIFAR, CelebA, PAMAP2, .ts files, arrays (.npz, .npy, .safetensors) or image folders (train/CLASS/*.jpg), as docs/data.md describes"
    )]
    UnknownFormat {
        /// The folder or file.
        path: PathBuf,
    },
    /// A file that cannot be used.
    #[error("{path:?} {what}: {fix}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, as a predicate.
        what: String,
        /// What to do.
        fix: &'static str,
    },
    /// A line of a file that cannot be used.
    #[error("{path:?}, line {line}: {what}: {fix}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        what: String,
        /// What to do.
        fix: &'static str,
    },
    /// An array is missing in a file or folder of arrays.
    #[error("{path:?} has no array {name} (it has {found}): add it")]
    MissingArray {
        /// The file or folder.
        path: PathBuf,
        /// The name.
        name: String,
        /// Names of its arrays.
        found: String,
    },
    /// The cache of decoded images cannot be written.
    #[error(
        "cannot write the decoded images to {path:?} ({source}): free space there or make the folder read-only"
    )]
    Cache {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// An option that does not concern the format.
    #[error("--{flag} does not apply to {data}: leave it out")]
    UnusedOption {
        /// The flag.
        flag: &'static str,
        /// The data.
        data: String,
    },
    /// An option that must be above 0.
    #[error("--{flag} must be at least 1, got 0: correct it")]
    ZeroOption {
        /// The flag.
        flag: &'static str,
    },
    /// An unknown way to divide the samples.
    #[error("unknown split {given:?}: choose from {known}")]
    UnknownSplit {
        /// The name.
        given: String,
        /// The known ones.
        known: &'static str,
    },
    /// Options of synthetic data that cannot be.
    #[error(
        "invalid options of synthetic data ({why}): correct them, as in synthetic:classes=10,samples=10000,shape=1x16x16,accuracy=0.9"
    )]
    Synthetic {
        /// What is wrong.
        why: String,
    },
}
