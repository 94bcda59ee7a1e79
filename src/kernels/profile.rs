//! Device profiles: which kernel variants suit which kind of device, as plain data.

use serde::{Deserialize, Serialize};

/// Bytes of workgroup memory that every device grants.
const TILE_BYTES: u32 = 16_384;

/// A device profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tuning {
    /// Name of the profile.
    pub name: String,
    /// Lanes per subgroup, 4, 8 or 16, of a device for the `texel` kernels; absent for all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub texel: Option<u32>,
    /// Invocations of a workgroup in elementwise and reduction kernels, 1 to 256.
    pub lanes: u32,
    /// Invocations of a workgroup in batch norm and the update rules, 1 to 256: barriers cost software devices more than
    /// they gain.
    pub reduction_lanes: u32,
    /// Fewer workgroups than this leave the device idle, so long sums are split; 1 to 65,535.
    pub fill: u32,
    /// The first rule that matches a product decides.
    pub gemm: Vec<GemmRule>,
}

/// How a product is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GemmCore {
    /// Register tiles, no workgroup memory.
    Direct,
    /// Tiles in workgroup memory.
    Tile,
    /// Images and subgroup shuffles, with a tile of its own.
    Texel,
}

/// The products that a rule may be limited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProductKind {
    /// Both operands as they are.
    Nn,
    /// The second operand transposed.
    Nt,
    /// The first operand transposed.
    Tn,
    /// A convolution.
    ConvForward,
    /// The gradient of a convolution's input.
    ConvGradInput,
    /// The gradient of a convolution's weight.
    ConvGradWeight,
}

impl ProductKind {
    /// Its name in profiles.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ProductKind::Nn => "nn",
            ProductKind::Nt => "nt",
            ProductKind::Tn => "tn",
            ProductKind::ConvForward => "conv-forward",
            ProductKind::ConvGradInput => "conv-grad-input",
            ProductKind::ConvGradWeight => "conv-grad-weight",
        }
    }

    /// Whether Winograd's algorithm computes such products.
    fn has_winograd(self) -> bool {
        matches!(self, ProductKind::ConvForward | ProductKind::ConvGradInput)
    }
}

/// A row of the table that chooses a GEMM core. Bounds that are absent always hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GemmRule {
    /// The products of this rule; absent: all.
    pub form: Option<ProductKind>,
    /// Least rows of C.
    pub min_m: Option<u32>,
    /// Least columns of C.
    pub min_n: Option<u32>,
    /// Least terms of a sum.
    pub min_k: Option<u32>,
    /// Most rows of C.
    pub max_m: Option<u32>,
    /// The core.
    pub core: GemmCore,
    /// Blocks of four rows per invocation (direct, tile), 1 to 4.
    #[serde(default)]
    pub rm: u32,
    /// Column quads per invocation (direct, tile), 1 to 4.
    #[serde(default)]
    pub rn: u32,
    /// Invocations along the columns (direct, tile).
    #[serde(default)]
    pub threads_x: u32,
    /// Invocations along the rows (direct, tile).
    #[serde(default)]
    pub threads_y: u32,
    /// Terms of the sum that a `tile` holds in workgroup memory at a time: 8 or 16.
    #[serde(default = "usual_tile_k", skip_serializing_if = "is_usual_tile_k")]
    pub tile_k: u32,
    /// Whether the rule is for 3x3 convolutions with stride 1 and padding 1, and the gradients of their inputs, by Winograd's
    /// algorithm, whose sixteen products take this core and tile. Anything else does not match.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub winograd: bool,
    /// Most parts that a long sum is split into, 1 to 1,024; 1 never splits.
    pub max_split: u32,
}

fn usual_tile_k() -> u32 {
    16
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_usual_tile_k(tile_k: &u32) -> bool {
    *tile_k == usual_tile_k()
}

/// Why a device profile cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The text is not TOML, or has an unknown, missing or mistyped key.
    #[error("line {line}: {message}")]
    Toml {
        /// Line, from 1.
        line: usize,
        /// The parser's reason.
        message: String,
    },
    /// A value is out of range.
    #[error("{problem}")]
    Value {
        /// The value, where it stands, and the values allowed.
        problem: String,
    },
}

impl GemmRule {
    /// A rule for all products, with a tile of \[rm, rn, threads_x, threads_y\].
    pub fn new(core: GemmCore, tile: [u32; 4], max_split: u32) -> GemmRule {
        let [rm, rn, threads_x, threads_y] = tile;
        GemmRule {
            form: None,
            min_m: None,
            min_n: None,
            min_k: None,
            max_m: None,
            core,
            rm,
            rn,
            threads_x,
            threads_y,
            tile_k: usual_tile_k(),
            winograd: false,
            max_split,
        }
    }

    fn at_least(self, m: u32, n: Option<u32>) -> GemmRule {
        GemmRule {
            min_m: Some(m),
            min_n: n,
            ..self
        }
    }

    /// The bytes of workgroup memory that the `tile` core holds: `tile_k` terms of every row and column.
    fn tile_bytes(&self) -> u32 {
        16 * self.tile_k * (self.threads_y * self.rm + self.threads_x * self.rn)
    }

    /// Quads of K that a step of the core's loop takes.
    pub(in crate::kernels) fn step(&self) -> u32 {
        match self.core {
            GemmCore::Tile => self.tile_k / 4,
            GemmCore::Direct | GemmCore::Texel => 1,
        }
    }

    /// Whether the `tile` core fits the workgroup memory that every device grants.
    pub(crate) fn fits_workgroup(&self) -> bool {
        self.tile_bytes() <= TILE_BYTES
    }

    fn problem(&self, texel: bool) -> Option<String> {
        if !(1..=1024).contains(&self.max_split) {
            return Some(format!(
                "max_split must be between 1 (never split) and 1024, got {}",
                self.max_split
            ));
        }
        if let Some(kind) = self
            .form
            .filter(|kind| self.winograd && !kind.has_winograd())
        {
            return Some(format!(
                "winograd = true needs form = \"conv-forward\" or \"conv-grad-input\", or no form, got form = \"{}\"",
                kind.name()
            ));
        }
        if ![8, 16].contains(&self.tile_k) {
            return Some(format!("tile_k must be 8 or 16, got {}", self.tile_k));
        }
        if self.core == GemmCore::Texel {
            return (!texel).then(|| {
                "core = \"texel\" needs texel = 4, 8 or 16, the lanes of a subgroup".into()
            });
        }
        for (key, value, most) in [
            ("rm", self.rm, 4),
            ("rn", self.rn, 4),
            ("threads_x", self.threads_x, 256),
            ("threads_y", self.threads_y, 256),
            (
                "threads_x * threads_y",
                self.threads_x * self.threads_y,
                256,
            ),
        ] {
            if value == 0 {
                return Some(format!(
                    "the tile lacks {key}; give it a value from 1 to {most}"
                ));
            }
            if value > most {
                return Some(format!("{key} must be between 1 and {most}, got {value}"));
            }
        }
        (self.core == GemmCore::Tile && !self.fits_workgroup()).then(|| {
            format!(
                "the tile needs {} bytes of workgroup memory, but devices only guarantee {TILE_BYTES}; make it smaller",
                self.tile_bytes()
            )
        })
    }
}

impl Tuning {
    /// For GPUs: workgroup tiles for large products, register tiles for small ones, long sums split.
    pub fn gpu() -> Tuning {
        use GemmCore::{Direct, Tile};
        // Reading through a window costs more than the sums of few channels: do it once for all of them.
        let window = |kind| GemmRule {
            form: Some(kind),
            max_m: Some(63),
            ..GemmRule::new(Tile, [1, 2, 16, 4], 16).at_least(9, None)
        };
        Tuning {
            name: "gpu".into(),
            texel: None,
            lanes: 64,
            reduction_lanes: 64,
            fill: 128,
            gemm: vec![
                window(ProductKind::ConvForward),
                window(ProductKind::ConvGradInput),
                GemmRule::new(Tile, [2, 2, 8, 8], 16).at_least(64, Some(64)),
                GemmRule::new(Direct, [2, 1, 8, 8], 16).at_least(17, None),
                GemmRule::new(Direct, [1, 1, 16, 4], 16),
            ],
        }
    }

    /// For software devices without the `texel` kernels: register tiles, no workgroup memory, few splits.
    pub fn cpu() -> Tuning {
        Tuning {
            name: "cpu".into(),
            texel: None,
            lanes: 64,
            reduction_lanes: 8,
            fill: 16,
            gemm: vec![
                GemmRule::new(GemmCore::Direct, [2, 4, 4, 2], 4).at_least(16, Some(64)),
                GemmRule::new(GemmCore::Direct, [1, 2, 4, 2], 4),
            ],
        }
    }

    /// For software devices with images and subgroups of exactly `lanes` lanes: the `texel` kernels.
    pub fn texel(lanes: u32) -> Tuning {
        Tuning {
            name: "texel".into(),
            texel: Some(lanes),
            lanes: 64,
            reduction_lanes: 8,
            fill: 16,
            gemm: vec![GemmRule::new(GemmCore::Texel, [1, 1, 8, 1], 1)],
        }
    }

    /// The built-in profile of a device.
    #[must_use]
    pub fn for_device(texel: Option<u32>, software: bool) -> Tuning {
        match (texel, software) {
            (Some(lanes), _) => Tuning::texel(lanes),
            (None, true) => Tuning::cpu(),
            (None, false) => Tuning::gpu(),
        }
    }

    /// The same with the lanes that suit kernels that end in a sum over a workgroup.
    pub(in crate::kernels) fn for_reductions(&self) -> Tuning {
        Tuning {
            lanes: self.reduction_lanes,
            ..self.clone()
        }
    }

    /// Reads a profile and checks it.
    ///
    /// # Errors
    /// The text is not a profile in TOML, or [`Tuning::validate`] refuses it.
    pub fn from_toml(text: &str) -> Result<Tuning, ProfileError> {
        let tuning: Tuning = toml::from_str(text).map_err(|error| {
            let end = error.span().map_or(0, |span| span.start.min(text.len()));
            ProfileError::Toml {
                line: text[..end].matches('\n').count() + 1,
                message: error.message().replace('\n', " "),
            }
        })?;
        tuning.validate()?;
        Ok(tuning)
    }

    /// Checks that every device can run the variants of the table.
    ///
    /// # Errors
    /// [`ProfileError::Value`] for the first value out of range.
    pub fn validate(&self) -> Result<(), ProfileError> {
        for (key, value, most) in [
            ("lanes", self.lanes, 256),
            ("reduction_lanes", self.reduction_lanes, 256),
            ("fill", self.fill, 65_535),
        ] {
            if !(1..=most).contains(&value) {
                return Err(ProfileError::Value {
                    problem: format!("{key} must be between 1 and {most}, got {value}"),
                });
            }
        }
        if let Some(lanes) = self.texel.filter(|lanes| ![4, 8, 16].contains(lanes)) {
            return Err(ProfileError::Value {
                problem: format!("texel must be 4, 8 or 16 (the lanes of a subgroup), got {lanes}"),
            });
        }
        for (rule, at) in self.gemm.iter().zip(1..) {
            if let Some(problem) = rule.problem(self.texel.is_some()) {
                return Err(ProfileError::Value {
                    problem: format!("gemm rule {at}: {problem}"),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_profiles_are_valid_and_survive_toml() {
        for tuning in [Tuning::gpu(), Tuning::cpu(), Tuning::texel(8)] {
            tuning.validate().unwrap();
            let text = toml::to_string(&tuning).unwrap();
            assert_eq!(Tuning::from_toml(&text).unwrap(), tuning);
        }
    }

    #[test]
    fn winograd_is_for_convolutions_only() {
        let mut tuning = Tuning::cpu();
        tuning.gemm[0].winograd = true;
        for form in [
            None,
            Some(ProductKind::ConvForward),
            Some(ProductKind::ConvGradInput),
        ] {
            tuning.gemm[0].form = form;
            let text = toml::to_string(&tuning).unwrap();
            assert_eq!(Tuning::from_toml(&text).unwrap(), tuning);
        }
        for form in ["nn", "nt", "tn", "conv-grad-weight"] {
            let text = toml::to_string(&tuning).unwrap();
            let text = text.replacen("conv-grad-input", form, 1);
            let problem = Tuning::from_toml(&text).unwrap_err().to_string();
            let wanted = format!(
                "gemm rule 1: winograd = true needs form = \"conv-forward\" or \"conv-grad-input\", or no form, got form = \"{form}\""
            );
            assert_eq!(problem, wanted);
        }
        assert!(
            !toml::to_string(&Tuning::cpu())
                .unwrap()
                .contains("winograd")
        );
    }

    #[test]
    fn tile_k_is_16_where_absent_and_counts_for_workgroup_memory() {
        let mut tuning = Tuning::gpu();
        let text = toml::to_string(&tuning).unwrap();
        assert!(!text.contains("tile_k"), "{text}");
        assert_eq!(Tuning::from_toml(&text).unwrap().gemm[0].tile_k, 16);
        // 128 rows and 48 quads of columns: 20 KiB at 16 terms, 10 KiB at 8.
        let large = GemmRule::new(GemmCore::Tile, [2, 3, 16, 16], 1);
        tuning.gemm[0] = large.clone();
        let problem = tuning.validate().unwrap_err().to_string();
        assert!(problem.contains("needs 20480 bytes"), "{problem}");
        tuning.gemm[0].tile_k = 8;
        let text = toml::to_string(&tuning).unwrap();
        assert_eq!(Tuning::from_toml(&text).unwrap(), tuning);
    }

    #[test]
    fn rejects_profiles_that_no_device_runs() {
        let error = |change: fn(&mut Tuning)| {
            let mut tuning = Tuning::gpu();
            change(&mut tuning);
            let text = toml::to_string(&tuning).unwrap();
            Tuning::from_toml(&text).unwrap_err().to_string()
        };
        assert!(error(|t| t.gemm[0].rm = 0).contains("gemm rule 1: the tile lacks rm"));
        assert!(error(|t| t.gemm[0].threads_x = 128).contains("threads_x * threads_y"));
        assert!(
            error(|t| { (t.gemm[0].rm, t.gemm[0].threads_x, t.gemm[0].threads_y) = (4, 4, 64) })
                .contains("workgroup memory")
        );
        assert!(error(|t| t.gemm[0].max_split = 0).contains("max_split"));
        for tile_k in [0, 4, 12, 32] {
            let mut tuning = Tuning::gpu();
            tuning.gemm[2].tile_k = tile_k;
            let problem = tuning.validate().unwrap_err().to_string();
            assert_eq!(
                problem,
                format!("gemm rule 3: tile_k must be 8 or 16, got {tile_k}")
            );
        }
        assert!(error(|t| t.gemm[1].core = GemmCore::Texel).contains("texel = 4"));
        assert!(error(|t| t.fill = 0).contains("fill must be between"));
        assert!(error(|t| t.texel = Some(3)).contains("texel must be 4, 8 or 16"));
        let text = toml::to_string(&Tuning::gpu()).unwrap();
        for (old, new, expected) in [
            (
                "core = \"direct\"",
                "core = \"thin\"",
                "unknown variant `thin`",
            ),
            (
                "form = \"conv-forward\"",
                "form = \"tt\"",
                "unknown variant `tt`",
            ),
            ("max_split", "max_splits", "unknown field `max_splits`"),
            ("name = \"gpu\"", "name = 3", "line 1: invalid type"),
        ] {
            let broken = text.replacen(old, new, 1);
            let error = Tuning::from_toml(&broken).unwrap_err().to_string();
            assert!(
                error.starts_with("line ") && error.contains(expected),
                "{error}"
            );
        }
    }
}
