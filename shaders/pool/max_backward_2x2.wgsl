// Backward of the max pool with window 2 and stride 2: half a quad of the output spreads over a quad of the input. A lane
// steps through planes, rows and quads of dx without dividing.
struct Sizes {
    quads: u32, groups_x: u32, per: u32,                // quads of dx, workgroups in a row of the grid, quads a lane
    height: u32, width4: u32,                           // of the input; width4 in quads
    step_plane: u32, step_row: u32, step_quad: u32,     // W quads further on in dx
    out_height: u32, out_width: u32, out_width4: u32,   // of the output
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
fn load_dy_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), dy[select(0u, i, inside)], inside); }
@group(0) @binding(2) var<storage, read> index: array<vec4<f32>>;
fn load_index_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), index[select(0u, i, inside)], inside); }
@group(0) @binding(3) var<storage, read_write> dx: array<vec4<f32>>;
fn store_dx(i: u32, v: vec4<f32>) { dx[i] = v; }
//@slot finish
fn finish(v: vec4<f32>, i: u32) -> vec4<f32> { return v; }
//@end
const W = 64u; //@const

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = (group.y * sizes.groups_x + group.x) * W * sizes.per + lane;
    var quad = first % sizes.width4;
    var row = first / sizes.width4 % sizes.height;
    var plane = first / (sizes.width4 * sizes.height);
    for (var n = 0u; n < sizes.per; n++) {
        let i = first + n * W;
        if (i < sizes.quads) {
            // The last row and column of an odd input are in no window; the padding of the output is zero.
            let inside = (row >> 1u) < sizes.out_height && (quad >> 1u) < sizes.out_width4;
            let at = (plane * sizes.out_height + (row >> 1u)) * sizes.out_width4 + (quad >> 1u);
            let gradient = load_dy_if(at, inside);
            let place = load_index_if(at, inside);
            let right = (quad & 1u) == 1u;
            let passed = select(gradient.xxyy, gradient.zzww, right);
            let chosen = select(place.xxyy, place.zzww, right);
            let own = vec4<f32>(0.0, 1.0, 0.0, 1.0) + select(0.0, 2.0, (row & 1u) == 1u);
            store_dx(i, finish(select(vec4<f32>(), passed, chosen == own), i));
        }
        quad += sizes.step_quad;
        row += sizes.step_row;
        plane += sizes.step_plane;
        if (quad >= sizes.width4) { quad -= sizes.width4; row += 1u; }
        if (row >= sizes.height) { row -= sizes.height; plane += 1u; }
    }
}
