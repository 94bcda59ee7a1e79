// Max pool with any window: the maximum of each window, and its place in the window as row * KERNEL_W + column. A lane
// computes quads of outputs; it steps through planes, rows and quads without dividing.
struct Sizes {
    quads: u32, groups_x: u32, per: u32,                // quads of y, workgroups in a row of the grid, quads a lane
    out_height: u32, out_width: u32, out_width4: u32,   // of the output; width4 in quads
    step_plane: u32, step_row: u32, step_quad: u32,     // W quads further on in y
    height: u32, width: u32, width4: u32,               // of the input
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn load_x_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), x[select(0u, i, inside)], inside); }
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
fn store_y(i: u32, v: vec4<f32>) { y[i] = v; }
@group(0) @binding(3) var<storage, read_write> index: array<vec4<f32>>;
fn store_index(i: u32, v: vec4<f32>) { index[i] = v; }
const W = 64u; //@const
const KERNEL_H = 3u; //@const
const KERNEL_W = 3u; //@const
const STRIDE_H = 2u; //@const
const STRIDE_W = 2u; //@const
const PADDING_H = 1u; //@const
const PADDING_W = 1u; //@const

fn pick(line: u32, column: u32, inside: bool) -> f32 { return load_x_if(line + (column >> 2u), inside)[column & 3u]; }
// By its bits, since compilers may assume that no NaN exists.
fn is_nan(v: vec4<f32>) -> vec4<bool> { return (bitcast<vec4<u32>>(v) & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u); }

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = (group.y * sizes.groups_x + group.x) * W * sizes.per + lane;
    var quad = first % sizes.out_width4;
    var row = first / sizes.out_width4 % sizes.out_height;
    var plane = first / (sizes.out_width4 * sizes.out_height);
    for (var n = 0u; n < sizes.per; n++) {
        let i = first + n * W;
        if (i < sizes.quads) {
            let out = vec4<u32>(quad * 4u) + vec4<u32>(0u, 1u, 2u, 3u);
            var best = vec4<f32>();
            var place = vec4<f32>();
            var found = vec4<bool>();
            for (var r = 0u; r < KERNEL_H; r++) {
                // Rows and columns before the first wrap around to large numbers, which are outside as well.
                let in_row = row * STRIDE_H + r - PADDING_H;
                let line = (plane * sizes.height + in_row) * sizes.width4;
                for (var c = 0u; c < KERNEL_W; c++) {
                    let column = out * STRIDE_W + c - PADDING_W;
                    let inside = (column < vec4<u32>(sizes.width)) & vec4<bool>(in_row < sizes.height);
                    let v = vec4<f32>(pick(line, column.x, inside.x), pick(line, column.y, inside.y),
                        pick(line, column.z, inside.z), pick(line, column.w, inside.w));
                    let better = inside & (!found | (v > best) | is_nan(v));
                    best = select(best, v, better);
                    place = select(place, vec4<f32>(f32(r * KERNEL_W + c)), better);
                    found = found | inside;
                }
            }
            let exists = out < vec4<u32>(sizes.out_width);
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
