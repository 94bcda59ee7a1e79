//! Why a log gives no energy.
#![allow(missing_docs, reason = "each message documents its variant")]

/// Why a log gives no energy, where, and what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    #[error("the log cannot be read ({0}): check that the file exists and that you may read it")]
    Unreadable(String),
    #[error("the log is empty: choose another file")]
    Empty,
    #[error(
        "the file is not a table: no comma, semicolon, tab or space divides its lines into the same number of cells"
    )]
    NoTable,
    #[error("the file is not a recording: {0}")]
    NoRecording(&'static str),
    #[error("--averaging must be above 0 seconds, got {0}")]
    Averaging(f64),
    #[error("the log has no column {name:?}: choose one of {known}")]
    NoColumn { name: String, known: String },
    #[error("the log has no column of times (columns: {known}): name it with --time COLUMN")]
    NoTime { known: String },
    #[error(
        "the log has no column of power or energy that can be recognized (columns: {known}): name it with --column COLUMN --unit UNIT"
    )]
    NoValues { known: String },
    #[error("the log has several columns of power or energy: choose one with --column: {0}")]
    SeveralColumns(String),
    #[error(
        "--unit {given} contradicts column {column:?}, which is in {found}: use --unit {found}"
    )]
    UnitContradicted {
        given: &'static str,
        column: String,
        found: &'static str,
    },
    #[error(
        "--unit {given} is a unit of {is}, but column {column:?} contains {holds}: use another unit or column"
    )]
    KindContradicted {
        given: &'static str,
        is: &'static str,
        column: String,
        holds: &'static str,
    },
    #[error(
        "the unit of the times in column {column:?} is unclear (they advance by {step} per row): use --time-unit s, \
         ms, us or ns"
    )]
    TimeUnitUnknown { step: String, column: String },
    #[error(
        "the time {cell:?} in column {column:?} does not fit --time-unit {given}: it looks like {found}"
    )]
    TimeUnitContradicted {
        cell: String,
        column: String,
        given: &'static str,
        found: &'static str,
    },
    #[error(
        "the time {cell:?} in column {column:?} on line {line} cannot be read as {unit}: use --time COLUMN or --time-unit UNIT"
    )]
    TimeUnreadable {
        cell: String,
        column: String,
        line: u64,
        unit: &'static str,
    },
    #[error(
        "the log contains several devices, identified by column {column:?}: choose one with --where {column}={first} \
         (values: {values})"
    )]
    SeveralDevices {
        column: String,
        first: String,
        values: String,
    },
    #[error(
        "the log has {rows} rows at each time, as from {rows} devices, and no column \
         identifies the device (line {line}): record each device in a separate file"
    )]
    SeveralLevels { rows: usize, line: u64 },
    #[error(
        "column {column:?} reads {cell:?} on line {line}, which has a decimal comma or a thousands separator: use \
         --decimal , or --decimal ."
    )]
    UnclearComma {
        column: String,
        cell: String,
        line: u64,
    },
    #[error("--where: no row has {column}={value}: choose one of {known}")]
    NoRows {
        column: String,
        value: String,
        known: String,
    },
    #[error(
        "column {column:?} reads {cell:?} on line {line}, which is not a possible {what}: remove the row, or choose a window without it (--from, --to)"
    )]
    Impossible {
        column: String,
        cell: String,
        line: u64,
        what: &'static str,
    },
    #[error(
        "the clock of the log went back by {by} at {at} (line {line}){cause}: choose a window that ends before it (--to) or begins after it (--from)"
    )]
    ClockBack {
        by: String,
        at: String,
        line: u64,
        cause: &'static str,
    },
    #[error(
        "the counter fell from {before} to {after} {unit} at {at} (line {line}): if it wraps, give the wrap value \
         with --wraps-at; if it was reset, choose a window before or after the reset (--from, --to)"
    )]
    CounterFell {
        before: f64,
        after: f64,
        unit: &'static str,
        at: String,
        line: u64,
    },
    #[error(
        "line {line} has {cell:?} instead of a reading in column {column:?}, which --strict does not allow: remove \
         the row or --strict"
    )]
    Strict {
        line: u64,
        column: String,
        cell: String,
    },
    #[error(
        "{flag} {at} is {side} row of the log at {row}: the window is given in times of the log"
    )]
    Outside {
        flag: &'static str,
        at: String,
        side: &'static str,
        row: String,
    },
    #[error("--from {from} is not before --to {to}: the window ends after it begins")]
    Reversed { from: String, to: String },
    #[error("the unit of column {0:?} is not stated or not known: use --unit UNIT")]
    UnitUnknown(String),
    #[error(
        "the times of column {column:?}, such as {cell:?}, may be hours and minutes or minutes and seconds: write them \
         with hours, as in 09:15:00"
    )]
    ClockUnclear { column: String, cell: String },
    #[error(
        "the dates of column {column:?}, such as {cell:?}, may have the month or the day first: write them as 2026-03-31"
    )]
    DatesUnclear { column: String, cell: String },
    #[error("the columns change on line {line}: split the log there into two files")]
    ColumnsChanged { line: u64 },
    #[error(
        "the counter may have wrapped more than once in {seconds} without a row, before line {line}: choose a window \
         without this gap, or use --wraps-at VALUE with its true range"
    )]
    MayWrap { seconds: String, line: u64 },
    #[error("{flag} does not fit column {column:?}, which contains {holds}: omit the option")]
    Unfit {
        flag: &'static str,
        column: String,
        holds: &'static str,
    },
    #[error(
        "the time {0:?} of --from or --to cannot be read: give seconds, or a date and time as in the log"
    )]
    WindowUnreadable(String),
    #[error("readings in the window: {0}, and at least two are needed: choose a longer window")]
    TooFew(u64),
    #[error(
        "the counter in column {0:?} does not change in the window: choose another column, or a longer window"
    )]
    Still(String),
    #[error(
        "no row for {seconds}, from {from} to {to}, which leaves less than half of the window covered: choose a window without this gap (--from, --to)"
    )]
    Missing {
        seconds: String,
        from: String,
        to: String,
    },
    #[error(
        "{bad} of {all} rows have no time or no reading (first: line {line}): this is not a recording of column {column:?}"
    )]
    MostlyBad {
        bad: u64,
        all: u64,
        line: u64,
        column: String,
    },
}

impl LogError {
    /// Whether other options would do, rather than another file.
    pub fn is_misuse(&self) -> bool {
        matches!(
            self,
            Self::Averaging(_)
                | Self::NoColumn { .. }
                | Self::NoTime { .. }
                | Self::NoValues { .. }
                | Self::SeveralColumns(_)
                | Self::UnitContradicted { .. }
                | Self::KindContradicted { .. }
                | Self::TimeUnitUnknown { .. }
                | Self::TimeUnitContradicted { .. }
                | Self::SeveralDevices { .. }
                | Self::NoRows { .. }
                | Self::ClockBack { .. }
                | Self::CounterFell { .. }
                | Self::Outside { .. }
                | Self::Reversed { .. }
                | Self::Unfit { .. }
                | Self::UnclearComma { .. }
                | Self::UnitUnknown(_)
                | Self::MayWrap { .. }
                | Self::Missing { .. }
                | Self::Still(_)
                | Self::WindowUnreadable(_)
        )
    }
}
