//! The `texel` core of a matrix product.

use super::subgroups;

/// Grid of a product `[m, n4 quads]`: a subgroup computes `2 * lanes` rows by `lanes` quads of columns.
pub(in crate::kernels) struct Grid {
    pub constants: Vec<(&'static str, u32)>,
    /// Workgroups along the columns and rows.
    pub groups: [u32; 2],
}

impl Grid {
    pub fn new(lanes: u32, m: u32, n4: u32) -> Grid {
        let rows = m.div_ceil(2 * lanes);
        let mut subgroups = subgroups(lanes, n4, 5);
        // Few workgroups of several subgroups would leave cores idle.
        while subgroups > 1 && n4.div_ceil(lanes * subgroups) * rows < 8 {
            subgroups /= 2;
        }
        let groups = [n4.div_ceil(lanes * subgroups), rows];
        Grid {
            constants: vec![("LANES", lanes), ("SUBGROUPS", subgroups)],
            groups,
        }
    }
}

/// The snippet that reads A in this core, for the one (`block_a`) that reads it in the other cores.
pub(in crate::kernels) fn lanes_a(block_a: Option<&str>) -> Option<&'static str> {
    block_a.and_then(|snippet| match snippet {
        "gemm/block_a_transposed" => Some("texel/lanes_a_transposed"),
        "conv/block_a_grad_input" => Some("texel/lanes_a_conv_grad_input"),
        "conv/block_a_grad_weight" => Some("texel/lanes_a_conv_grad_weight"),
        _ => None,
    })
}
