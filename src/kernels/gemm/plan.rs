//! From a product to its dispatches: the choice of a core, the split of long sums, the size tables.

use super::Epilogue;
use crate::kernels::texel::gemm as texel;
use crate::kernels::{
    Dispatch, GemmCore, GemmRule, List, MOST_WORKGROUPS, ProductKind, ProductSize, Role, Tensor,
    Tuning,
};

/// A layer of a split sum has at least this many quads of K.
const LEAST_LAYER: u32 = 16;

/// The image that a convolution reads and the one of its output: elements, and quads of a row.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Images {
    pub channels: u32,
    pub height: u32,
    pub width: u32,
    pub width4: u32,
    pub out_channels: u32,
    pub out_height: u32,
    pub out_width: u32,
    pub out_width4: u32,
}

impl Images {
    pub(crate) fn words(&self) -> [u32; 8] {
        let Images {
            channels,
            height,
            width,
            width4,
            out_channels,
            out_height,
            out_width,
            out_width4,
        } = *self;
        [
            channels,
            height,
            width,
            width4,
            out_channels,
            out_height,
            out_width,
            out_width4,
        ]
    }
}

/// A product as the cores see it; a snippet that is absent leaves the core's own.
pub(crate) struct Product<'a> {
    pub label: &'a str,
    pub kind: ProductKind,
    pub m: u32,
    pub n: u32,
    pub k: u32,
    pub n4: u32,
    pub k4: u32,
    pub lda: u32,
    pub ldb: u32,
    pub ldc: u32,
    /// Quads of C.
    pub plane: u32,
    pub images: Images,
    pub block_a: Option<&'static str>,
    pub block_b: Option<&'static str>,
    pub place: Option<&'static str>,
    pub constants_a: Vec<(&'static str, u32)>,
    pub constants_b: Vec<(&'static str, u32)>,
    pub row_bias: bool,
    /// A, B, C.
    pub operands: [Tensor; 3],
    pub epilogue: Epilogue,
}

/// A core with its tile.
struct Core {
    shader: &'static str,
    /// The slot that reads A and its snippet, where the core's own does not do.
    a: Option<(&'static str, &'static str)>,
    variant: String,
    constants: Vec<(&'static str, u32)>,
    /// Workgroups along the columns and rows of C.
    groups: [u32; 2],
}

/// The first rule of a profile that matches a product. Rules with `winograd` match only where that algorithm suits.
pub(crate) fn matching(
    tuning: &Tuning,
    size: ProductSize,
    winograd_suits: bool,
) -> Option<&GemmRule> {
    tuning.gemm.iter().find(|rule| {
        (winograd_suits || !rule.winograd)
            && rule.form.is_none_or(|kind| kind == size.kind)
            && rule.min_m.is_none_or(|least| size.m >= least)
            && rule.max_m.is_none_or(|most| size.m <= most)
            && rule.min_n.is_none_or(|least| size.n >= least)
            && rule.min_k.is_none_or(|least| size.k >= least)
    })
}

/// Where a large batch has more quads of columns (`n4`) than a grid of the rule's tiles holds, the tiles become wider, and
/// registers take over where workgroup memory ends.
pub(crate) fn widened(mut rule: GemmRule, n4: u32) -> GemmRule {
    while rule.core != GemmCore::Texel && n4.div_ceil(rule.threads_x * rule.rn) > MOST_WORKGROUPS {
        let mut wider = rule.clone();
        if rule.rn < 4 {
            wider.rn = (rule.rn * 2).min(4);
        } else if rule.threads_y.is_multiple_of(2) {
            (wider.threads_x, wider.threads_y) = (rule.threads_x * 2, rule.threads_y / 2);
        } else {
            break;
        }
        if wider.core == GemmCore::Tile && !wider.fits_workgroup() {
            wider.core = GemmCore::Direct;
        }
        rule = wider;
    }
    rule
}

impl Product<'_> {
    fn size(&self) -> ProductSize {
        ProductSize {
            kind: self.kind,
            m: self.m,
            n: self.n4 * 4,
            k: self.k,
            terms: self.k,
        }
    }

    fn core(&self, tuning: &Tuning, rule: &GemmRule) -> Core {
        let GemmRule {
            rm,
            rn,
            threads_x,
            threads_y,
            ..
        } = *rule;
        let rows4 = self.m.div_ceil(4);
        let a = self.block_a.map(|snippet| ("block_a", snippet));
        match rule.core {
            GemmCore::Texel => {
                let grid = texel::Grid::new(tuning.texel.unwrap_or(8), self.m, self.n4);
                Core {
                    shader: "texel/gemm",
                    a: texel::lanes_a(self.block_a).map(|snippet| ("lanes_a", snippet)),
                    variant: "texel".into(),
                    constants: grid.constants,
                    groups: grid.groups,
                }
            }
            GemmCore::Tile => {
                let (rows, quads) = (threads_y * rm * 4, threads_x * rn);
                let groups = [self.n4.div_ceil(quads), self.m.div_ceil(rows)];
                let depth = match rule.tile_k {
                    16 => String::new(),
                    tile_k => format!("x{tile_k}"),
                };
                Core {
                    shader: "gemm/tile",
                    a,
                    variant: format!("tile {rows}x{}{depth}", quads * 4),
                    constants: vec![
                        ("RM", rm),
                        ("RN", rn),
                        ("TX", threads_x),
                        ("TY", threads_y),
                        ("BK", rule.tile_k / 4),
                    ],
                    groups,
                }
            }
            GemmCore::Direct => {
                let threads = [self.n4.div_ceil(rn), rows4.div_ceil(rm)];
                Core {
                    shader: "gemm/direct",
                    a,
                    variant: format!("direct {}x{}", rm * 4, rn * 4),
                    constants: vec![("RM", rm), ("RN", rn), ("WX", threads_x), ("WY", threads_y)],
                    groups: [
                        threads[0].div_ceil(threads_x),
                        threads[1].div_ceil(threads_y),
                    ],
                }
            }
        }
    }

    pub(crate) fn append(self, list: &mut List, tuning: &Tuning) {
        let size = self.size();
        // Small register tiles where no rule matches.
        let rule = matching(tuning, size, false)
            .cloned()
            .unwrap_or_else(|| GemmRule::new(GemmCore::Direct, [1, 1, 8, 8], 1));
        let rule = widened(rule, self.n4);
        let core = self.core(tuning, &rule);
        let groups = core.groups[0] * core.groups[1];
        let most = rule
            .max_split
            .min(tuning.fill.div_ceil(groups))
            .min(self.k4 / LEAST_LAYER)
            .max(1);
        let k4_layer = self.k4.div_ceil(most).next_multiple_of(rule.step());
        let layers = self.k4.div_ceil(k4_layer);
        let c = self.operands[2];
        let target = match layers {
            1 => c,
            _ => list.tensor(
                format!("{} partial sums", self.label),
                Role::Scratch,
                u64::from(layers) * u64::from(self.plane),
            ),
        };
        let mut dispatch = self.layers(core, k4_layer, layers, target);
        dispatch.product = Some(size);
        if layers == 1 {
            self.epilogue.fuse(&mut dispatch, self.row_bias);
            list.push(dispatch);
            return;
        }
        dispatch.variant += &format!(" split {layers}");
        list.push(dispatch);
        let mut reduce = reduce(
            self.label,
            tuning,
            [self.m, self.n, self.n4, self.ldc],
            layers,
            self.plane,
            self.images,
        );
        reduce
            .slots
            .extend(self.place.map(|snippet| ("place", snippet)));
        reduce.operands = vec![("a", target), ("c", c)];
        self.epilogue.fuse(&mut reduce, self.row_bias);
        list.push(reduce);
    }

    /// The dispatch of a core: each layer sums `k4_layer` quads of K into a plane of its own of `c`.
    fn layers(&self, core: Core, k4_layer: u32, layers: u32, c: Tensor) -> Dispatch {
        let [a, b, _] = self.operands;
        let mut dispatch = Dispatch::new(self.label, core.shader);
        dispatch.slots.extend(core.a);
        dispatch
            .slots
            .extend(self.block_b.map(|snippet| ("block_b", snippet)));
        dispatch
            .slots
            .extend(self.place.map(|snippet| ("place", snippet)));
        dispatch.constants = core.constants;
        dispatch.constants.extend(&self.constants_a);
        dispatch.constants.extend(&self.constants_b);
        dispatch.operands = vec![("a", a), ("b", b), ("c", c)];
        dispatch.sizes = vec![
            self.m, self.n, self.k, self.n4, self.k4, self.lda, self.ldb, self.ldc, k4_layer,
            self.plane,
        ];
        dispatch.sizes.extend(self.images.words());
        dispatch.grid = [core.groups[0], core.groups[1], layers];
        dispatch.variant = core.variant;
        dispatch
    }

    /// The dispatch of `planes` products at once: the layers of this one, in equal parts of K, which nothing adds. Each part
    /// must be whole steps of the rule's core. Variant and product are the caller's to complete.
    pub(crate) fn planes(&self, tuning: &Tuning, rule: &GemmRule, planes: u32) -> Dispatch {
        let core = self.core(tuning, rule);
        self.layers(core, self.k4 / planes, planes, self.operands[2])
    }
}

/// `c` = the sum of `layers` planes; slots and operands are the caller's.
fn reduce(
    label: &str,
    tuning: &Tuning,
    [m, n, n4, ldc]: [u32; 4],
    layers: u32,
    plane: u32,
    images: Images,
) -> Dispatch {
    let mut dispatch = Dispatch::new(format!("{label} sum"), "gemm/reduce");
    dispatch.constants = vec![("W", tuning.lanes)];
    dispatch.sizes = vec![m, n, n4, ldc, layers, plane];
    dispatch.sizes.extend(images.words());
    dispatch.grid = [n4.div_ceil(tuning.lanes), m, 1];
    dispatch.variant = format!("{layers} layers");
    dispatch
}

/// Appends `out` \[n\] = the sum of `layers` rows of partial sums, in their order; a whole tensor counts as one row.
pub(crate) fn reduce_rows(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    n: u32,
    layers: u32,
    partial: Tensor,
    out: Tensor,
) {
    let n4 = n.div_ceil(4);
    let mut dispatch = reduce(label, tuning, [1, n, n4, n4], layers, n4, Images::default());
    dispatch.operands = vec![("a", partial), ("c", out)];
    list.push(dispatch);
}

/// Divides `items` into layers of at least `least` so that about `fill` workgroups run, `groups` a layer: the number of
/// layers and the items of each.
pub(crate) fn chunks(items: u32, least: u32, groups: u32, fill: u32) -> (u32, u32) {
    let most = fill.div_ceil(groups).min(items / least).max(1);
    let layer = items.div_ceil(most);
    (items.div_ceil(layer), layer)
}
