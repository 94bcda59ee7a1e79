//! Device profiles: which variants suit which kind of device, as plain data.

use super::{GemmRule, Tuning};

/// The cores a rule may name.
const CORES: [&str; 3] = ["direct", "tile", "texel"];
/// The products a rule may speak of.
const FORMS: [&str; 6] = [
    "nn",
    "nt",
    "tn",
    "conv-forward",
    "conv-grad-input",
    "conv-grad-weight",
];

/// Why a table of a device profile cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The text is no TOML of this form.
    #[error("the device profile cannot be read: {message}; write it as `Tuning::to_toml` does")]
    Toml {
        /// What the parser says.
        message: String,
    },
    /// A number of the profile itself is out of range.
    #[error(
        "`{field}` of device profile {profile:?} is {value}; give a value from {least} to {most}"
    )]
    Range {
        /// Name of the profile.
        profile: String,
        /// Name of the field.
        field: &'static str,
        /// What it is.
        value: u32,
        /// Least that is allowed.
        least: u32,
        /// Most that is allowed.
        most: u32,
    },
    /// The texel kernels do not exist for this number of lanes.
    #[error(
        "`texel` of device profile {profile:?} is {lanes}; use 4, 8 or 16, the lanes of a subgroup, or leave it out"
    )]
    Lanes {
        /// Name of the profile.
        profile: String,
        /// Given value.
        lanes: u32,
    },
    /// A rule names a core or form that does not exist, or a tile no device has to grant.
    #[error("gemm rule {rule} of device profile {profile:?} {problem}")]
    Rule {
        /// Name of the profile.
        profile: String,
        /// Place of the rule, from 1.
        rule: usize,
        /// What is wrong and how to mend it.
        problem: String,
    },
}

fn rule(core: &str, tile: [u32; 4], max_split: u32) -> GemmRule {
    let [rm, rn, threads_x, threads_y] = tile;
    GemmRule {
        core: core.into(),
        rm,
        rn,
        threads_x,
        threads_y,
        max_split,
        ..GemmRule::default()
    }
}

impl Tuning {
    /// For GPUs: workgroup tiles for large products, register tiles for small ones, long sums split.
    pub fn gpu() -> Tuning {
        Tuning {
            name: "gpu".into(),
            texel: None,
            lanes: 64,
            reduction_lanes: 64,
            fill: 128,
            gemm: vec![
                // Reading through a window costs more than the sums of few channels: do it once for all of them.
                GemmRule {
                    form: Some("conv-forward".into()),
                    min_m: Some(9),
                    max_m: Some(63),
                    ..rule("tile", [1, 2, 16, 4], 16)
                },
                GemmRule {
                    form: Some("conv-grad-input".into()),
                    min_m: Some(9),
                    max_m: Some(63),
                    ..rule("tile", [1, 2, 16, 4], 16)
                },
                GemmRule {
                    min_m: Some(64),
                    min_n: Some(64),
                    ..rule("tile", [2, 2, 8, 8], 16)
                },
                GemmRule {
                    min_m: Some(17),
                    ..rule("direct", [2, 1, 8, 8], 16)
                },
                rule("direct", [1, 1, 16, 4], 16),
            ],
        }
    }

    /// For software devices without the `texel` forms: register tiles, nothing shared, little split.
    pub fn cpu() -> Tuning {
        Tuning {
            name: "cpu".into(),
            texel: None,
            lanes: 64,
            reduction_lanes: 8,
            fill: 16,
            gemm: vec![
                GemmRule {
                    min_m: Some(16),
                    min_n: Some(64),
                    ..rule("direct", [2, 4, 4, 2], 4)
                },
                rule("direct", [1, 2, 4, 2], 4),
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
            gemm: vec![rule("texel", [1, 1, 8, 1], 1)],
        }
    }

    /// The built-in profile for a device: `texel` where a device has lanes for it, `cpu` for other software devices, else
    /// `gpu`.
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
    /// The text is no TOML of this form, or [`Tuning::validate`] refuses it.
    pub fn from_toml(text: &str) -> Result<Tuning, ProfileError> {
        let tuning: Tuning = toml::from_str(text).map_err(|why| ProfileError::Toml {
            message: why.to_string().trim_end().replace('\n', " "),
        })?;
        tuning.validate()?;
        Ok(tuning)
    }

    /// The profile as TOML, as [`Tuning::from_toml`] reads it.
    ///
    /// # Errors
    /// Never for a profile that [`Tuning::validate`] accepts.
    pub fn to_toml(&self) -> Result<String, ProfileError> {
        toml::to_string(self).map_err(|why| ProfileError::Toml {
            message: why.to_string(),
        })
    }

    /// Checks that every variant the tables name exists and fits what every device grants.
    ///
    /// # Errors
    /// [`ProfileError`] names the first number or rule that is wrong.
    pub fn validate(&self) -> Result<(), ProfileError> {
        for (field, value, most) in [
            ("lanes", self.lanes, 256),
            ("reduction_lanes", self.reduction_lanes, 256),
            ("fill", self.fill, 65_535),
        ] {
            if !(1..=most).contains(&value) {
                return Err(ProfileError::Range {
                    profile: self.name.clone(),
                    field,
                    value,
                    least: 1,
                    most,
                });
            }
        }
        if let Some(lanes) = self.texel.filter(|lanes| ![4, 8, 16].contains(lanes)) {
            return Err(ProfileError::Lanes {
                profile: self.name.clone(),
                lanes,
            });
        }
        for (at, rule) in self.gemm.iter().enumerate() {
            if let Some(problem) = self.problem(rule) {
                return Err(ProfileError::Rule {
                    profile: self.name.clone(),
                    rule: at + 1,
                    problem,
                });
            }
        }
        Ok(())
    }

    fn problem(&self, rule: &GemmRule) -> Option<String> {
        let GemmRule {
            rm,
            rn,
            threads_x,
            threads_y,
            max_split,
            ..
        } = *rule;
        if let Some(form) = rule.form.as_deref().filter(|form| !FORMS.contains(form)) {
            return Some(format!(
                "speaks of the form {form:?}; use one of {}",
                FORMS.join(", ")
            ));
        }
        if !CORES.contains(&rule.core.as_str()) {
            return Some(format!(
                "names the core {:?}; use one of {}",
                rule.core,
                CORES.join(", ")
            ));
        }
        if rule.core == "texel" && self.texel.is_none() {
            return Some("names the core \"texel\", which needs `texel = 4`, 8 or 16: the lanes of a subgroup".into());
        }
        if max_split == 0 || max_split > 1024 {
            return Some(format!(
                "has max_split = {max_split}; give 1 for no split, or up to 1024"
            ));
        }
        if rule.core == "texel" {
            return None;
        }
        if !(1..=4).contains(&rm) || !(1..=4).contains(&rn) {
            return Some(format!(
                "has a tile of rm = {rm}, rn = {rn}; give each a value from 1 to 4"
            ));
        }
        let threads = threads_x.saturating_mul(threads_y);
        if !(1..=256).contains(&threads) {
            return Some(format!(
                "has {threads_x} x {threads_y} threads; their product must be 1 to 256"
            ));
        }
        // Four quads of K of every row and column, 16 bytes a quad.
        let bytes = 64 * (threads_y * rm * 4 + threads_x * rn * 4);
        if rule.core == "tile" && bytes > 16_384 {
            return Some(format!(
                "needs {bytes} bytes of workgroup memory, and 16,384 are sure; make the tile smaller"
            ));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_valid_and_survive_toml() {
        for tuning in [Tuning::gpu(), Tuning::cpu(), Tuning::texel(8)] {
            tuning.validate().unwrap();
            assert_eq!(
                Tuning::from_toml(&tuning.to_toml().unwrap()).unwrap(),
                tuning
            );
        }
    }

    #[test]
    fn what_no_device_could_run_is_refused_with_its_place() {
        let broken = |change: fn(&mut Tuning)| {
            let mut tuning = Tuning::gpu();
            change(&mut tuning);
            Tuning::from_toml(&tuning.to_toml().unwrap())
                .unwrap_err()
                .to_string()
        };
        assert!(broken(|t| t.gemm[1].core = "thin".into()).contains("gemm rule 2"));
        assert!(broken(|t| t.gemm[0].rm = 0).contains("rm = 0"));
        assert!(broken(|t| t.gemm[0].threads_x = 128).contains("128 x 4 threads"));
        assert!(
            broken(|t| { (t.gemm[0].rm, t.gemm[0].threads_x, t.gemm[0].threads_y) = (4, 4, 64) })
                .contains("workgroup memory")
        );
        assert!(broken(|t| t.gemm[0].max_split = 0).contains("max_split"));
        assert!(broken(|t| t.gemm[0].core = "texel".into()).contains("texel = 4"));
        assert!(broken(|t| t.gemm[0].form = Some("tt".into())).contains("\"tt\""));
        assert!(broken(|t| t.fill = 0).contains("`fill`"));
        assert!(broken(|t| t.texel = Some(3)).contains("4, 8 or 16"));
        assert!(
            Tuning::from_toml("name = 3")
                .unwrap_err()
                .to_string()
                .contains("cannot be read")
        );
    }
}
