//! The table of regimes in one cost, which terminal, page and Markdown show.

use super::display_unit::{DisplayUnit, digits};
use super::words::{State, counted, derivation, order, reached};
use crate::study::analysis::{Analysis, CellCost, CostReport};
use crate::study::stats::{Median, SpreadSource};

/// A column with a text for each regime in [`Summary::order`].
pub(super) struct Column {
    pub head: String,
    pub texts: Vec<String>,
    /// Only the page has room for it.
    pub page_only: bool,
}

/// The regimes in one cost.
pub(super) struct Summary {
    pub unit: DisplayUnit,
    /// Cells, the cheapest first.
    pub order: Vec<usize>,
    pub columns: Vec<Column>,
    /// What the columns mean, one phrase each.
    pub notes: Vec<String>,
}

/// Head of the column of restricted means.
pub(super) const RESTRICTED: &str = "restricted";

impl Summary {
    /// The texts of a row.
    pub fn texts(&self, row: usize) -> Vec<&str> {
        let columns = self.columns.iter();
        columns.map(|column| column.texts[row].as_str()).collect()
    }

    /// With a single run per regime its cost is expected cost, mean and median at once, and has one column.
    pub fn of(analysis: &Analysis, cost: &CostReport) -> Self {
        let unit = DisplayUnit::for_cost(cost);
        let order = order(analysis, cost);
        let several = cost.cells.iter().any(|cell| cell.trials.len() > 1);
        let any = |has: fn(&CellCost) -> bool| cost.cells.iter().any(has);
        let mut columns = Vec::new();
        let mut add =
            |shown: bool, page_only: bool, head: String, text: &dyn Fn(&CellCost) -> String| {
                if shown {
                    let texts = order.iter().map(|at| text(&cost.cells[*at])).collect();
                    columns.push(Column {
                        head,
                        texts,
                        page_only,
                    });
                }
            };
        let amount = |value: Option<f64>| value.map_or_else(String::new, |value| unit.show(value));
        let what = if several {
            "expected"
        } else {
            cost.kind.noun()
        };
        let head = format!("{what}, {}", unit.symbol);
        add(true, false, head, &|cell| State::of(cell).show(&unit));
        add(several, true, "geometric mean".into(), &|cell| {
            amount(cell.geometric_mean)
        });
        let intervals = any(|cell| cell.interval.is_some());
        add(intervals, false, "95 % CI".into(), &|cell| {
            let interval = cell.interval;
            interval.map_or_else(String::new, |i| unit.interval(i.low, i.high))
        });
        add(several, false, "reached".into(), &reached);
        add(several, false, "median".into(), &|cell| match cell.median {
            Some(Median::Value(value)) => unit.show(value),
            Some(Median::OverBudget) => "over".into(),
            None => String::new(),
        });
        add(several, false, RESTRICTED.into(), &|cell| {
            amount(cell.restricted_mean)
        });
        add(
            several && any(|cell| cell.spread.is_some()),
            true,
            "sd of log".into(),
            &|cell| {
                cell.spread
                    .map_or_else(String::new, |spread| digits(spread.sd))
            },
        );
        let confirmed = any(|cell| cell.confirmed.is_some());
        add(confirmed, false, "confirmed".into(), &|cell| {
            let share = cell.confirmed;
            share.map_or_else(String::new, |share| analysis.target.metric.show(share))
        });

        let mut notes = Vec::new();
        notes.push(match (several, intervals) {
            (true, _) => {
                "expected: the cost of all runs divided by the number that reached the target"
            }
            (false, true) => "one seed",
            (false, false) => "one seed, no interval",
        });
        let replicates = matches!(cost.spread, Some((_, SpreadSource::Replicates)));
        notes.extend(match (intervals, replicates) {
            (true, true) => Some("95 % CI: from the spread of the reference regime's replicates"),
            (true, false) => {
                Some("95 % CI: of the geometric mean, where every run reached the target")
            }
            (false, _) => None,
        });
        notes.extend(confirmed.then_some("confirmed: on the confirming half of the test set"));
        let mut notes: Vec<String> = notes.into_iter().map(str::to_owned).collect();
        notes.extend(derivation(cost).map(|how| format!("joules: {how}")));
        if cost.unranked > 0 {
            let runs = counted(cost.unranked, "run");
            notes.push(format!(
                "{runs} not ranked because other work ran on the machine"
            ));
        }
        Self {
            unit,
            order,
            columns,
            notes,
        }
    }
}
