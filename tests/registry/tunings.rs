//! The tunings under which the networks are lowered.

use wattgrad::internals::kernels::{GemmCore, GemmRule, ProductKind, Tuning};

fn one(name: &str, texel: Option<u32>, lanes: u32, fill: u32, rule: GemmRule) -> Tuning {
    Tuning {
        name: name.into(),
        texel,
        lanes,
        reduction_lanes: lanes,
        fill,
        gemm: vec![rule],
    }
}

/// The same with Winograd's algorithm for some passes, each with the core and tile of a rule.
fn with_winograd(tuning: Tuning, passes: &[(ProductKind, GemmRule)]) -> Tuning {
    let rules = passes.iter().map(|(form, of)| GemmRule {
        form: Some(*form),
        winograd: true,
        ..of.clone()
    });
    Tuning {
        gemm: rules.chain(tuning.gemm.clone()).collect(),
        ..tuning
    }
}

/// The built-in tunings, and one row for each core; among them lanes that are no power of two.
pub fn tunings() -> Vec<Tuning> {
    let texel = GemmRule::new(GemmCore::Texel, [1, 1, 8, 1], 4);
    let direct = GemmRule::new(GemmCore::Direct, [2, 2, 8, 4], 1);
    let tile_k8 = GemmRule {
        tile_k: 8,
        ..GemmRule::new(GemmCore::Tile, [2, 2, 16, 8], 4)
    };
    let all = vec![
        Tuning::gpu(),
        Tuning::cpu(),
        Tuning::texel(8),
        one(
            "direct",
            None,
            32,
            64,
            GemmRule::new(GemmCore::Direct, [3, 2, 4, 8], 8),
        ),
        one(
            "tile",
            None,
            48,
            256,
            GemmRule::new(GemmCore::Tile, [1, 2, 8, 8], 16),
        ),
        // The texel forms next to the other cores, whose operands then live in images too.
        one(
            "direct in images",
            Some(16),
            64,
            16,
            GemmRule::new(GemmCore::Direct, [1, 2, 4, 2], 4),
        ),
        one(
            "tile in images",
            Some(8),
            128,
            32,
            GemmRule::new(GemmCore::Tile, [2, 2, 8, 8], 4),
        ),
        with_winograd(
            one("texel split", Some(4), 8, 64, texel.clone()),
            &[(ProductKind::ConvForward, texel)],
        ),
        with_winograd(
            one("winograd", None, 64, 64, tile_k8.clone()),
            &[
                (ProductKind::ConvForward, tile_k8),
                (ProductKind::ConvGradInput, direct),
            ],
        ),
    ];
    for tuning in &all {
        tuning.validate().unwrap();
    }
    all
}
