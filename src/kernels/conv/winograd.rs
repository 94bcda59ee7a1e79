//! 3x3 convolutions with stride 1 and padding 1 by Winograd's F(2x2, 3x3): every tile of 2x2 outputs takes 16
//! multiplications a channel instead of 36.
//!
//! Four dispatches: the transform of the weight, the transform of the tiles, sixteen products (layers of one dispatch of a
//! `gemm` core), and the transform of the products with the epilogue. The gradient of the input is the same convolution of
//! the gradient of the output, with its kernels turned by 180 degrees and the channels exchanged.

use super::Conv;
use crate::kernels::gemm::{Epilogue, Images, Product, matching, widened};
use crate::kernels::{
    Dispatch, GemmRule, List, ProductKind, ProductSize, Role, Shape, Tensor, Tuning,
};

/// The name of the variant in records.
const VARIANT: &str = "winograd 2x2";
/// Products per tile: the numbers of a transformed 3x3 kernel.
const PLANES: u32 = 16;
/// Quads of a tensor that 32-bit addresses of bytes reach.
const MOST_QUADS: u64 = 1 << 28;

/// A convolution, or the gradient of its input, for which the profile chose this algorithm.
pub(super) struct Winograd {
    rule: GemmRule,
    product: ProductSize,
    images: u32,
    /// One image of the tensor that is read, and of the one that is written; both have the same height and width.
    from: Shape,
    to: Shape,
}

impl Winograd {
    /// `None` where another rule matches first or the convolution has another window, and where a transformed tensor would
    /// be too large to address.
    pub fn chosen(tuning: &Tuning, conv: Conv, kind: ProductKind) -> Option<Winograd> {
        let suits = conv.is_3x3() && conv.stride == [1, 1];
        let product = conv.product(kind);
        let rule = matching(tuning, product, suits).filter(|rule| rule.winograd)?;
        let (from, to) = match kind {
            ProductKind::ConvGradInput => (conv.output(), conv.input),
            _ => (conv.input, conv.output()),
        };
        let channels = from.channels.next_multiple_of(16).max(to.channels);
        let tile_quads = u64::from(to.height.div_ceil(2) * to.width.div_ceil(8));
        let largest = u64::from(PLANES) * u64::from(channels) * tile_quads * u64::from(conv.images);
        (largest < MOST_QUADS).then(|| Winograd {
            rule: rule.clone(),
            product: ProductSize {
                terms: from.channels,
                ..product
            },
            images: conv.images,
            from,
            to,
        })
    }

    /// Appends `c`, the convolution of `x` with `w`, or the gradient of the input where `x` is the gradient of the output.
    pub fn append(
        self,
        list: &mut List,
        tuning: &Tuning,
        label: &str,
        [x, w, c]: [Tensor; 3],
        epilogue: Epilogue,
    ) {
        let Winograd {
            product,
            images,
            from,
            to,
            ..
        } = self;
        // The tiles of a row are padded to quads, so that four tiles of a quad lie side by side.
        let (tile_rows, tile_columns4) = (to.height.div_ceil(2), to.width.div_ceil(8));
        let n4 = images * tile_rows * tile_columns4;
        let rule = widened(self.rule, n4);
        let terms4 = from.channels.div_ceil(4).next_multiple_of(rule.step());
        let planes = u64::from(PLANES);
        let mut scratch = |name: &str, rows: u32, quads: u32| {
            let quads = planes * u64::from(rows) * u64::from(quads);
            list.tensor(format!("{label} {name}"), Role::Scratch, quads)
        };
        let transformed = scratch("transformed weight", to.channels, terms4);
        let tiles = scratch("transformed tiles", terms4 * 4, n4);
        let products = scratch("products", to.channels, n4);

        let step = |name: &str, shader| {
            let mut dispatch = Dispatch::new(format!("{label} {name}"), shader);
            dispatch.constants = vec![("W", tuning.lanes)];
            dispatch.variant = VARIANT.into();
            dispatch
        };
        let groups = |items: u32| items.div_ceil(tuning.lanes);
        let mirrored = product.kind == ProductKind::ConvGradInput;

        let mut weights = step("weights", "conv/winograd_weights");
        weights.constants.push(("MIRRORED", u32::from(mirrored)));
        weights.operands = vec![("w", w), ("u", transformed)];
        weights.sizes = vec![to.channels, from.channels, terms4];
        weights.grid = [groups(to.channels * terms4), 1, 1];
        list.push(weights);

        let mut input = step("tiles", "conv/winograd_tiles");
        input.operands = vec![("x", x), ("t", tiles)];
        input.sizes = vec![from.channels, from.height, from.row_quads(), terms4 * 4];
        input.sizes.extend([tile_rows, tile_columns4, n4]);
        input.grid = [groups(n4), terms4 * 4, 1];
        list.push(input);

        let all = Product {
            label,
            kind: product.kind,
            m: to.channels,
            n: n4 * 4,
            k: PLANES * terms4 * 4,
            n4,
            k4: PLANES * terms4,
            lda: PLANES * terms4,
            ldb: n4,
            ldc: n4,
            plane: to.channels * n4,
            images: Images::default(),
            block_a: None,
            block_b: None,
            place: None,
            constants_a: vec![],
            constants_b: vec![],
            row_bias: false,
            operands: [transformed, tiles, products],
            epilogue: Epilogue::None,
        };
        let mut sums = all.planes(tuning, &rule, PLANES);
        sums.variant = format!("{VARIANT} {}", sums.variant);
        sums.product = Some(product);
        list.push(sums);

        let mut output = step("output", "conv/winograd_output");
        output.operands = vec![("m", products), ("c", c)];
        output.sizes = vec![to.channels, to.height, to.width, to.row_quads()];
        output.sizes.extend([tile_rows, tile_columns4, n4]);
        output.grid = [groups(n4), to.channels, 1];
        epilogue.fuse(&mut output, true);
        list.push(output);
    }
}
