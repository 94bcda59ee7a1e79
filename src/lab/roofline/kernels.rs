//! The texts of the kernels that measure peaks. Loops are unrolled in the text, since not every compiler does it.

use std::fmt::Write as _;

use crate::device::Texel;

/// Invocations of a workgroup.
pub const LANES: u32 = 64;
/// Multiply-adds of each chain per turn of the loop.
const TURNS: usize = 8;
/// Quads that an invocation reads for each that it writes.
pub const READS: u32 = 32;
/// Quads that an invocation copies.
pub const COPIES: u32 = 4;
/// Quads that an invocation of the intensity sweep reads: as many independent chains.
pub const STREAMS: u32 = 8;
/// Quads of workgroup memory that are read, and reads per turn of the loop.
pub const TILE: u32 = 256;
pub const TILE_READS: u32 = 16;
/// Factor and addend of every chain: values stay finite and never become denormal.
pub const CHAIN: [f32; 2] = [0.999, 0.001];

const HEAD: &str = "struct Sizes { loops: u32, unused: u32, a: f32, b: f32 }
@group(0) @binding(0) var<uniform> sizes: Sizes;
";

/// An entry point with `body`; `i` is the invocation, `lane` its place in the workgroup.
fn main(body: &str) -> String {
    format!(
        "@compute @workgroup_size({LANES})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(local_invocation_index) lane: u32,
        @builtin(workgroup_id) group: vec3<u32>) {{
    let i = id.x;
{body}}}
"
    )
}

/// The place of quad `at` of the `each` quads of an invocation: a workgroup has a block of its own, in which neighbours read
/// neighbours. Blocks that are far apart would share the sets of a cache.
fn place(at: u32, each: u32) -> String {
    format!("group.x * {}u + {}u + lane", each * LANES, at * LANES)
}

/// `chains` independent chains of multiply-adds of `kind`, such as `vec4<f32>`; `sizes.loops` turns of eight.
pub fn multiply_adds(kind: &str, chains: usize) -> String {
    let half = kind.contains("f16");
    let scalar = if half { "f16" } else { "f32" };
    let mut body =
        format!("    let a = {kind}({scalar}(sizes.a));\n    let b = {kind}({scalar}(sizes.b));\n");
    for chain in 0..chains {
        // Chains that start alike would be one to a compiler.
        let _ = writeln!(
            body,
            "    var x{chain} = {kind}({scalar}(f32(i & 7u) + {chain}.5));"
        );
    }
    body += "    for (var t = 0u; t < sizes.loops; t += 1u) {\n";
    for _ in 0..TURNS {
        for chain in 0..chains {
            let _ = writeln!(body, "        x{chain} = fma(x{chain}, a, b);");
        }
    }
    body += "    }\n";
    let sum = (0..chains).map(|chain| format!("x{chain}"));
    let sum = sum.collect::<Vec<_>>().join(" + ");
    let lanes = if kind.starts_with("vec4") {
        4
    } else if kind.starts_with("vec2") {
        2
    } else {
        1
    };
    let parts = match lanes {
        1 => "sum".to_owned(),
        _ => ["sum.x", "sum.y", "sum.z", "sum.w"][..lanes].join(" + "),
    };
    let _ = writeln!(body, "    let sum = {sum};\n    y[i] = f32({parts});");
    let enable = if half { "enable f16;\n" } else { "" };
    format!(
        "{enable}{HEAD}@group(0) @binding(1) var<storage, read_write> y: array<f32>;\n{}",
        main(&body)
    )
}

/// Where data lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Buffer,
    Image,
}

impl Place {
    pub fn name(self) -> &'static str {
        match self {
            Self::Buffer => "buffer",
            Self::Image => "image",
        }
    }

    /// How an image holds a quad; `None` for a buffer.
    pub fn texel(self) -> Option<Texel> {
        (self == Self::Image).then_some(Texel::F32)
    }

    fn declare(self, binding: u32, name: &str, writes: bool) -> String {
        let access = match (self, writes) {
            (Self::Buffer, false) => "read",
            (Self::Buffer, true) => "read_write",
            (Self::Image, false) => "read",
            (Self::Image, true) => "write",
        };
        match self {
            Self::Buffer => {
                format!(
                    "@group(0) @binding({binding}) var<storage, {access}> {name}: array<vec4<f32>>;\n"
                )
            }
            Self::Image => format!(
                "@group(0) @binding({binding}) var {name}: texture_storage_2d<rgba32float, {access}>;\n"
            ),
        }
    }

    fn load(self, name: &str, at: &str) -> String {
        match self {
            Self::Buffer => format!("{name}[{at}]"),
            Self::Image => format!("textureLoad({name}, vec2<u32>(({at}) & 1023u, ({at}) >> 10u))"),
        }
    }

    fn store(self, name: &str, at: &str, value: &str) -> String {
        match self {
            Self::Buffer => format!("{name}[{at}] = {value};"),
            Self::Image => {
                format!("textureStore({name}, vec2<u32>(({at}) & 1023u, ({at}) >> 10u), {value});")
            }
        }
    }
}

/// Sums [`READS`] quads.
pub fn read(from: Place) -> String {
    let mut body = "    var sum = vec4<f32>(0.0);\n".to_owned();
    for at in 0..READS {
        let value = from.load("x", &place(at, READS));
        let _ = writeln!(body, "    sum += {value};");
    }
    body += "    y[i] = sum;\n";
    [
        HEAD,
        &from.declare(1, "x", false),
        &Place::Buffer.declare(2, "y", true),
        &main(&body),
    ]
    .concat()
}

/// Copies [`COPIES`] quads.
pub fn copy(from: Place, to: Place) -> String {
    let mut body = String::new();
    for at in 0..COPIES {
        let place = place(at, COPIES);
        let _ = writeln!(
            body,
            "    {}",
            to.store("y", &place, &from.load("x", &place))
        );
    }
    [
        HEAD,
        &from.declare(1, "x", false),
        &to.declare(2, "y", true),
        &main(&body),
    ]
    .concat()
}

/// Reads [`STREAMS`] quads and does `multiply_adds` of each.
pub fn intensity(from: Place, multiply_adds: u32) -> String {
    let mut body = "    let a = vec4<f32>(sizes.a);\n    let b = vec4<f32>(sizes.b);\n".to_owned();
    for stream in 0..STREAMS {
        let value = from.load("x", &place(stream, STREAMS));
        let _ = writeln!(body, "    var x{stream} = {value};");
    }
    let turn: String = (0..STREAMS)
        .map(|stream| format!("        x{stream} = fma(x{stream}, a, b);\n"))
        .collect();
    let unrolled = multiply_adds.min(8);
    if let Some(turns) = multiply_adds.checked_div(unrolled) {
        let all = turn.repeat(unrolled as usize);
        let _ = writeln!(
            body,
            "    for (var t = 0u; t < {turns}u; t += 1u) {{\n{all}    }}"
        );
    }
    let sum = (0..STREAMS).map(|stream| format!("x{stream}"));
    let _ = writeln!(body, "    y[i] = {};", sum.collect::<Vec<_>>().join(" + "));
    [
        HEAD,
        &from.declare(1, "x", false),
        &Place::Buffer.declare(2, "y", true),
        &main(&body),
    ]
    .concat()
}

/// Reads [`TILE_READS`] values of `kind` from workgroup memory in each of `sizes.loops` turns; neighbours read neighbours.
pub fn workgroup_read(kind: &str) -> String {
    let mut body = format!(
        "    for (var at = lane; at < {TILE}u; at += {LANES}u) {{ tile[at] = {kind}(f32(at) * sizes.a); }}
    workgroupBarrier();
    var sum = {kind}(0.0);
    var at = lane;
    for (var t = 0u; t < sizes.loops; t += 1u) {{\n"
    );
    for read in 0..TILE_READS {
        let offset = read * LANES + read;
        let _ = writeln!(
            body,
            "        sum += tile[(at + {offset}u) & {}u];",
            TILE - 1
        );
    }
    body += "        at += 1u;\n    }\n    y[i] = sum;\n";
    format!(
        "{HEAD}@group(0) @binding(1) var<storage, read_write> y: array<{kind}>;
var<workgroup> tile: array<{kind}, {TILE}>;
{}",
        main(&body)
    )
}

/// Reads one number, and writes nothing.
pub fn empty() -> String {
    let body = "    if (x[0].x > 3e38 && sizes.a > 3e38) { return; }\n";
    [HEAD, &Place::Buffer.declare(1, "x", false), &main(body)].concat()
}

/// Writes one number, so that dispatches wait for each other.
pub fn dependent() -> String {
    let body = "    if (i == 0u) { y[0] = vec4<f32>(sizes.a); }\n";
    [HEAD, &Place::Buffer.declare(1, "y", true), &main(body)].concat()
}
