//! The classes of products of a network, and the tiles that may compute them.

use std::collections::BTreeMap;

use crate::kernels::{GemmCore, GemmRule, List, ProductKind, Tuning};

/// The products of one shape: they share a rule.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct Class {
    /// The form.
    pub kind: ProductKind,
    /// Rows of the result.
    pub m: u32,
    /// Columns of the result, padding included.
    pub n: u32,
    /// Terms of a sum.
    pub k: u32,
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Class { kind, m, n, k } = self;
        write!(f, "{} {m} x {n} x {k}", kind.name())
    }
}

impl Class {
    /// A rule that this class matches, and no other class that stands after it in [`ordered`].
    #[must_use]
    pub fn rule(&self, of: &GemmRule) -> GemmRule {
        GemmRule {
            form: Some(self.kind),
            min_m: Some(self.m),
            max_m: Some(self.m),
            min_n: Some(self.n),
            min_k: Some(self.k),
            ..of.clone()
        }
    }
}

/// Rules of classes in an order in which the first match of each class is its own: the more columns and terms, the earlier.
#[must_use]
pub fn ordered(rules: &BTreeMap<Class, GemmRule>) -> Vec<GemmRule> {
    let mut all: Vec<(&Class, &GemmRule)> = rules.iter().collect();
    all.sort_by_key(|(class, _)| std::cmp::Reverse((class.n, class.k)));
    all.into_iter()
        .map(|(class, rule)| class.rule(rule))
        .collect()
}

/// The labels of the products of a list, by class; the sum of a split product has the label with ` sum`.
#[must_use]
pub fn classes(list: &List) -> BTreeMap<Class, Vec<String>> {
    let mut classes: BTreeMap<Class, Vec<String>> = BTreeMap::new();
    for dispatch in &list.dispatches {
        let Some(product) = dispatch.product else {
            continue;
        };
        let class = Class {
            kind: product.kind,
            m: product.m,
            n: product.n,
            k: product.k,
        };
        let labels = classes.entry(class).or_default();
        if !labels.contains(&dispatch.label) {
            labels.push(dispatch.label.clone());
        }
    }
    classes
}

/// The rules to try on a device: every core it runs with tiles from small to large, each with and without split sums, and
/// Winograd's algorithm with some of them.
#[must_use]
pub fn grid(start: &Tuning, software: bool) -> Vec<GemmRule> {
    let mut rules = vec![];
    let winograd = |of: &GemmRule| GemmRule {
        winograd: true,
        ..of.clone()
    };
    if start.texel.is_some() {
        let texel = GemmRule::new(GemmCore::Texel, [1, 1, 8, 1], 1);
        rules.push(winograd(&texel));
        rules.push(texel);
        rules.push(GemmRule::new(GemmCore::Texel, [1, 1, 8, 1], 4));
    }
    let direct: &[[u32; 4]] = match software {
        true => &[
            [1, 1, 8, 4],
            [1, 2, 4, 2],
            [2, 2, 4, 2],
            [2, 4, 4, 2],
            [4, 4, 2, 2],
        ],
        false => &[
            [1, 1, 16, 4],
            [1, 1, 8, 8],
            [2, 1, 8, 8],
            [1, 2, 8, 8],
            [2, 2, 8, 8],
            [2, 2, 16, 4],
        ],
    };
    let mut tiles: Vec<GemmRule> = direct
        .iter()
        .map(|tile| GemmRule::new(GemmCore::Direct, *tile, 1))
        .collect();
    if !software {
        tiles.extend(workgroup_tiles());
    }
    // Winograd's sixteen products fill a device without splits; small tiles would read their operands too often.
    let large = tiles.iter().filter(|tile| tile.rm * tile.rn >= 4);
    rules.extend(large.map(winograd));
    for tile in tiles {
        rules.extend([1, 16].map(|max_split| GemmRule {
            max_split,
            ..tile.clone()
        }));
    }
    rules
}

/// Tiles in workgroup memory: 4x4 and 8x8 results per invocation with 64, 128 and 256 invocations, and tiles that are wider
/// or higher, each with 8 and 16 terms at a time where they fit.
fn workgroup_tiles() -> Vec<GemmRule> {
    let tiles = [
        [1, 1, 8, 8],
        [1, 1, 16, 8],
        [1, 1, 16, 16],
        [2, 2, 8, 8],
        [2, 2, 16, 8],
        [2, 2, 16, 16],
        [1, 2, 16, 4],
        [1, 2, 16, 16],
        [2, 1, 8, 8],
    ];
    let rules = tiles.into_iter().flat_map(|tile| {
        [8, 16].map(|tile_k| GemmRule {
            tile_k,
            ..GemmRule::new(GemmCore::Tile, tile, 1)
        })
    });
    rules.filter(GemmRule::fits_workgroup).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_valid_and_every_class_matches_its_own() {
        for (start, software) in [
            (Tuning::texel(8), true),
            (Tuning::cpu(), true),
            (Tuning::gpu(), false),
        ] {
            let gemm = grid(&start, software);
            let has = |results: u32, threads: u32, tile_k: u32| {
                gemm.iter().any(|rule| {
                    rule.core == GemmCore::Tile
                        && [rule.rm * 4, rule.rn * 4] == [results; 2]
                        && rule.threads_x * rule.threads_y == threads
                        && rule.tile_k == tile_k
                })
            };
            for results in [4, 8] {
                for threads in [64, 128, 256] {
                    for tile_k in [8, 16] {
                        assert_eq!(has(results, threads, tile_k), !software);
                    }
                }
            }
            assert!(gemm.iter().any(|rule| rule.winograd));
            Tuning { gemm, ..start }.validate().unwrap();
        }
        let class = |m, n, k| Class {
            kind: ProductKind::Nn,
            m,
            n,
            k,
        };
        let all = [
            class(64, 64, 64),
            class(64, 64, 128),
            class(64, 128, 64),
            class(8, 256, 256),
            class(64, 128, 16),
        ];
        let rules: BTreeMap<Class, GemmRule> = (1..)
            .zip(all)
            .map(|(split, class)| (class, GemmRule::new(GemmCore::Direct, [1, 1, 8, 8], split)))
            .collect();
        let rules_in_order = ordered(&rules);
        for (class, own) in &rules {
            let fits = |rule: &&GemmRule| {
                rule.min_m.is_none_or(|least| class.m >= least)
                    && rule.max_m.is_none_or(|most| class.m <= most)
                    && rule.min_n.is_none_or(|least| class.n >= least)
                    && rule.min_k.is_none_or(|least| class.k >= least)
            };
            let first = rules_in_order.iter().find(fits).unwrap();
            assert_eq!(first.max_split, own.max_split, "{class:?}");
        }
    }
}
