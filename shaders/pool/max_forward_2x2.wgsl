// Max pool with window 2 and stride 2: every quad of the output comes from two quads in each of two rows. A lane steps
// through planes, rows and quads without dividing.
struct Sizes {
    quads: u32, groups_x: u32, per: u32,                // quads of y, workgroups in a row of the grid, quads a lane
    out_height: u32, out_width: u32, out_width4: u32,   // of the output; width4 in quads
    step_plane: u32, step_row: u32, step_quad: u32,     // W quads further on in y
    height: u32, width: u32, width4: u32,               // of the input
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn load_x(i: u32) -> vec4<f32> { return x[i]; }
fn load_x_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), x[select(0u, i, inside)], inside); }
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
fn store_y(i: u32, v: vec4<f32>) { y[i] = v; }
@group(0) @binding(3) var<storage, read_write> index: array<vec4<f32>>;
fn store_index(i: u32, v: vec4<f32>) { index[i] = v; }
const W = 64u; //@const

// By its bits, since compilers may assume that no NaN exists.
fn is_nan(v: vec4<f32>) -> vec4<bool> { return (bitcast<vec4<u32>>(v) & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u); }
fn better(v: vec4<f32>, best: vec4<f32>) -> vec4<bool> { return (v > best) | is_nan(v); }

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = (group.y * sizes.groups_x + group.x) * W * sizes.per + lane;
    var quad = first % sizes.out_width4;
    var row = first / sizes.out_width4 % sizes.out_height;
    var plane = first / (sizes.out_width4 * sizes.out_height);
    for (var n = 0u; n < sizes.per; n++) {
        let i = first + n * W;
        if (i < sizes.quads) {
            let at = (plane * sizes.height + row * 2u) * sizes.width4 + quad * 2u;
            let inside = quad * 2u + 1u < sizes.width4;
            let top0 = load_x(at);
            let top1 = load_x_if(at + 1u, inside);
            let bottom0 = load_x(at + sizes.width4);
            let bottom1 = load_x_if(at + sizes.width4 + 1u, inside);
            var best = vec4<f32>(top0.xz, top1.xz);
            var place = vec4<f32>();
            let v1 = vec4<f32>(top0.yw, top1.yw);
            var take = better(v1, best);
            best = select(best, v1, take);
            place = select(place, vec4<f32>(1.0), take);
            let v2 = vec4<f32>(bottom0.xz, bottom1.xz);
            take = better(v2, best);
            best = select(best, v2, take);
            place = select(place, vec4<f32>(2.0), take);
            let v3 = vec4<f32>(bottom0.yw, bottom1.yw);
            take = better(v3, best);
            best = select(best, v3, take);
            place = select(place, vec4<f32>(3.0), take);
            let exists = vec4<u32>(quad * 4u) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(sizes.out_width);
            store_y(i, select(vec4<f32>(), best, exists));
            store_index(i, select(vec4<f32>(), place, exists));
        }
        quad += sizes.step_quad;
        row += sizes.step_row;
        plane += sizes.step_plane;
        if (quad >= sizes.out_width4) { quad -= sizes.out_width4; row += 1u; }
        if (row >= sizes.out_height) { row -= sizes.out_height; plane += 1u; }
    }
}
