//! Carbon and money of measured joules, from factors that the user gives.

use std::str::FromStr;

use serde::Serialize;

use crate::energy::Status;
use crate::study::analysis::{CostKind, CostReport};
use crate::study::stats::Interval;

const JOULES_PER_KWH: f64 = 3.6e6;

/// What a kilowatt hour means in another quantity, with its origin.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Factor {
    /// `g CO2e`, or a currency.
    pub unit: String,
    pub per_kwh: f64,
    pub source: String,
    /// As the user writes it.
    pub date: String,
}

impl FromStr for Factor {
    type Err = String;

    /// `0.28 EUR, supplier contract, 2026-01-01`: a number with its unit, the source, and the date after the last comma.
    fn from_str(text: &str) -> Result<Self, String> {
        let form =
            "write NUMBER UNIT, SOURCE, DATE, such as \"363 g, Ember Germany 2024, 2025-05-08\"";
        let parts = text
            .split_once(',')
            .and_then(|(amount, rest)| Some((amount, rest.rsplit_once(',')?)));
        let Some((amount, (source, date))) = parts else {
            return Err(format!("{text:?} has no source and date: {form}"));
        };
        let (number, unit) = amount.trim().split_once(' ').unwrap_or((amount.trim(), ""));
        let per_kwh = number.parse::<f64>().ok();
        let per_kwh = per_kwh.filter(|value| value.is_finite() && *value >= 0.0);
        let Some(per_kwh) = per_kwh else {
            return Err(format!("{number:?} is not an amount per kWh: {form}"));
        };
        let fields = [unit, source, date].map(str::trim);
        if fields.iter().any(|field| field.is_empty()) {
            return Err(format!("{text:?} lacks a unit, a source or a date: {form}"));
        }
        let [unit, source, date] = fields.map(str::to_owned);
        Ok(Self {
            unit,
            per_kwh,
            source,
            date,
        })
    }
}

/// The measured joules of a cost in another quantity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Footprint {
    pub factor: Factor,
    pub kind: CostKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    pub cells: Vec<FootprintCell>,
}

/// One regime.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FootprintCell {
    /// Index of the cell.
    pub cell: usize,
    /// Of its expected cost.
    pub amount: f64,
    /// The interval of its geometric mean; the factor itself has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

impl Footprint {
    /// `None` for other costs than measured joules.
    pub(super) fn of(cost: &CostReport, factor: &Factor) -> Option<Self> {
        let CostKind::Energy { status, .. } = &cost.kind else {
            return None;
        };
        let amount = |joules: f64| joules / JOULES_PER_KWH * factor.per_kwh;
        let cells = cost.cells.iter().enumerate();
        let cells = cells.filter_map(|(cell, own)| {
            Some(FootprintCell {
                cell,
                amount: amount(own.expected?),
                interval: own.interval.map(|i| Interval {
                    low: amount(i.low),
                    high: amount(i.high),
                }),
            })
        });
        (*status == Status::Measured).then(|| Self {
            factor: factor.clone(),
            kind: cost.kind.clone(),
            threshold: cost.threshold,
            cells: cells.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_have_a_unit_a_source_and_a_date() {
        let factor: Factor = "363 g, Ember, Germany, 2025-05-08".parse().unwrap();
        assert_eq!((factor.per_kwh, factor.unit.as_str()), (363.0, "g"));
        assert_eq!(
            (factor.source.as_str(), factor.date.as_str()),
            ("Ember, Germany", "2025-05-08")
        );
        for wrong in [
            "363",
            "363 g",
            "363 g, Ember",
            "g, Ember, 2025",
            "-1 g, Ember, 2025",
            "1, Ember, 2025",
            "1 g,,2025",
        ] {
            assert!(wrong.parse::<Factor>().is_err(), "{wrong}");
        }
    }
}
