//! Parameters: their shape in files (PyTorch's `state_dict`) and their padded layout on the device.

use crate::data::Dtype;

/// Kind of a parameter; decides how it is initialised and whether it is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// A weight of a linear or convolution layer.
    Weight {
        /// Inputs that one output sums.
        fan_in: usize,
    },
    /// A bias of a linear or convolution layer.
    Bias {
        /// Inputs that one output sums.
        fan_in: usize,
    },
    /// Scale of a normalisation.
    NormWeight,
    /// Shift of a normalisation.
    NormBias,
    /// Running mean of a batch norm; not trained.
    RunningMean,
    /// Running variance of a batch norm; not trained.
    RunningVar,
}

impl ParameterKind {
    /// Whether the optimizer changes it.
    #[must_use]
    pub fn trained(self) -> bool {
        !matches!(self, ParameterKind::RunningMean | ParameterKind::RunningVar)
    }
}

/// Layout on the device: `outer` rows of `middle` runs of `inner` elements. A run takes `inner_pitch` elements, a row
/// `row_quads` quads; the padding is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterLayout {
    /// Rows.
    pub outer: usize,
    /// Runs in a row.
    pub middle: usize,
    /// Elements of a run.
    pub inner: usize,
    /// Elements from one run to the next.
    pub inner_pitch: usize,
    /// Quads of a row.
    pub row_quads: usize,
}

impl ParameterLayout {
    /// A vector of `n` elements.
    #[must_use]
    pub fn vector(n: usize) -> ParameterLayout {
        ParameterLayout {
            outer: 1,
            middle: 1,
            inner: n,
            inner_pitch: n,
            row_quads: n.div_ceil(4),
        }
    }

    /// Elements in the file.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.outer * self.middle * self.inner
    }

    /// Quads on the device.
    #[must_use]
    pub fn quads(&self) -> usize {
        self.outer * self.row_quads
    }

    /// Bytes on the device, where parameters are f32.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.quads() as u64 * Dtype::F32.quad_bytes()
    }

    /// From the file's order to the device's.
    #[must_use]
    pub fn store(&self, file: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; self.quads() * 4];
        for (run, values) in file.chunks_exact(self.inner.max(1)).enumerate() {
            let at = self.start(run);
            out[at..at + self.inner].copy_from_slice(values);
        }
        out
    }

    /// From the device's order to the file's.
    #[must_use]
    pub fn restore(&self, device: &[f32]) -> Vec<f32> {
        (0..self.outer * self.middle)
            .flat_map(|run| &device[self.start(run)..self.start(run) + self.inner])
            .copied()
            .collect()
    }

    fn start(&self, run: usize) -> usize {
        run / self.middle * self.row_quads * 4 + run % self.middle * self.inner_pitch
    }
}

/// A parameter of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterSpec {
    /// Name in the `state_dict`: `layer1.conv1.weight`.
    pub name: String,
    /// Shape in the file.
    pub shape: Vec<usize>,
    /// Kind of the parameter.
    pub kind: ParameterKind,
    /// Layout on the device.
    pub layout: ParameterLayout,
    /// Whether it is excluded from training.
    pub frozen: bool,
    /// Index of its parameter group, 0 unless [`Network::set_group`](super::Network::set_group) chose another.
    pub group: u32,
}

impl ParameterSpec {
    /// Whether the optimizer changes it.
    #[must_use]
    pub fn trained(&self) -> bool {
        self.kind.trained() && !self.frozen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_and_restore_are_inverse() {
        for layout in [
            ParameterLayout::vector(10),
            ParameterLayout {
                outer: 3,
                middle: 5,
                inner: 9,
                inner_pitch: 12,
                row_quads: 15,
            },
            ParameterLayout {
                outer: 2,
                middle: 7,
                inner: 1,
                inner_pitch: 1,
                row_quads: 2,
            },
            ParameterLayout {
                outer: 4,
                middle: 6,
                inner: 7,
                inner_pitch: 8,
                row_quads: 12,
            },
        ] {
            let file: Vec<f32> = (1..=layout.elements()).map(|v| v as f32).collect();
            let device = layout.store(&file);
            assert_eq!(device.len(), layout.quads() * 4);
            assert_eq!(device.iter().filter(|v| **v != 0.0).count(), file.len());
            assert_eq!(layout.restore(&device), file);
        }
    }
}
