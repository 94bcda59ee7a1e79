use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::data::Dataset;
use crate::device::AdapterSummary;
use crate::difference;
use crate::model::{Network, NodeKind};
use crate::train::environment::Versions;
use crate::train::goal::Goal;
use crate::train::regime::Regime;

/// The keys of a run's length.
const LENGTHS: [&str; 2] = ["epochs", "max-steps"];

/// What a run is. A run continues only from a checkpoint of the same run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Every choice, with the optimizer's hyperparameters spelled out.
    regime: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    goal: Option<Goal>,
    data: Data,
    /// A line per layer: its name, type and output, and the shapes of its parameters.
    network: Map<String, Value>,
    /// Whether the learning rates depend on the length of the run.
    #[serde(skip)]
    ends_with_run: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Data {
    name: String,
    training_samples: usize,
    test_samples: usize,
    sha256: String,
}

impl Identity {
    pub fn new(regime: &Regime, goal: Option<&Goal>, data: &Dataset, network: &Network) -> Self {
        let layers = network.nodes().iter().filter_map(|node| {
            let NodeKind::Layer(layer) = &node.kind else {
                return None;
            };
            let shape = node.shape;
            let parameters = node.parameters.iter().map(|at| &network.parameters()[*at]);
            let parameters: Vec<String> =
                parameters.map(|spec| format!("{:?}", spec.shape)).collect();
            let line = format!(
                "{} to {}x{}x{} with {}",
                layer.kind(),
                shape.channels,
                shape.height,
                shape.width,
                parameters.join(" ")
            );
            Some((node.name.clone(), line.into()))
        });
        Self {
            // Named as the flags.
            regime: regime
                .choices()
                .into_iter()
                .map(|(key, value)| (key.replace('_', "-"), value))
                .collect(),
            goal: goal.cloned(),
            data: Data {
                name: data.name.clone(),
                training_samples: data.train.len,
                test_samples: data.test.len,
                sha256: data.sha256.clone(),
            },
            network: layers.collect(),
            ends_with_run: regime.schedule_options().ends(),
        }
    }

    /// The first difference from the run `here`, in words.
    pub fn difference(&self, here: &Self) -> Option<String> {
        // Numbers as a file gives them back.
        let compared = |run: &Self| {
            let text = serde_json::to_string(run).unwrap_or_default();
            serde_json::from_str::<Value>(&text).unwrap_or(Value::Null)
        };
        let length_matters = here.ends_with_run;
        let (mut there, mut here) = (compared(self), compared(here));
        // Another schedule is a difference whatever the lengths.
        for run in [&mut there, &mut here]
            .into_iter()
            .filter(|_| !length_matters)
        {
            if let Some(regime) = run["regime"].as_object_mut() {
                regime.retain(|key, _| !LENGTHS.contains(&key.as_str()));
            }
        }
        // Choices first: they are what the caller can change.
        let choices = difference::first(&there["regime"], &here["regime"], "");
        choices.or_else(|| difference::first(&there, &here, ""))
    }
}

/// What may differ between the parts of a run. The losses then differ in their last digits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MadeBy {
    device: String,
    driver: String,
    profile: String,
    wattgrad: String,
}

impl MadeBy {
    pub fn new(adapter: &AdapterSummary, profile: &str) -> Self {
        Self {
            device: adapter.name.clone(),
            driver: format!("{} {}", adapter.driver, adapter.driver_info),
            profile: profile.to_owned(),
            wattgrad: Versions::current().wattgrad,
        }
    }

    /// A note on the first difference from `here`.
    pub fn note(&self, here: &Self) -> Option<String> {
        let [there, here] =
            [self, here].map(|made| serde_json::to_value(made).unwrap_or(Value::Null));
        let words = difference::first(&there, &here, "")?;
        Some(format!(
            "the checkpoint was written with another setup ({words}), so the losses from here on may differ in their last digits from those of an unbroken run"
        ))
    }
}
