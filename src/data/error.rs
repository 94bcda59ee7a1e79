//! What can go wrong with data, each as one sentence: what, where, and how to mend it.
use std::path::PathBuf;

/// Why a data set could not be read, built or divided.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// Neither a known name nor a folder that exists.
    #[error(
        "there is no data folder {path:?}: name a folder of IDX files, or one of \"auto\", \"digits\" and \"fashion-mnist\""
    )]
    NoFolder {
        /// The folder as asked for.
        path: PathBuf,
    },
    /// The path is a file where a folder of four is needed.
    #[error("{path:?} is a file, not a data folder: name the folder that holds the four IDX files")]
    NotAFolder {
        /// The file as asked for.
        path: PathBuf,
    },
    /// The system refused to read a file or folder.
    #[error("cannot read {path:?} ({source}): check that the file exists and that you may read it")]
    Io {
        /// What was read.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// One of a folder's four files is not there.
    #[error(
        "the data folder {folder:?} lacks {file} (or the same name with .gz): put the file there"
    )]
    MissingFile {
        /// The folder.
        folder: PathBuf,
        /// The name that was looked for.
        file: String,
    },
    /// The folder holds several sets, as EMNIST's does.
    #[error("the data folder {folder:?} holds several sets ({sets}): name one, as in {example:?}")]
    SeveralSets {
        /// The folder.
        folder: PathBuf,
        /// The prefixes found, separated by commas.
        sets: String,
        /// A path that chooses the first.
        example: PathBuf,
    },
    /// The gzip stream ends early.
    #[error("{path:?} is cut short (its gzip stream ends early): fetch the file again")]
    TruncatedGz {
        /// The file.
        path: PathBuf,
    },
    /// The gzip stream is damaged.
    #[error("{path:?} is damaged ({source}): fetch the file again")]
    CorruptGz {
        /// The file.
        path: PathBuf,
        /// What the decoder met.
        source: std::io::Error,
    },
    /// The first four bytes are not those of an IDX file.
    #[error(
        "{path:?} is not an IDX file (it starts with {found:02x?}, not with 00 00, an element type and 1 to 8 dimensions): put the original file there"
    )]
    BadMagic {
        /// The file.
        path: PathBuf,
        /// Its first bytes, at most four.
        found: Vec<u8>,
    },
    /// The file holds fewer bytes than its header announces.
    #[error(
        "{path:?} is cut short ({found} of the {expected} bytes its header announces): fetch the file again"
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes announced, header included.
        expected: u64,
        /// Bytes found.
        found: u64,
    },
    /// The file holds more bytes than its header announces.
    #[error(
        "{path:?} goes on after the {expected} bytes its header announces: fetch the file again"
    )]
    TrailingBytes {
        /// The file.
        path: PathBuf,
        /// Bytes announced, header included.
        expected: u64,
    },
    /// Dimensions that cannot be images, or labels.
    #[error(
        "{place} has dimensions {shape:?}, where {wanted} are needed: put a file of that kind there"
    )]
    BadShape {
        /// The file or array.
        place: String,
        /// The dimensions found.
        shape: Vec<usize>,
        /// What is needed.
        wanted: &'static str,
    },
    /// No sample at all.
    #[error("{place} holds no sample: give at least one")]
    NoSamples {
        /// The file or array.
        place: String,
    },
    /// Inputs and targets that differ in number.
    #[error("{place} holds {labels} labels for {samples} samples: give one label for each sample")]
    CountMismatch {
        /// The label file or array.
        place: String,
        /// Number of samples.
        samples: usize,
        /// Number of labels.
        labels: usize,
    },
    /// Labels that are not whole numbers.
    #[error(
        "{place} holds labels of type {dtype}: class labels must be whole numbers (u8, i8, u16, i16 or i32)"
    )]
    LabelType {
        /// The label file or array.
        place: String,
        /// Its type.
        dtype: super::Dtype,
    },
    /// A label that names no class.
    #[error(
        "{place}, sample {sample}: label {label} is not one of {first} to {last}; correct the label or the number of classes"
    )]
    LabelRange {
        /// The label file or array.
        place: String,
        /// Which sample, from 0.
        sample: usize,
        /// Its label.
        label: i64,
        /// Lowest label allowed.
        first: i64,
        /// Highest label allowed.
        last: i64,
    },
    /// A number of classes of 0 or above 65,536.
    #[error("a data set of {classes} classes cannot be: give 1 to 65536")]
    BadClasses {
        /// The number given.
        classes: usize,
    },
    /// A value that is no finite number (or does not fit f32).
    #[error(
        "{place}, sample {sample}: a value is not a finite 32-bit number; replace it or leave the sample out"
    )]
    NonFinite {
        /// The file or array.
        place: String,
        /// Which sample, from 0.
        sample: usize,
    },
    /// Training and test part that do not fit together.
    #[error(
        "the test part has {test} where the training part has {train}: give both parts the same columns"
    )]
    PartsDiffer {
        /// The training part's field.
        train: String,
        /// The test part's field.
        test: String,
    },
    /// A column whose bytes are not the samples its field says.
    #[error(
        "{place} holds {found} {unit}, where {expected} are needed: give exactly one value for each element of each sample"
    )]
    ColumnSize {
        /// The column or array.
        place: String,
        /// What is counted.
        unit: &'static str,
        /// How many there are.
        found: usize,
        /// How many are needed.
        expected: usize,
    },
    /// A scale that cannot divide values.
    #[error("a scale of {scale} cannot divide values: give a finite number above 0")]
    BadScale {
        /// The scale given.
        scale: f64,
    },
    /// One sample is larger than a shard may be.
    #[error(
        "one sample of \"{field}\" takes {bytes} bytes, above the limit of {limit} bytes for a shard: use smaller samples or a device with a larger binding limit"
    )]
    SampleAboveLimit {
        /// The field's name.
        field: String,
        /// Bytes of one sample, rounded up to a multiple of 4.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A shard cut from another column.
    #[error(
        "a shard of bytes {start} to {end} lies outside column \"{field}\" of {len} bytes: take shards from the column itself"
    )]
    ForeignShard {
        /// The field's name.
        field: String,
        /// First byte.
        start: usize,
        /// One past the last byte.
        end: usize,
        /// Bytes of the column.
        len: usize,
    },
    /// Fashion-MNIST was asked for and is nowhere.
    #[error(
        "Fashion-MNIST was not found (looked at {looked}): install Debian's dataset-fashion-mnist, set WATTGRAD_DATA to a folder that holds it, or take \"digits\""
    )]
    NoFashionMnist {
        /// The places, separated by commas.
        looked: String,
    },
    /// Fashion-MNIST was asked for and the folder holds something else.
    #[error(
        "{path:?} holds other data than Fashion-MNIST: put the original files there, or name the folder itself as the data set"
    )]
    NotFashionMnist {
        /// The folder.
        path: PathBuf,
    },
    /// `WATTGRAD_DATA` is set to something that cannot be used.
    #[error("WATTGRAD_DATA is {path:?}, which is no data set ({note}): correct or unset it")]
    BadEnvironment {
        /// Its value.
        path: PathBuf,
        /// What is wrong with it.
        note: String,
    },
}
