//! The keys and types of a study file.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::de::At;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct StudyFile {
    pub name: At<String>,
    pub seeds: At<Vec<At<u32>>>,
    pub replicates: Option<At<u64>>,
    pub confirm: Option<At<u64>>,
    pub order_seed: Option<At<u64>>,
    #[serde(default)]
    pub zip: Vec<At<Vec<At<String>>>>,
    #[serde(default)]
    pub base: Entries<Value>,
    pub axes: Option<At<Entries<AxisValues>>>,
    pub reference: Option<At<Entries<Value>>>,
    pub target: TargetTable,
    pub evaluate: EvaluateTable,
    pub budget: At<BudgetTable>,
    pub pretrain: Option<At<PretrainTable>>,
    pub slurm: Option<At<SlurmTable>>,
}

/// How `study submit --slurm` asks for machines.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct SlurmTable {
    pub tasks: Option<At<u64>>,
    pub parallel: Option<At<u64>>,
    pub partition: Option<String>,
    pub account: Option<String>,
    pub gpus: Option<At<u64>>,
    pub cpus: Option<At<u64>>,
    pub memory: Option<String>,
    pub time: Option<String>,
    #[serde(default)]
    pub options: Vec<String>,
    #[serde(default)]
    pub modules: Vec<String>,
    pub container: Option<String>,
    pub program: Option<String>,
}

/// The run whose weights cells start from.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct PretrainTable {
    /// Settings in place of those of the study's `[base]`.
    #[serde(default)]
    pub base: Entries<Value>,
    pub target: TargetTable,
    pub evaluate: Option<EvaluateTable>,
    pub budget: At<BudgetTable>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct TargetTable {
    pub task: Option<String>,
    /// Thresholds of single tasks.
    pub tasks: Option<At<Entries<Vec<At<f64>>>>>,
    pub metric: At<String>,
    pub at_least: Option<At<Vec<At<f64>>>>,
    pub at_most: Option<At<Vec<At<f64>>>>,
    pub window: At<u64>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct EvaluateTable {
    pub every_samples: At<u64>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct BudgetTable {
    pub samples: Option<At<u64>>,
    pub steps: Option<At<u64>>,
    pub epochs: Option<At<f64>>,
    pub seconds: Option<At<f64>>,
    pub joules: Option<At<f64>>,
}

/// The values of an axis.
pub(super) enum AxisValues {
    List(Vec<At<Value>>),
    Range(Range),
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Range {
    pub from: At<f64>,
    pub to: At<f64>,
    pub steps: At<u64>,
    #[serde(default)]
    pub scale: Scale,
}

#[derive(Clone, Copy, Default, PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Scale {
    Log,
    #[default]
    Linear,
}

/// A table with any keys, in the order of the file.
pub(super) struct Entries<T>(pub Vec<(At<String>, At<T>)>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Table<T>(Entries<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Table<T> {
            type Value = Entries<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Entries<T>, A::Error> {
                while let Some(entry) = map.next_entry()? {
                    self.0.0.push(entry);
                }
                Ok(self.0)
            }
        }

        from.deserialize_map(Table(Entries::default()))
    }
}

impl<'de> Deserialize<'de> for AxisValues {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct ListOrRange;

        impl<'de> Visitor<'de> for ListOrRange {
            type Value = AxisValues;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list such as [1, 2] or a range { from, to, steps } in [axes] (one value for all cells belongs in [base])")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<AxisValues, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(AxisValues::List)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AxisValues, A::Error> {
                Range::deserialize(MapAccessDeserializer::new(map)).map(AxisValues::Range)
            }
        }

        from.deserialize_any(ListOrRange)
    }
}
