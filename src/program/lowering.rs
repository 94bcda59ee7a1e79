//! A network being lowered: what the passes read and append to.

use std::collections::HashMap;

use super::fuse::Stage;
use crate::kernels::{List, Tensor, Tuning};
use crate::model::{Network, Value};

/// A network being lowered.
pub(super) struct Lowering<'a> {
    pub net: &'a Network,
    pub stages: Vec<Stage>,
    pub tuning: &'a Tuning,
    pub list: List,
    /// The counters on the device.
    pub state: Tensor,
    /// Seed of the run.
    pub seed: u32,
    pub parameters: &'a [Tensor],
    pub gradients: &'a [Option<Tensor>],
}

/// A batch on the device.
pub(super) struct Batch {
    /// The number of samples, then which they are.
    pub samples: Tensor,
    pub inputs: Vec<Tensor>,
    /// By target column: u32 labels, or f32 rows where a sample has several values. Only those that a loss reads are
    /// filled.
    pub targets: Vec<Tensor>,
}

/// The tensor that holds each value.
pub(super) type ValueTensors = HashMap<Value, Tensor>;
