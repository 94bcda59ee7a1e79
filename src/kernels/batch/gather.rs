use crate::data::{Augmentation, Dtype, Normalisation};
use crate::kernels::elementwise::{Flat, lanes_grid, steps};
use crate::kernels::{Dispatch, List, Shape, Tensor, Tuning};

/// The resident pieces of a column: up to four bindings of u32 words, bytes little-endian, each of whole samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shards {
    /// The pieces; unused ones repeat the last.
    pub tensors: [Tensor; 4],
    /// The first sample of each piece and, last, the number of samples; unused pieces repeat the number.
    pub bounds: [u32; 5],
    /// Element type.
    pub dtype: Dtype,
}

impl Shards {
    fn operands(&self, batch: Tensor) -> Vec<(&'static str, Tensor)> {
        let names = ["shard0", "shard1", "shard2", "shard3"];
        let mut operands = vec![("batch", batch)];
        operands.extend(names.into_iter().zip(self.tensors));
        operands
    }

    fn slots(&self) -> Vec<(&'static str, &'static str)> {
        let snippet = match self.dtype {
            Dtype::U8 => "batch/elements_u8",
            Dtype::I8 => "batch/elements_i8",
            Dtype::U16 => "batch/elements_u16",
            Dtype::I16 => "batch/elements_i16",
            Dtype::I32 => "batch/elements_i32",
            Dtype::F16 => "batch/elements_f16",
            // The shader's own form.
            Dtype::F32 => return vec![],
        };
        vec![("elements", snippet)]
    }
}

/// Appends the gather of a batch: `out` \[size, shape\] becomes the normalised samples that `batch` names, and zero in the
/// rows that are not valid. The normalisation has one channel, or those of `shape`.
#[allow(
    clippy::too_many_arguments,
    reason = "every argument is a size or an operand"
)]
pub fn gather(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    batch: Tensor,
    shards: &Shards,
    out: Tensor,
    size: u32,
    shape: Shape,
    normalisation: &Normalisation,
) {
    let mut d = Dispatch::new(label, "batch/gather");
    d.operands = shards.operands(batch);
    let sizes = Gather {
        list,
        tuning,
        batch,
        shards,
        out,
        size,
        shape,
        normalisation,
    };
    sizes.push(d, &[0]);
}

/// Appends the gather of a training batch with random changes of every sample, as [`Augmentation`] describes: they follow from
/// `seed`, the epoch in `state` and the sample.
#[allow(
    clippy::too_many_arguments,
    reason = "every argument is a size or an operand"
)]
pub fn gather_augmented(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    batch: Tensor,
    state: Tensor,
    shards: &Shards,
    out: Tensor,
    size: u32,
    shape: Shape,
    normalisation: &Normalisation,
    augmentation: Augmentation,
    seed: u32,
) {
    let mut d = Dispatch::new(label, "batch/gather_augmented");
    d.constants = vec![
        ("FLIP", u32::from(augmentation.flip)),
        ("EDGE", u32::from(augmentation.edge)),
    ];
    d.operands = vec![("state", state)];
    d.operands.extend(shards.operands(batch));
    let sizes = Gather {
        list,
        tuning,
        batch,
        shards,
        out,
        size,
        shape,
        normalisation,
    };
    sizes.push(d, &[seed, augmentation.crop, augmentation.cutout, 0, 0]);
}

/// What both gathers of inputs share.
struct Gather<'a> {
    list: &'a mut List,
    tuning: &'a Tuning,
    batch: Tensor,
    shards: &'a Shards,
    out: Tensor,
    size: u32,
    shape: Shape,
    normalisation: &'a Normalisation,
}

impl Gather<'_> {
    /// Completes and appends a dispatch; `more`: the words between scale and moments.
    fn push(self, mut d: Dispatch, more: &[u32]) {
        let (shape, tuning, normalisation) = (self.shape, self.tuning, self.normalisation);
        let quads = u64::from(self.size) * u64::from(shape.quads());
        let rows = shape.channels * shape.height;
        let flat = Flat::new(quads, tuning);
        d.slots = self.shards.slots();
        let channels = normalisation.mean.len() as u32;
        d.constants
            .extend([("W", tuning.lanes), ("CHANNELS", channels)]);
        d.operands.push(("y", self.out));
        d.sizes = vec![
            quads as u32,
            flat.groups_x,
            flat.per,
            rows,
            shape.height,
            shape.width,
            shape.row_quads(),
        ];
        d.sizes.extend(steps(tuning.lanes, rows, shape.row_quads()));
        d.sizes.extend(&self.shards.bounds[..4]);
        d.sizes.push((normalisation.scale as f32).to_bits());
        d.sizes.extend(more);
        for (mean, std) in normalisation.mean.iter().zip(&normalisation.std) {
            let words = [*mean as f32, *std as f32, 0.0, 0.0];
            d.sizes.extend(words.map(f32::to_bits));
        }
        d.grid = flat.grid;
        let elements = u64::from(self.size) * u64::from(shape.elements());
        let fetched = elements * self.shards.dtype.size_bytes() as u64;
        push(self.list, d, self.batch, self.out, fetched);
    }
}

/// Appends the gather of a batch's labels, one integer per sample: `out` (u32, a word a row) becomes the labels of the
/// samples that `batch` names, and 0 in the rows that are not valid.
pub fn gather_labels(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    batch: Tensor,
    shards: &Shards,
    out: Tensor,
    size: u32,
) {
    let mut d = Dispatch::new(label, "batch/gather_labels");
    d.slots = shards.slots();
    d.constants = vec![("W", tuning.lanes)];
    d.operands = shards.operands(batch);
    d.operands.push(("labels", out));
    d.sizes = vec![size];
    d.sizes.extend(&shards.bounds[..4]);
    d.grid = lanes_grid(size, tuning);
    push(
        list,
        d,
        batch,
        out,
        u64::from(size) * shards.dtype.size_bytes() as u64,
    );
}

/// Of the shards only the batch's samples move, not all they hold.
fn push(list: &mut List, d: Dispatch, batch: Tensor, out: Tensor, fetched: u64) {
    let bytes = list.info(batch).bytes() + list.info(out).bytes() + fetched;
    list.push(d);
    if let Some(last) = list.dispatches.last_mut() {
        last.bytes = bytes;
    }
}
