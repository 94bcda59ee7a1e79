//! The composer: fills the marked places of a shader file.
//!
//! A shader file is valid WGSL. Three kinds of places are marked:
//! - `const NAME = 8u; //@const` gets another value;
//! - the lines between `//@slot NAME` and `//@end` are replaced by a snippet (the text below `//@begin` in its file);
//! - an operand `var<storage, ..> x: array<vec4<f32>>` whose accessors `load_x`, `load_x_if` and `store_x` take one
//!   line each can be stored in an image instead of a buffer: 1,024 quads per row, from texel `sizes.base_x` on.
//!
//! Bindings are renumbered in the order of the text.

use super::{Access, Storage};

/// An operand of a composed shader, in binding order; binding 0 is always the size table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operand {
    /// Name in the shader.
    pub name: String,
    /// How the shader uses it.
    pub access: Access,
    /// Where it is stored.
    pub storage: Storage,
}

/// A shader with every place filled.
#[derive(Clone, Debug)]
pub struct Composed {
    /// The WGSL text.
    pub wgsl: String,
    /// Bindings 1.. of group 0.
    pub operands: Vec<Operand>,
}

/// Fills a shader: `slots` are (slot name, snippet file text), `constants` (name, value), `storage` says where an
/// operand lives. A name that the text does not have is an error: a misspelt slot must not pass silently.
pub fn compose(
    core: &str,
    slots: &[(&str, &str)],
    constants: &[(&str, u32)],
    storage: impl Fn(&str) -> Storage,
) -> Result<Composed, String> {
    let mut text = fill_slots(core, slots)?;
    for (name, value) in constants {
        text = set_constant(&text, name, *value)?;
    }
    let (wgsl, operands) = bind(&text, storage)?;
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

fn bind(text: &str, storage: impl Fn(&str) -> Storage) -> Result<(String, Vec<Operand>), String> {
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
        let imageable = kind == "array<vec4<f32>>"
            && (text.contains(&format!("fn load_{name}"))
                || text.contains(&format!("fn store_{name}")));
        let place = if imageable {
            storage(name)
        } else {
            Storage::Buffer
        };
        operands.push(Operand {
            name: name.into(),
            access,
            storage: place,
        });
    }
    let images: Vec<&Operand> = operands
        .iter()
        .filter(|o| o.storage == Storage::Image)
        .collect();
    let bases: String = images
        .iter()
        .map(|o| format!("    base_{}: u32,\n", o.name))
        .collect();
    let mut out = String::with_capacity(text.len() + 512);
    let (mut binding, mut in_sizes) = (0, false);
    for line in text.lines() {
        if let Some((space, name, kind)) = declaration(line) {
            let image = images.iter().find(|o| o.name == name);
            let form = match image {
                Some(o) => {
                    let access = ["read", "write", "read_write"][o.access as usize];
                    format!("var {name}: texture_storage_2d<rgba32float, {access}>;")
                }
                None => format!("var<{space}> {name}: {kind};"),
            };
            out.push_str(&format!("@group(0) @binding({binding}) {form}\n"));
            binding += 1;
            continue;
        }
        if let Some(accessor) = images.iter().find_map(|o| image_accessor(line, &o.name)) {
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
    Ok((out, operands))
}

fn image_accessor(line: &str, name: &str) -> Option<String> {
    let at = format!("let j = i + sizes.base_{name}; ");
    if line.starts_with(&format!("fn load_{name}(")) {
        Some(format!(
            "fn load_{name}(i: u32) -> vec4<f32> {{ {at}return textureLoad({name}, vec2<u32>(j & 1023u, j >> 10u)); }}\n"
        ))
    } else if line.starts_with(&format!("fn load_{name}_if(")) {
        // A coordinate out of range reads zero, which spares the four selects of the buffer form.
        Some(format!(
            "fn load_{name}_if(i: u32, inside: bool) -> vec4<f32> {{ {at}return textureLoad({name}, vec2<u32>(j & 1023u, select(0xffffffffu, j >> 10u, inside))); }}\n"
        ))
    } else if line.starts_with(&format!("fn store_{name}(")) {
        Some(format!(
            "fn store_{name}(i: u32, v: vec4<f32>) {{ {at}textureStore({name}, vec2<u32>(j & 1023u, j >> 10u), v); }}\n"
        ))
    } else {
        None
    }
}
