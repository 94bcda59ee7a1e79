//! The composer: fills the marked places of a shader file.
//!
//! A shader file is valid WGSL. Three kinds of places are marked:
//! - `const NAME = 8u; //@const` gets another value;
//! - the lines between `//@slot NAME` and `//@end` are replaced by a snippet (the text below `//@begin` in its file);
//! - an operand `var<storage, ..> x: array<vec4<f32>>` whose accessors `load_x`, `load_x_if` and `store_x` take one
//!   line each can be stored in an image instead of a buffer: 1,024 quads per row, from texel `sizes.base_x` on. Either can
//!   hold f16, packed in pairs into words, so that no device needs an extension; kernels compute in f32 all the same.
//!
//! Bindings are renumbered in the order of the text.

use super::{Access, Storage};
use crate::data::Dtype;

/// An operand of a composed shader, in binding order; binding 0 is always the size table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operand {
    /// Name in the shader.
    pub name: String,
    /// How the shader uses it.
    pub access: Access,
    /// Where it is stored.
    pub storage: Storage,
    /// Type of its elements as stored; only an operand with accessors can be f16.
    pub dtype: Dtype,
}

/// Where an operand is stored, and the type of its elements there: f32, or f16 for an operand with accessors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Where.
    pub storage: Storage,
    /// The type.
    pub dtype: Dtype,
}

impl From<Storage> for Stored {
    fn from(storage: Storage) -> Stored {
        let dtype = Dtype::F32;
        Stored { storage, dtype }
    }
}

impl Stored {
    /// The WGSL type of a binding with `space`, of an operand that is an `array<vec4<f32>>` in the file.
    fn declaration(self, name: &str, space: &str, access: Access) -> String {
        let half = self.dtype == Dtype::F16;
        match self.storage {
            Storage::Buffer => {
                let quad = if half { "vec2<u32>" } else { "vec4<f32>" };
                format!("var<{space}> {name}: array<{quad}>;")
            }
            Storage::Image => {
                let access = ["read", "write", "read_write"][access as usize];
                let format = if half { "rg32uint" } else { "rgba32float" };
                format!("var {name}: texture_storage_2d<{format}, {access}>;")
            }
        }
    }
}

/// Rounds to the nearest f16, ties to even, and above the largest to infinity, by integers: what `pack2x16float` does there
/// is left to the device. A NaN stays one.
const HALVES: &str = "\
fn halves(v: vec4<f32>) -> vec2<u32> {
    let bits = bitcast<vec4<u32>>(v);
    let sign = (bits >> vec4<u32>(16u)) & vec4<u32>(0x8000u);
    let size = bits & vec4<u32>(0x7fffffffu);
    // Below 2^-14 the mantissa moves right by more than 13 bits, and the exponent is 0.
    let exponent = size >> vec4<u32>(23u);
    let small = size < vec4<u32>(0x38800000u);
    let shift = select(vec4<u32>(13u), min(vec4<u32>(126u) - min(exponent, vec4<u32>(126u)), vec4<u32>(25u)), small);
    let moved = select(size - vec4<u32>(0x38000000u), (size & vec4<u32>(0x7fffffu)) | vec4<u32>(0x800000u), small);
    let odd = (moved >> shift) & vec4<u32>(1u);
    let near = (moved + (vec4<u32>(1u) << (shift - vec4<u32>(1u))) - vec4<u32>(1u) + odd) >> shift;
    let beyond = select(vec4<u32>(0x7c00u), vec4<u32>(0x7e00u), size > vec4<u32>(0x7f800000u));
    let all = sign | select(near, beyond, size >= vec4<u32>(0x47800000u));
    return vec2<u32>(all.x | (all.y << 16u), all.z | (all.w << 16u));
}
";
/// The f32 values of a quad of f16, exactly.
const WIDENED: &str = "fn widened(h: vec2<u32>) -> vec4<f32> { return vec4<f32>(unpack2x16float(h.x), unpack2x16float(h.y)); }\n";

/// A shader with every place filled.
#[derive(Clone, Debug)]
pub struct Composed {
    /// The WGSL text.
    pub wgsl: String,
    /// Bindings 1.. of group 0.
    pub operands: Vec<Operand>,
}

/// Fills a shader: `slots` are (slot name, snippet file text), `constants` (name, value), `stored` says where an
/// operand lives. A name that the text does not have is an error: a misspelt slot must not pass silently.
pub fn compose<S: Into<Stored>>(
    core: &str,
    slots: &[(&str, &str)],
    constants: &[(&str, u32)],
    stored: impl Fn(&str) -> S,
) -> Result<Composed, String> {
    let mut text = fill_slots(core, slots)?;
    for (name, value) in constants {
        text = set_constant(&text, name, *value)?;
    }
    let (wgsl, operands) = bind(&text, |name| stored(name).into())?;
    Ok(Composed { wgsl, operands })
}

fn fill_slots(core: &str, slots: &[(&str, &str)]) -> Result<String, String> {
    let mut out = String::with_capacity(core.len() * 2);
    let mut filled = vec![false; slots.len()];
    let mut skipping = false;
    for line in core.lines() {
        if let Some(name) = line.trim().strip_prefix("//@slot ") {
            if let Some(at) = slots.iter().position(|(slot, _)| *slot == name.trim()) {
                let (_, body) = slots[at]
                    .1
                    .split_once("//@begin\n")
                    .ok_or(format!("the snippet for slot {name} has no //@begin"))?;
                out.push_str(body);
                filled[at] = true;
                skipping = true;
            }
        } else if line.trim() == "//@end" {
            skipping = false;
        } else if !skipping {
            out.push_str(line);
            out.push('\n');
        }
    }
    match filled.iter().position(|f| !f) {
        Some(at) => Err(format!("the shader has no slot {}", slots[at].0)),
        None => Ok(out),
    }
}

fn set_constant(text: &str, name: &str, value: u32) -> Result<String, String> {
    let start = format!("const {name} = ");
    let mut found = false;
    let lines = text.lines().map(|line| {
        if line.starts_with(&start) && line.contains("//@const") {
            found = true;
            format!("{start}{value}u;")
        } else {
            line.to_string()
        }
    });
    let out = lines.collect::<Vec<_>>().join("\n") + "\n";
    if found {
        Ok(out)
    } else {
        Err(format!("the shader has no constant {name}"))
    }
}

/// `@group(0) @binding(N) var<..> name: type;` taken apart.
fn declaration(line: &str) -> Option<(&str, &str, &str)> {
    let rest = line
        .trim()
        .strip_prefix("@group(0) @binding(")?
        .split_once(')')?
        .1
        .trim();
    let rest = rest.strip_prefix("var<")?;
    let (space, rest) = rest.split_once('>')?;
    let (name, kind) = rest.split_once(':')?;
    Some((space.trim(), name.trim(), kind.trim().trim_end_matches(';')))
}

fn bind(text: &str, stored: impl Fn(&str) -> Stored) -> Result<(String, Vec<Operand>), String> {
    let mut operands = vec![];
    for (space, name, kind) in text.lines().filter_map(declaration) {
        if space == "uniform" {
            continue;
        }
        let access = match space {
            "storage, read" => Access::Read,
            _ if text.contains(&format!("fn load_{name}")) || kind != "array<vec4<f32>>" => {
                Access::Update
            }
            _ => Access::Write,
        };
        let has_accessors = kind == "array<vec4<f32>>"
            && (text.contains(&format!("fn load_{name}"))
                || text.contains(&format!("fn store_{name}")));
        let Stored { storage, dtype } = match (has_accessors, stored(name)) {
            (true, stored) => stored,
            (false, stored) if stored.dtype == Dtype::F16 => {
                return Err(format!("{name} has no accessors, so it cannot be f16"));
            }
            (false, _) => Storage::Buffer.into(),
        };
        operands.push(Operand {
            name: name.into(),
            access,
            storage,
            dtype,
        });
    }
    let bases: String = operands
        .iter()
        .filter(|o| o.storage == Storage::Image)
        .map(|o| format!("    base_{}: u32,\n", o.name))
        .collect();
    let plain = Stored::from(Storage::Buffer);
    let changed: Vec<(&Operand, Stored)> = operands
        .iter()
        .map(|o| {
            let Operand { storage, dtype, .. } = *o;
            (o, Stored { storage, dtype })
        })
        .filter(|(_, stored)| *stored != plain)
        .collect();
    let mut out = String::with_capacity(text.len() + 512);
    let (mut binding, mut in_sizes) = (0, false);
    for line in text.lines() {
        if let Some((space, name, kind)) = declaration(line) {
            let form = match changed.iter().find(|(o, _)| o.name == name) {
                Some((o, stored)) => stored.declaration(name, space, o.access),
                None => format!("var<{space}> {name}: {kind};"),
            };
            out.push_str(&format!("@group(0) @binding({binding}) {form}\n"));
            binding += 1;
            continue;
        }
        if let Some(accessor) = changed
            .iter()
            .find_map(|(o, s)| accessor(line, &o.name, *s))
        {
            out.push_str(&accessor);
            continue;
        }
        in_sizes |= line.starts_with("struct Sizes");
        if in_sizes && line.starts_with('}') {
            in_sizes = false;
            out.push_str(&bases);
        }
        if !line.trim_start().starts_with("//@") {
            out.push_str(line);
            out.push('\n');
        }
    }
    for (function, text) in [("halves(", HALVES), ("widened(", WIDENED)] {
        if out.contains(function) {
            out.push_str(text);
        }
    }
    Ok((out, operands))
}

/// The accessor that `line` holds, for an operand that is stored otherwise than in the file.
fn accessor(line: &str, name: &str, stored: Stored) -> Option<String> {
    let image = stored.storage == Storage::Image;
    let half = stored.dtype == Dtype::F16;
    let at = format!("let j = i + sizes.base_{name}; ");
    let loaded = |quad: String| match (half, image) {
        (true, true) => format!("return widened({quad}.xy);"),
        (true, false) => format!("return widened({quad});"),
        (false, _) => format!("return {quad};"),
    };
    if line.starts_with(&format!("fn load_{name}(")) {
        let body = match image {
            true => {
                at + &loaded(format!(
                    "textureLoad({name}, vec2<u32>(j & 1023u, j >> 10u))"
                ))
            }
            false => loaded(format!("{name}[i]")),
        };
        Some(format!(
            "fn load_{name}(i: u32) -> vec4<f32> {{ {body} }}\n"
        ))
    } else if line.starts_with(&format!("fn load_{name}_if(")) {
        // A coordinate out of range reads zero, which spares the selects of the buffer form.
        let row = "select(0xffffffffu, j >> 10u, inside)";
        let body = match image {
            true => at + &loaded(format!("textureLoad({name}, vec2<u32>(j & 1023u, {row}))")),
            false => loaded(format!(
                "select(vec2<u32>(), {name}[select(0u, i, inside)], inside)"
            )),
        };
        Some(format!(
            "fn load_{name}_if(i: u32, inside: bool) -> vec4<f32> {{ {body} }}\n"
        ))
    } else if line.starts_with(&format!("fn store_{name}(")) {
        let texel = if half {
            "vec4<u32>(halves(v), 0u, 0u)"
        } else {
            "v"
        };
        let body = match image {
            true => at + &format!("textureStore({name}, vec2<u32>(j & 1023u, j >> 10u), {texel});"),
            false => format!("{name}[i] = halves(v);"),
        };
        Some(format!(
            "fn store_{name}(i: u32, v: vec4<f32>) {{ {body} }}\n"
        ))
    } else {
        None
    }
}
