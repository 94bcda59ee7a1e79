//! What to take from a log.

use crate::energy::cell::decimal::Decimal;
use crate::energy::cell::time::TimeUnit;
use crate::energy::cell::unit::Unit;

/// What to take from a log; everything absent is found out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogOptions {
    /// Name or number of the column of power or energy.
    pub column: Option<String>,
    /// Its unit.
    pub unit: Option<Unit>,
    /// Whether each row holds the energy since the row before it.
    pub per_row: bool,
    /// Name or number of the column of the time.
    pub time: Option<String>,
    /// How times are written.
    pub time_unit: Option<TimeUnit>,
    /// Rows to take: those whose columns of these names have these values.
    pub rows: Vec<(String, String)>,
    /// Begin of the window: a date, or seconds. By default the first row.
    pub from: Option<String>,
    /// End of the window. By default the last row.
    pub to: Option<String>,
    /// What stands before decimals. By default as the cells show.
    pub decimal: Option<Decimal>,
    /// Seconds over which the sensor averages. By default one row.
    pub averaging: Option<f64>,
    /// Whether a row without a reading within the window is an error.
    pub strict: bool,
    /// Value at which the counter begins again at 0, in its unit.
    pub wraps_at: Option<f64>,
}
