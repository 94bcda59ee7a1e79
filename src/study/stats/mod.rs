//! Statistics of a study: what its runs say of its cells, and how sure that is. Pure functions of costs, in whatever
//! unit the study counts; nothing here reads a file, a clock or a source of chance (what is drawn is drawn from a seed).
//!
//! A cell is a slice of [`Trial`]s, one for each seed. `docs/study-statistics.md` has the reasons and the simulations.

mod compare;
mod extremes;
mod interval;
mod log_cost;
mod pareto;
mod reference;
mod spread;
mod studentized_range;
mod trial;

pub use compare::{Comparison, Contrast, NoClaim, Ratio, Verdict, compare};
pub use extremes::{ByChance, Confirmed, Extremes, confirmed_ratio, extremes};
pub use interval::{BOOTSTRAP_FROM, CONFIDENCE, Interval, cost_interval};
pub use pareto::pareto_front;
pub use reference::{Named, holm, versus_reference};
pub use spread::{Spread, SpreadSource, StudySpread, cell_spread};
pub use studentized_range::StudentizedRange;
pub use trial::{
    End, InvalidCost, Median, Trial, expected_cost, geometric_mean, median, restricted_mean,
    success_share, tau,
};
