//! The composer.

use wattgrad::internals::kernels::compose::compose;
use wattgrad::internals::kernels::{Access, Storage};

const CORE: &str = "struct Sizes {\n    n: u32,\n}\n@group(0) @binding(0) var<uniform> sizes: Sizes;\n\
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;\nfn load_x(i: u32) -> vec4<f32> { return x[i]; }\n\
@group(0) @binding(9) var<storage, read_write> y: array<vec4<f32>>;\nfn store_y(i: u32, v: vec4<f32>) { y[i] = v; }\n\
const W = 8u; //@const\n//@slot op\nfn op(v: vec4<f32>) -> vec4<f32> { return v; }\n//@end\n\
@compute @workgroup_size(W) fn main(@builtin(global_invocation_id) g: vec3<u32>) { store_y(g.x, op(load_x(g.x))); }\n";
const SNIPPET: &str = "// context\n//@begin\nfn op(v: vec4<f32>) -> vec4<f32> { return v + v; }\n";

#[test]
fn fills_slots_constants_and_images() {
    let c = compose(CORE, &[("op", SNIPPET)], &[("W", 32)], |n| {
        if n == "y" {
            Storage::Image
        } else {
            Storage::Buffer
        }
    })
    .unwrap();
    assert!(
        c.wgsl.contains("return v + v")
            && c.wgsl.contains("const W = 32u;")
            && c.wgsl.contains("base_y: u32")
    );
    assert!(
        c.wgsl
            .contains("@binding(2) var y: texture_storage_2d<rgba32float, write>")
    );
    assert_eq!(
        c.operands.iter().map(|o| o.access).collect::<Vec<_>>(),
        [Access::Read, Access::Write]
    );
    naga::front::wgsl::parse_str(&c.wgsl).unwrap();
}

#[test]
fn a_name_the_shader_does_not_have_is_an_error() {
    assert!(compose(CORE, &[("opp", SNIPPET)], &[], |_| Storage::Buffer).is_err());
    assert!(compose(CORE, &[], &[("WW", 1)], |_| Storage::Buffer).is_err());
}
