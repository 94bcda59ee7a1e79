//! Whether a table's numbers have decimal points or commas.

use super::columns::Columns;
use super::error::LogError;
use super::options::LogOptions;
use super::sample::{Sampled, shown, taken};
use crate::energy::cell::decimal::{Decimal, Evidence, evidence};
use crate::energy::cell::digits;

/// As the numbers of the column show, or else those of other columns; an error where `185,123` could be both.
pub fn decimal(
    sample: &Sampled,
    columns: &Columns,
    names: &[String],
    options: &LogOptions,
) -> Result<Decimal, LogError> {
    if let Some(decimal) = options.decimal {
        return Ok(decimal);
    }
    let (mut of_column, mut of_others, mut unclear) = (None, None, None);
    for (line, row) in sample
        .rows
        .iter()
        .filter(|(_, row)| taken(row, &columns.rows))
    {
        for (at, cell) in row.iter().enumerate() {
            let text = std::str::from_utf8(cell).ok();
            let shown = text
                .and_then(digits)
                .and_then(|(digits, _)| evidence(digits));
            match (shown, at == columns.value) {
                (None, _) | (Some(Evidence::Unclear), false) => {}
                (Some(Evidence::Unclear), true) => unclear = unclear.or(Some((*line, cell))),
                // One comma shows more than many numbers that happen to have none.
                (Some(Evidence::Of(shown)), own) => {
                    let known = if own { &mut of_column } else { &mut of_others };
                    if *known != Some(Decimal::Comma) {
                        *known = Some(shown);
                    }
                }
            }
        }
    }
    match (of_column, of_others, unclear) {
        (Some(decimal), ..) => Ok(decimal),
        (None, Some(Decimal::Comma), _) => Ok(Decimal::Comma),
        (None, _, None) => Ok(Decimal::Point),
        // Points elsewhere do not make this comma a separator of thousands: programs print columns differently.
        (None, _, Some((line, cell))) => Err(LogError::UnclearComma {
            column: names[columns.value].clone(),
            cell: shown(cell),
            line,
        }),
    }
}
