//! How lanes visit quads: sizes and grids for shaders that step through (outer, row, quad) without dividing. On software
//! devices a division costs more than the work itself.

use crate::kernels::{MOST_WORKGROUPS, Shape, Tuning};

/// How far `lanes` quads are, in (outer, rows, quads), where an outer item has `rows` rows of `row_quads`.
pub(in crate::kernels) fn steps(lanes: u32, rows: u32, row_quads: u32) -> [u32; 3] {
    [
        lanes / row_quads / rows,
        lanes / row_quads % rows,
        lanes % row_quads,
    ]
}

/// A grid of one lane an item.
pub(in crate::kernels) fn lanes_grid(items: u32, tuning: &Tuning) -> [u32; 3] {
    [items.div_ceil(tuning.lanes), 1, 1]
}

/// A flat visit of all quads of a tensor, `per` a lane.
pub(in crate::kernels) struct Flat {
    /// Workgroups.
    pub(in crate::kernels) grid: [u32; 3],
    /// Workgroups in a row of the grid.
    pub(in crate::kernels) groups_x: u32,
    /// Quads a lane.
    pub(in crate::kernels) per: u32,
}

impl Flat {
    /// As many quads a lane, up to 8, as leave every part of the device busy.
    pub(in crate::kernels) fn new(quads: u64, tuning: &Tuning) -> Flat {
        let lanes = u64::from(tuning.lanes);
        let per = (quads / (lanes * u64::from(tuning.fill.max(1)))).clamp(1, 8);
        let grid = fold(quads.div_ceil(lanes * per));
        Flat {
            grid,
            groups_x: grid[0],
            per: per as u32,
        }
    }
}

/// `groups` workgroups in rows of as many as a grid may have; the last row may be longer than it need be.
pub(in crate::kernels) fn fold(groups: u64) -> [u32; 3] {
    let x = groups.clamp(1, u64::from(MOST_WORKGROUPS));
    [x as u32, groups.div_ceil(x).max(1) as u32, 1]
}

/// A visit of \[images, channels, height, width\] by workgroups of one channel and a chunk of images each.
pub(in crate::kernels) struct Channels {
    /// Images a workgroup.
    pub(in crate::kernels) chunk: u32,
    /// Workgroups a channel.
    pub(in crate::kernels) chunks: u32,
}

impl Channels {
    /// For kernels that write as much as they read: some quads a lane, so that a workgroup's start pays.
    pub(in crate::kernels) fn even(images: u32, shape: Shape, tuning: &Tuning) -> Channels {
        Channels::of(
            images,
            (4 * tuning.lanes).div_ceil(shape.plane_quads().max(1)),
        )
    }

    /// For sums: just enough workgroups to fill the device, since every one leaves a partial sum to be added.
    pub(in crate::kernels) fn few(images: u32, shape: Shape, tuning: &Tuning) -> Channels {
        let chunks = (tuning.fill / shape.channels.max(1)).max(1);
        Channels::of(images, images.div_ceil(chunks))
    }

    fn of(images: u32, chunk: u32) -> Channels {
        let chunk = chunk.clamp(images.div_ceil(MOST_WORKGROUPS).max(1), images.max(1));
        Channels {
            chunk,
            chunks: images.div_ceil(chunk),
        }
    }

    /// The nine words such shaders begin their size table with.
    pub(in crate::kernels) fn words(&self, images: u32, shape: Shape, tuning: &Tuning) -> Vec<u32> {
        let mut words = vec![
            images,
            self.chunk,
            shape.channels,
            shape.height,
            shape.width,
            shape.row_quads(),
        ];
        words.extend(steps(tuning.lanes, shape.height, shape.row_quads()));
        words
    }

    /// Workgroups.
    pub(in crate::kernels) fn grid(&self, shape: Shape) -> [u32; 3] {
        [shape.channels, self.chunks, 1]
    }
}
