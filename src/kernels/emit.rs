//! A kernel's WGSL in the languages of the drivers: shows that it can be translated where no such driver is available.

use std::fmt;
use std::str::FromStr;

use naga::back::{self, hlsl, msl, spv, wgsl};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{Expression, Module, SourceLocation, TypeInner};

/// A shader language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// SPIR-V 1.3 in little-endian words, for Vulkan 1.1 and later.
    Spirv,
    /// Metal Shading Language 3.1, for Apple's devices.
    Msl,
    /// HLSL for shader model 6.6, for Direct3D 12.
    Hlsl,
    /// WGSL again, with every name and type made explicit.
    Wgsl,
}

impl Language {
    /// Every language, in the order they are shown.
    pub const ALL: [Self; 4] = [Self::Spirv, Self::Msl, Self::Hlsl, Self::Wgsl];

    /// Usual extension of a file in this language, without the dot.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Spirv => "spv",
            Self::Msl => "metal",
            Self::Hlsl => "hlsl",
            Self::Wgsl => "wgsl",
        }
    }

    fn capabilities(self) -> Capabilities {
        match self {
            Self::Spirv => spv::supported_capabilities(),
            Self::Msl => msl::supported_capabilities(),
            Self::Hlsl => hlsl::supported_capabilities(),
            Self::Wgsl => wgsl::supported_capabilities(),
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Spirv => "spirv",
            Self::Msl => "msl",
            Self::Hlsl => "hlsl",
            Self::Wgsl => "wgsl",
        })
    }
}

impl FromStr for Language {
    type Err = EmitError;

    /// Accepts the displayed names, the file extensions and `spir-v`, in any case.
    fn from_str(text: &str) -> Result<Self, EmitError> {
        let lower = text.to_ascii_lowercase();
        Self::ALL
            .into_iter()
            .find(|language| lower == language.to_string() || lower == language.extension())
            .or((lower == "spir-v").then_some(Self::Spirv))
            .ok_or_else(|| EmitError::UnknownLanguage {
                given: text.to_owned(),
            })
    }
}

/// Why a kernel was not written in another language.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// A name that is no language.
    #[error("{given:?} is not a shader language; use spirv, msl, hlsl or wgsl")]
    UnknownLanguage {
        /// What was given.
        given: String,
    },
    /// The text is not WGSL, or not valid.
    #[error("WGSL line {line}, column {column}: {message}; fix the kernel's text")]
    Wgsl {
        /// Line, from 1; 0 when the error belongs to no place.
        line: u32,
        /// Column, from 1; 0 when the error belongs to no place.
        column: u32,
        /// What is wrong.
        message: String,
    },
    /// The kernel uses something the language cannot express.
    #[error(
        "{language} cannot express this kernel: {message}; choose another language or variant of the kernel"
    )]
    Unsupported {
        /// The language.
        language: Language,
        /// What it lacks.
        message: String,
    },
}

/// Parses and validates a composed kernel, allowing whatever any device may offer.
///
/// # Errors
/// [`EmitError::Wgsl`] with the place and the reason.
pub fn validate(wgsl: &str) -> Result<(Module, ModuleInfo), EmitError> {
    let module = naga::front::wgsl::parse_str(wgsl).map_err(|error| {
        at(
            error.location(wgsl),
            one_line(error.message(), error.labels().map(|(_, label)| label)),
        )
    })?;
    let info = validator(Capabilities::all())
        .validate(&module)
        .map_err(|error| {
            let labels: Vec<String> = error.spans().map(|(_, label)| label.clone()).collect();
            let reason = chain(error.as_inner());
            at(
                error.location(wgsl),
                one_line(&reason, labels.iter().map(String::as_str)),
            )
        })?;
    Ok((module, info))
}

/// The composed kernel `wgsl` in `language`; text languages as UTF-8, SPIR-V as little-endian words.
///
/// Written as the engine runs its kernels: without bounds checks, loop bounds or zeroed workgroup memory.
///
/// # Errors
/// [`EmitError::Wgsl`] when the kernel itself is wrong, [`EmitError::Unsupported`] when the language lacks something.
pub fn emit(wgsl: &str, language: Language) -> Result<Vec<u8>, EmitError> {
    let (module, _) = validate(wgsl)?;
    emit_module(&module, language)
}

/// The languages that can express `module`, found by writing it in each.
#[must_use]
pub fn supported(module: &Module) -> Vec<Language> {
    Language::ALL
        .into_iter()
        .filter(|&language| emit_module(module, language).is_ok())
        .collect()
}

/// A parsed kernel in `language`; see [`emit`].
///
/// # Errors
/// [`EmitError::Unsupported`] when the language cannot express it.
pub fn emit_module(module: &Module, language: Language) -> Result<Vec<u8>, EmitError> {
    let lacks = |message: String| EmitError::Unsupported { language, message };
    let info = validator(language.capabilities())
        .validate(module)
        .map_err(|error| lacks(chain(error.as_inner())))?;
    if language == Language::Msl && has_wide_matrix(module) {
        // The writer would produce `simdgroup_float16x16`, which the language does not have.
        return Err(lacks("its cooperative matrices are 8 by 8".to_owned()));
    }
    let (module, info) =
        back::pipeline_constants::process_overrides(module, &info, None, &Default::default())
            .map_err(|error| lacks(chain(&error)))?;
    match language {
        Language::Spirv => {
            let options = spv::Options {
                lang_version: (1, 3),
                flags: spv::WriterFlags::empty(),
                bounds_check_policies: unchecked(),
                zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
                force_loop_bounding: false,
                emit_int_div_checks: false,
                ..Default::default()
            };
            let words = spv::write_vec(&module, &info, &options, None)
                .map_err(|error| lacks(chain(&error)))?;
            Ok(words.into_iter().flat_map(u32::to_le_bytes).collect())
        }
        Language::Msl => {
            let options = msl::Options {
                lang_version: (3, 1),
                bounds_check_policies: unchecked(),
                zero_initialize_workgroup_memory: false,
                force_loop_bounding: false,
                emit_int_div_checks: false,
                ..Default::default()
            };
            msl::write_string(&module, &info, &options, &msl::PipelineOptions::default())
                .map(|(text, _)| text.into_bytes())
                .map_err(|error| lacks(chain(&error)))
        }
        Language::Hlsl => {
            let options = hlsl::Options {
                shader_model: hlsl::ShaderModel::V6_6,
                zero_initialize_workgroup_memory: false,
                restrict_indexing: false,
                force_loop_bounding: false,
                ..Default::default()
            };
            let pipeline = hlsl::PipelineOptions::default();
            let mut text = String::new();
            let written = hlsl::Writer::new(&mut text, &options, &pipeline)
                .write(&module, &info, None)
                .map_err(|error| lacks(chain(&error)))?;
            match written.entry_point_names.into_iter().find_map(Result::err) {
                Some(error) => Err(lacks(chain(&error))),
                None => Ok(text.into_bytes()),
            }
        }
        Language::Wgsl => wgsl::write_string(&module, &info, wgsl::WriterFlags::EXPLICIT_TYPES)
            .map(String::into_bytes)
            .map_err(|error| lacks(chain(&error))),
    }
}

fn validator(capabilities: Capabilities) -> Validator {
    Validator::new(ValidationFlags::all(), capabilities)
}

fn unchecked() -> naga::proc::BoundsCheckPolicies {
    naga::proc::BoundsCheckPolicies {
        index: naga::proc::BoundsCheckPolicy::Unchecked,
        buffer: naga::proc::BoundsCheckPolicy::Unchecked,
        image_load: naga::proc::BoundsCheckPolicy::Unchecked,
        binding_array: naga::proc::BoundsCheckPolicy::Unchecked,
    }
}

/// Whether a cooperative matrix wider than eight is declared or loaded; a load's type may exist nowhere else.
fn has_wide_matrix(module: &Module) -> bool {
    use naga::CooperativeSize::Sixteen;
    let declared = module.types.iter().any(|(_, ty)| {
        matches!(
            ty.inner,
            TypeInner::CooperativeMatrix {
                columns: Sixteen,
                ..
            } | TypeInner::CooperativeMatrix { rows: Sixteen, .. }
        )
    });
    let functions = module.functions.iter().map(|(_, function)| function);
    let loaded = functions
        .chain(module.entry_points.iter().map(|entry| &entry.function))
        .any(|function| {
            function.expressions.iter().any(|(_, expression)| {
                matches!(
                    expression,
                    Expression::CooperativeLoad {
                        columns: Sixteen,
                        ..
                    } | Expression::CooperativeLoad { rows: Sixteen, .. }
                )
            })
        });
    declared || loaded
}

fn at(location: Option<SourceLocation>, message: String) -> EmitError {
    let (line, column) = location.map_or((0, 0), |place| (place.line_number, place.line_position));
    EmitError::Wgsl {
        line,
        column,
        message,
    }
}

fn one_line<'a>(reason: &str, labels: impl Iterator<Item = &'a str>) -> String {
    let labels: Vec<&str> = labels
        .filter(|label| !label.is_empty() && !reason.contains(*label))
        .collect();
    if labels.is_empty() {
        reason.to_owned()
    } else {
        format!("{reason} ({})", labels.join(", "))
    }
}

/// An error with everything that caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(|error| error.to_string().trim().to_owned())
        .collect::<Vec<_>>()
        .join(": ")
}
