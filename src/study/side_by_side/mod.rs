//! Devices side by side: what the same regimes cost on each, and whether they are ranked alike.

mod answer;
mod open;

pub use open::{OnDevice, open_by_device};

use serde::Serialize;

use super::analysis::{Analysis, Answer, CellCost, CostKind, CostReport, TrialPoint, ranked};
use super::stats::{
    Agreement, Confirmed, End, Interval, Ratio, Trial, cell_spread, confirmed_ratio, cost_interval,
    expected_cost, geometric_mean, kendall,
};
use crate::energy::{Scope, Status};
use crate::train::DeviceRecord;

/// Version of the keys.
const SCHEMA: u32 = 1;

/// A quantity in which devices are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// Measured joules. Only devices whose sensors have one scope are ranked with each other.
    Energy,
    Seconds,
    Samples,
}

/// One device in a comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceCost {
    pub kind: CostKind,
    /// Index of the cost in the device's analysis.
    #[serde(skip)]
    pub cost: usize,
    /// Index of the regime with the lowest cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best: Option<usize>,
    /// Its cost: of runs with fresh seeds if there are any. The geometric mean; if runs failed, the expected cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lowest: Option<f64>,
    /// The 95 % confidence interval of the geometric mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Half-width of the sensor's accuracy interval as a share of the joules, the median of the best regime's runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// The cost of the worst regime over that of the best.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_over_best: Option<Ratio>,
    /// Whether that ratio is of fresh seeds. Otherwise its interval is simultaneous for all regimes.
    pub fresh: bool,
    /// Whether the device is ranked with others.
    pub ranked: bool,
    /// `lowest` over that of the cheapest device it is ranked with. The interval contains the seeds' spread (Welch's t on log
    /// cost) and the accuracy of both sensors, combined as independent errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over_cheapest: Option<Ratio>,
}

/// How two devices agree.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PairAgreement {
    /// Indices of the devices.
    pub devices: [usize; 2],
    /// Of the expected costs of the regimes that reached the target on one of the two at least; without reaching it a
    /// regime is above all others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Agreement>,
    /// On each of the two: the cost of the other one's best regime over that of its own best.
    pub transfer: [Option<Ratio>; 2],
}

/// The devices in one quantity, to the last target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    pub quantity: Quantity,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// One per device; `None` without this quantity.
    pub devices: Vec<Option<DeviceCost>>,
    pub agreement: Vec<PairAgreement>,
    /// Which devices are not ranked with each other, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_ranked: Option<String>,
}

/// A device with the analysis of its runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceReport {
    /// Its name, with what distinguishes it from the others.
    pub label: String,
    pub device: DeviceRecord,
    pub analysis: Analysis,
}

/// The same regimes on several devices.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SideBySide {
    /// Version of these keys.
    pub schema: u32,
    pub name: String,
    pub answer: Answer,
    pub devices: Vec<DeviceReport>,
    /// The first leads: energy if two devices are ranked by it, otherwise time.
    pub comparisons: Vec<Comparison>,
    pub notes: Vec<String>,
}

impl SideBySide {
    /// Compares devices that have the same cells in the same order.
    pub fn new(name: String, devices: Vec<OnDevice>, notes: Vec<String>) -> Self {
        let devices = devices.into_iter().map(|one| DeviceReport {
            label: one.label,
            device: one.device,
            analysis: one.opened.analysis,
        });
        let devices: Vec<DeviceReport> = devices.collect();
        let quantities = [Quantity::Energy, Quantity::Seconds, Quantity::Samples];
        let all = quantities.map(|quantity| Comparison::new(&devices, quantity));
        let mut comparisons: Vec<Comparison> = all
            .into_iter()
            .filter(|one| one.devices.iter().any(Option::is_some))
            .collect();
        // A stable sort: energy, time, samples among those that rank.
        comparisons.sort_by_key(|one| !one.ranks());
        let mut found = Self {
            schema: SCHEMA,
            name,
            answer: Answer::default(),
            devices,
            comparisons,
            notes,
        };
        found.answer = answer::answer(&found);
        found
    }

    /// The cost of device `at` in `comparison`.
    pub fn cost(&self, comparison: &Comparison, at: usize) -> Option<&CostReport> {
        let cost = comparison.devices[at].as_ref()?.cost;
        self.devices[at].analysis.costs.get(cost)
    }

    /// The name of a cell, which is the same on every device.
    pub fn cell(&self, cell: usize) -> String {
        self.devices[0].analysis.cells[cell].name()
    }
}

impl Comparison {
    fn new(devices: &[DeviceReport], quantity: Quantity) -> Self {
        let last = |one: &DeviceReport| one.analysis.target.thresholds.last().copied();
        let scope = common_scope(devices);
        let mut costs: Vec<Option<DeviceCost>> = devices
            .iter()
            .map(|one| DeviceCost::new(&one.analysis, quantity, last(one), scope))
            .collect();
        let not_ranked = rank(devices, &mut costs, quantity);
        let mut agreement = Vec::new();
        for second in 0..devices.len() {
            for first in 0..second {
                agreement.extend(pair(devices, &costs, [first, second]));
            }
        }
        Self {
            quantity,
            threshold: devices.first().and_then(last),
            devices: costs,
            agreement,
            not_ranked,
        }
    }

    /// Whether at least two devices are ranked.
    pub fn ranks(&self) -> bool {
        self.ranked().count() > 1
    }

    /// The ranked devices with their costs.
    pub fn ranked(&self) -> impl Iterator<Item = (usize, &DeviceCost)> {
        let costs = self.devices.iter().enumerate();
        costs.filter_map(|(at, cost)| Some((at, cost.as_ref().filter(|cost| cost.ranked)?)))
    }
}

/// The scope of measured energy that most devices have; of equally frequent ones the one found first.
fn common_scope(devices: &[DeviceReport]) -> Option<Scope> {
    let mut counts: Vec<(Scope, usize)> = Vec::new();
    for one in devices {
        let mut own: Vec<Scope> = Vec::new();
        for cost in &one.analysis.costs {
            if let Some(scope) = measured_scope(&cost.kind).filter(|scope| !own.contains(scope)) {
                own.push(scope);
            }
        }
        for scope in own {
            match counts.iter_mut().find(|known| known.0 == scope) {
                Some(known) => known.1 += 1,
                None => counts.push((scope, 1)),
            }
        }
    }
    let most = counts.iter().map(|known| known.1).max()?;
    counts
        .iter()
        .find(|known| known.1 == most)
        .map(|known| known.0)
}

fn measured_scope(kind: &CostKind) -> Option<Scope> {
    match kind {
        CostKind::Energy { scope, status, .. } if *status == Status::Measured => Some(*scope),
        _ => None,
    }
}

impl DeviceCost {
    /// Of measured energy, preferably of a sensor with `scope`.
    fn new(
        analysis: &Analysis,
        quantity: Quantity,
        threshold: Option<f64>,
        scope: Option<Scope>,
    ) -> Option<Self> {
        let costs = || analysis.costs.iter().enumerate();
        let mut of = costs().filter(|(_, cost)| cost.threshold == threshold);
        let found = match quantity {
            Quantity::Seconds => of.find(|(_, cost)| cost.kind == CostKind::Seconds),
            Quantity::Samples => of.find(|(_, cost)| cost.kind == CostKind::Samples),
            Quantity::Energy => {
                let energy: Vec<_> = of
                    .filter(|(_, cost)| measured_scope(&cost.kind).is_some())
                    .collect();
                let same = |cost: &&(usize, &CostReport)| measured_scope(&cost.1.kind) == scope;
                energy.iter().find(same).or(energy.first()).copied()
            }
        };
        let (at, cost) = found?;
        let best = cost.best.map(|best| best_points(cost, best));
        let trials = best.map(|(points, _)| ranked(points));
        let fresh_ratio = match cost.confirmation.as_ref().map(|fresh| fresh.ratio) {
            Some(Confirmed::Ratio(ratio) | Confirmed::OfExpected(ratio)) => Some(ratio),
            _ => None,
        };
        let joint = || {
            let contrast = cost.cells[cost.worst?].contrast?;
            contrast.ratio.or(cost.extremes)
        };
        Some(Self {
            kind: cost.kind.clone(),
            cost: at,
            best: cost.best,
            lowest: trials.as_deref().and_then(lowest),
            interval: cost.best.zip(trials.as_deref()).and_then(|(best, trials)| {
                interval(&cost.cells[best], trials, best_is_fresh(cost))
            }),
            accuracy: best.and_then(|(points, _)| accuracy(points)),
            worst_over_best: fresh_ratio.or_else(joint),
            fresh: fresh_ratio.is_some(),
            ranked: false,
            over_cheapest: None,
        })
    }
}

/// The points of the best cell, those with fresh seeds if there are any, since the others chose the cell.
fn best_points(cost: &CostReport, best: usize) -> (&[TrialPoint], bool) {
    match &cost.confirmation {
        Some(fresh) if fresh.cost.is_some() => (&fresh.best, true),
        _ => (&cost.cells[best].trials, false),
    }
}

fn best_is_fresh(cost: &CostReport) -> bool {
    cost.best.is_some_and(|best| best_points(cost, best).1)
}

fn lowest(trials: &[Trial]) -> Option<f64> {
    match trials.iter().all(Trial::reached) {
        true => geometric_mean(trials),
        false => expected_cost(trials),
    }
}

fn interval(cell: &CellCost, trials: &[Trial], fresh: bool) -> Option<Interval> {
    if !trials.iter().all(Trial::reached) {
        return None;
    }
    match fresh {
        true => {
            let spread = cell_spread(trials).filter(|spread| spread.sd > 0.0)?;
            cost_interval(trials, spread, 0)
        }
        false => cell.interval,
    }
}

/// The median half-width of the accuracy intervals, as a share of the joules.
fn accuracy(points: &[TrialPoint]) -> Option<f64> {
    let known = points.iter().filter(|point| point.spent > 0.0);
    let halves = known.filter_map(|point| Some(point.accuracy?.half() / point.spent));
    let mut halves: Vec<f64> = halves.collect();
    halves.sort_by(f64::total_cmp);
    halves.get(halves.len() / 2).copied()
}

/// Ranks the devices whose costs may be compared, and says which may not.
fn rank(
    devices: &[DeviceReport],
    costs: &mut [Option<DeviceCost>],
    quantity: Quantity,
) -> Option<String> {
    let scope_of = |cost: &DeviceCost| measured_scope(&cost.kind);
    // A rail or a recording covers a part that has no counterpart on another device.
    let comparable = |scope: Option<Scope>| !matches!(scope, Some(Scope::Rail | Scope::Recording));
    let with_best = |cost: &&DeviceCost| cost.best.is_some() && comparable(scope_of(cost));
    let known: Vec<(usize, Option<Scope>)> = costs
        .iter()
        .enumerate()
        .filter_map(|(at, cost)| Some((at, scope_of(cost.as_ref().filter(with_best)?))))
        .collect();
    let count = |scope| known.iter().filter(|one| one.1 == scope).count();
    let lead = known
        .iter()
        .map(|one| one.1)
        .find(|scope| count(*scope) > 1);
    let group: Vec<usize> = known
        .iter()
        .filter(|one| Some(one.1) == lead)
        .map(|one| one.0)
        .collect();
    let lowest = |at: usize| costs[at].as_ref().and_then(|cost| cost.lowest);
    let cheapest = group
        .iter()
        .filter_map(|at| Some((*at, lowest(*at)?)))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|one| one.0);
    let ratios = group.iter().map(|at| {
        let ratio = cheapest.and_then(|cheapest| over(devices, costs, *at, cheapest));
        (*at, ratio)
    });
    for (at, ratio) in ratios.collect::<Vec<_>>() {
        if let Some(cost) = &mut costs[at] {
            cost.ranked = true;
            cost.over_cheapest = ratio;
        }
    }
    if quantity != Quantity::Energy {
        return None;
    }
    let named = |at: usize| {
        let label = &devices[at].label;
        match costs[at].as_ref().map(|cost| &cost.kind) {
            Some(CostKind::Energy { source, scope, .. }) => {
                format!("{label}, measured by {source} ({})", scope.name())
            }
            _ => format!("{label}, without measured energy"),
        }
    };
    let left = (0..costs.len()).filter(|at| !group.contains(at));
    let left: Vec<String> = left.map(named).collect();
    (!left.is_empty()).then(|| {
        format!(
            "not ranked by energy: {}; joules of different scopes are different quantities",
            left.join("; ")
        )
    })
}

/// The best cost of device `at` over that of the cheapest.
fn over(
    devices: &[DeviceReport],
    costs: &[Option<DeviceCost>],
    at: usize,
    cheapest: usize,
) -> Option<Ratio> {
    let of = |at: usize| {
        let own = costs[at].as_ref()?;
        let cost = &devices[at].analysis.costs[own.cost];
        // Counts and times are exact; joules of a sensor without an accuracy are not.
        let error = match cost.kind {
            CostKind::Energy { .. } => own.accuracy,
            _ => Some(0.0),
        };
        Some((ranked(best_points(cost, own.best?).0), error))
    };
    if at == cheapest {
        return None;
    }
    let ((own, own_error), (least, least_error)) = (of(at)?, of(cheapest)?);
    let errors = own_error.zip(least_error).map(|(a, b)| a.hypot(b));
    match confirmed_ratio(&least, &own, None) {
        Confirmed::Ratio(ratio) | Confirmed::OfExpected(ratio) => Some(match errors {
            Some(errors) => ratio.widened(errors),
            None => ratio.without_interval(),
        }),
        Confirmed::BestFailed | Confirmed::NotRun => None,
    }
}

fn pair(
    devices: &[DeviceReport],
    costs: &[Option<DeviceCost>],
    pair: [usize; 2],
) -> Option<PairAgreement> {
    let of = |at: usize| {
        let own = costs[at].as_ref()?;
        Some(&devices[at].analysis.costs[own.cost])
    };
    let both = [of(pair[0])?, of(pair[1])?];
    let cells = both[0].cells.iter().zip(&both[1].cells);
    let values = cells.filter_map(|(a, b)| Some((rank_value(a)?, rank_value(b)?)));
    // A regime that failed on both is ranked on neither.
    let values = values.filter(|(a, b)| a.is_finite() || b.is_finite());
    let transfer = |on: &CostReport, from: &CostReport| {
        let foreign = from.best?;
        match on.best? == foreign {
            true => Some(Ratio::Of {
                ratio: 1.0,
                interval: None,
            }),
            false => on.cells[foreign].contrast?.ratio,
        }
    };
    Some(PairAgreement {
        devices: pair,
        agreement: kendall(&values.collect::<Vec<_>>()),
        transfer: [transfer(both[0], both[1]), transfer(both[1], both[0])],
    })
}

/// The value by which a cell is ranked; `None` without a ranked run.
fn rank_value(cell: &CellCost) -> Option<f64> {
    let ran = cell
        .trials
        .iter()
        .any(|point| point.unranked.is_none() && point.ended != End::Reached);
    cell.expected.or(ran.then_some(f64::INFINITY))
}
