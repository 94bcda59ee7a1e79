//! The kernels, one folder per family.
//!
//! A *definition* is a function that takes symbolic tensors and sizes and appends [`Dispatch`]es to a list. A dispatch names
//! its shader ([`Shader`]), the snippets and constants that fill it, its operands, its size table and its grid. Definitions
//! do not know the device: the planner (`program`) places every tensor and compiles the list.

pub mod batch;
pub mod compose;
pub mod conv;
pub mod count;
pub mod elementwise;
pub mod emit;
pub mod gemm;
mod installed;
pub mod loss;
pub mod norm;
pub mod optim;
pub mod oracle;
pub mod pool;
mod precision;
mod profile;
mod shaders;
mod texel;

pub use compose::{Composed, Operand, Stored};
pub use installed::{Installed, built_in, default_profile, install, installed};
pub use precision::{Precision, UnknownPrecision};
pub use profile::{GemmCore, GemmRule, ProductKind, ProfileError, Tuning};
pub use shaders::{SHADERS, Shader, shader};

use crate::data::Dtype;

/// How a shader uses an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Read only.
    Read = 0,
    /// Written only: every element, and the padding of its rows.
    Write = 1,
    /// Read and written in place.
    Update = 2,
}

/// Where a tensor is stored.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Storage {
    /// A slice of a storage buffer.
    Buffer,
    /// An rgba32float image with 1,024 quads per row.
    Image,
}

/// The purpose of a tensor; the planner keeps the roles apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Trainable and frozen parameters: slices of arenas.
    Parameter,
    /// Gradients of the parameters: slices of arenas, at the parameters' offsets.
    Gradient,
    /// Optimizer state: slices of arenas, at the parameters' offsets.
    OptimizerState,
    /// Running statistics: slices of arenas.
    Statistic,
    /// Activations, and their gradients.
    Activation,
    /// Short-lived partial sums.
    Scratch,
    /// The resident data set's shards.
    Data,
    /// Counters and hyperparameters that kernels advance.
    State,
    /// Results for the host: one row per step.
    Results,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Role::Parameter => "parameters",
            Role::Gradient => "gradients",
            Role::OptimizerState => "optimizer state",
            Role::Statistic => "running statistics",
            Role::Activation => "activations",
            Role::Scratch => "scratch",
            Role::Data => "data",
            Role::State => "state",
            Role::Results => "results",
        })
    }
}

/// A symbolic tensor: an index into [`List::tensors`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tensor(pub usize);

/// What the planner needs to know about a tensor.
#[derive(Clone, Debug)]
pub struct TensorInfo {
    /// Name for people: `conv1.output`, `fc1.weight.gradient`.
    pub name: String,
    /// Its purpose.
    pub role: Role,
    /// Element type: `F32`, `F16` where kernels use accessors, or `I32` for integers, which kernels read as `u32` words.
    pub dtype: Dtype,
    /// Size in quads of four elements.
    pub quads: u64,
    /// Whether kernels use it through accessors, so that it may be stored in an image or as f16.
    pub imageable: bool,
}

impl TensorInfo {
    /// Size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.quads * self.dtype.quad_bytes()
    }
}

/// The form and size of a matrix product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProductSize {
    /// The form.
    pub kind: ProductKind,
    /// Rows of the result.
    pub m: u32,
    /// Columns of the result, padding included.
    pub n: u32,
    /// Terms of a sum; for a convolution with the taps that are stored, whatever algorithm computes it.
    pub k: u32,
    /// Terms of a sum that the dispatch itself adds: `k`, or the channels alone by Winograd's algorithm.
    pub terms: u32,
}

/// A dispatch of symbolic tensors.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// Name for people: `fc1 forward`.
    pub label: String,
    /// Shader file, such as `gemm/direct`.
    pub shader: &'static str,
    /// (slot, snippet file).
    pub slots: Vec<(&'static str, &'static str)>,
    /// Constants set in the text.
    pub constants: Vec<(&'static str, u32)>,
    /// (name in the shader, tensor), in any order; every operand of the composed shader must be there.
    pub operands: Vec<(&'static str, Tensor)>,
    /// The size table's words, in the order of `struct Sizes`; floats as their bits.
    pub sizes: Vec<u32>,
    /// Workgroups.
    pub grid: [u32; 3],
    /// Passes of all invocations together through the shader's loop that ends by data, if it has one.
    pub passes: Option<u64>,
    /// Bytes of all operands: the least that must move.
    pub bytes: u64,
    /// Whether running it twice changes its result (updates in place, counters).
    pub once: bool,
    /// The chosen variant where there is a choice, for the record: `direct 8x8`, `texel`, `tile 64x64 split 8`.
    pub variant: String,
    /// The matrix product that it computes, where a rule of the profile chose its core.
    pub product: Option<ProductSize>,
}

impl Dispatch {
    /// A dispatch of `shader` with everything else empty.
    pub fn new(label: impl Into<String>, shader: &'static str) -> Dispatch {
        Dispatch {
            label: label.into(),
            shader,
            slots: vec![],
            constants: vec![],
            operands: vec![],
            sizes: vec![],
            grid: [1; 3],
            passes: None,
            bytes: 0,
            once: false,
            variant: String::new(),
            product: None,
        }
    }

    /// Fills the shader for this dispatch; `stored` says how an operand is stored.
    pub fn compose<S: Into<Stored>>(&self, stored: impl Fn(&str) -> S) -> Result<Composed, String> {
        let slots = self
            .slots
            .iter()
            .map(|(slot, name)| Ok((*slot, shader(name)?)))
            .collect::<Result<Vec<_>, String>>()?;
        let slots: Vec<(&str, &str)> = slots.iter().map(|(s, t)| (*s, t.as_ref())).collect();
        compose::compose(&shader(self.shader)?, &slots, &self.constants, stored)
            .map_err(|why| format!("{}: {why}", self.shader))
    }
}

/// A list under construction: its tensors and its dispatches in order.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// The tensors of every list that shares the plan.
    pub tensors: Vec<TensorInfo>,
    /// The dispatches in order.
    pub dispatches: Vec<Dispatch>,
    /// Tensors whose content is known in advance: the words of each, which are written once, before the first run.
    pub constants: Vec<(Tensor, Vec<u32>)>,
    /// Why the list cannot run on any device, in one sentence; the first reason found.
    pub failure: Option<String>,
    /// How activations and their gradients are stored: f32 or f16.
    pub precision: Precision,
}

/// Most workgroups along each dimension of a grid, on every device.
pub const MOST_WORKGROUPS: u32 = 65_535;

impl List {
    /// Adds an f32 tensor of `quads` quads.
    pub fn tensor(&mut self, name: impl Into<String>, role: Role, quads: u64) -> Tensor {
        let imageable = matches!(
            role,
            Role::Parameter
                | Role::Gradient
                | Role::OptimizerState
                | Role::Statistic
                | Role::Activation
                | Role::Scratch
        );
        self.tensors.push(TensorInfo {
            name: name.into(),
            role,
            dtype: Dtype::F32,
            quads,
            imageable,
        });
        Tensor(self.tensors.len() - 1)
    }

    /// Adds an activation or its gradient, stored in the list's precision.
    pub fn activation(&mut self, name: impl Into<String>, quads: u64) -> Tensor {
        match self.precision {
            Precision::F32 => self.tensor(name, Role::Activation, quads),
            Precision::F16 => self.halves(name, Role::Activation, quads),
        }
    }

    /// Adds an f16 tensor of `quads` quads.
    pub fn halves(&mut self, name: impl Into<String>, role: Role, quads: u64) -> Tensor {
        let tensor = self.tensor(name, role, quads);
        self.tensors[tensor.0].dtype = Dtype::F16;
        tensor
    }

    /// Adds an integer tensor of `quads` quads of 32-bit words: the state, labels, samples, stored data.
    pub fn integers(&mut self, name: impl Into<String>, role: Role, quads: u64) -> Tensor {
        let tensor = self.buffer(name, role, quads);
        self.tensors[tensor.0].dtype = Dtype::I32;
        tensor
    }

    /// Adds an f32 tensor that is always stored in a buffer (results, losses).
    pub fn buffer(&mut self, name: impl Into<String>, role: Role, quads: u64) -> Tensor {
        let tensor = self.tensor(name, role, quads);
        self.tensors[tensor.0].imageable = false;
        tensor
    }

    /// Adds a vector of numbers that never change.
    pub fn constant(&mut self, name: impl Into<String>, values: &[f32]) -> Tensor {
        let tensor = self.buffer(name, Role::State, values.len().div_ceil(4) as u64);
        let words = values.iter().map(|value| value.to_bits()).collect();
        self.constants.push((tensor, words));
        tensor
    }

    /// The properties of a tensor.
    pub fn info(&self, tensor: Tensor) -> &TensorInfo {
        &self.tensors[tensor.0]
    }

    /// Marks the list as impossible to run; the first reason is kept.
    pub fn fail(&mut self, why: impl Into<String>) {
        self.failure.get_or_insert_with(|| why.into());
    }

    /// Appends a dispatch and sets its `bytes` to the size of its operands. A grid beyond the limits fails the list.
    pub fn push(&mut self, mut dispatch: Dispatch) {
        let [x, y, z] = dispatch.grid;
        if !dispatch
            .grid
            .iter()
            .all(|n| (1..=MOST_WORKGROUPS).contains(n))
        {
            self.fail(format!(
                "{:?} needs {x} x {y} x {z} workgroups, but each dimension can have 1 to {MOST_WORKGROUPS}; choose a \
                 smaller batch size or network",
                dispatch.label
            ));
        }
        dispatch.bytes = dispatch
            .operands
            .iter()
            .map(|(_, t)| self.info(*t).bytes())
            .sum();
        self.dispatches.push(dispatch);
    }
}

/// Shape of one sample or feature map: rows of `width` elements, padded to quads. A vector of n features is `1 x 1 x n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Shape {
    /// Channels.
    pub channels: u32,
    /// Rows of a channel.
    pub height: u32,
    /// Elements of a row.
    pub width: u32,
}

impl From<[u32; 3]> for Shape {
    /// `[channels, height, width]`.
    fn from([channels, height, width]: [u32; 3]) -> Shape {
        Shape {
            channels,
            height,
            width,
        }
    }
}

impl From<[u32; 2]> for Shape {
    /// `[channels, length]`: one row per channel.
    fn from([channels, length]: [u32; 2]) -> Shape {
        Shape::from([channels, 1, length])
    }
}

impl From<[u32; 1]> for Shape {
    /// `[features]`.
    fn from([features]: [u32; 1]) -> Shape {
        Shape::vector(features)
    }
}

impl Shape {
    /// A vector of `n` features.
    pub fn vector(n: u32) -> Shape {
        Shape {
            channels: 1,
            height: 1,
            width: n,
        }
    }

    /// Elements.
    pub fn elements(self) -> u32 {
        self.channels * self.height * self.width
    }

    /// Quads of a row, padding included.
    pub fn row_quads(self) -> u32 {
        self.width.div_ceil(4)
    }

    /// Quads of a channel.
    pub fn plane_quads(self) -> u32 {
        self.height * self.row_quads()
    }

    /// Quads of a sample.
    pub fn quads(self) -> u32 {
        self.channels * self.plane_quads()
    }
}
