// The gradient of the input of a convolution in groups: an input channel reads the output channels of its group. A lane
// computes quads of dx; it steps through planes, rows and quads without dividing.
struct Sizes {
    quads: u32, groups_x: u32, per: u32,   // quads of dx, workgroups in a row of the grid, quads a lane
    channels: u32, height: u32, width: u32, width4: u32,   // of the input; width4 in quads
    step_plane: u32, step_row: u32, step_quad: u32,   // W quads further on in dx
    out_channels: u32, out_height: u32, out_width: u32, out_width4: u32,   // of the output
    in_group: u32, out_group: u32,         // channels of a group: of the input, of the output
    row: u32,                              // quads of a row of the weight, [out_channels, in_group, TAPS]
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
fn load_dy_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), dy[select(0u, i, inside)], inside); }
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;
fn load_w(i: u32) -> vec4<f32> { return w[i]; }
@group(0) @binding(3) var<storage, read_write> dx: array<vec4<f32>>;
fn store_dx(i: u32, v: vec4<f32>) { dx[i] = v; }
//@slot epilogue
fn epilogue(v: vec4<f32>, i: u32, j4: u32, at: u32) -> vec4<f32> { return v; }
//@end
const W = 64u; //@const
const KERNEL_H = 3u; //@const
const KERNEL_W = 3u; //@const
const STRIDE_H = 1u; //@const
const STRIDE_W = 1u; //@const
const PAD_H = 1u; //@const
const PAD_W = 1u; //@const
const DILATION_H = 1u; //@const
const DILATION_W = 1u; //@const
const TAPS = 12u; //@const   taps stored per channel

fn pick(line: u32, column: u32, inside: bool) -> f32 { return load_dy_if(line + (column >> 2u), inside)[column & 3u]; }

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = (group.y * sizes.groups_x + group.x) * W * sizes.per + lane;
    var quad = first % sizes.width4;
    var row = first / sizes.width4 % sizes.height;
    var plane = first / (sizes.width4 * sizes.height);
    for (var n = 0u; n < sizes.per; n++) {
        let i = first + n * W;
        if (i < sizes.quads) {
            let channel = plane % sizes.channels;
            let within = channel % sizes.in_group;
            let first_out = channel / sizes.in_group * sizes.out_group;
            let base = plane / sizes.channels * sizes.out_channels + first_out;
            let pixels = vec4<u32>(quad * 4u) + vec4<u32>(0u, 1u, 2u, 3u);
            var sum = vec4<f32>();
            for (var out = 0u; out < sizes.out_group; out++) {
                for (var r = 0u; r < KERNEL_H; r++) {
                    // Where no window starts, the difference wraps around to a large number, which is outside as well.
                    let top = row + PAD_H - r * DILATION_H;
                    let line = ((base + out) * sizes.out_height + top / STRIDE_H) * sizes.out_width4;
                    let row_inside = top % STRIDE_H == 0u && top / STRIDE_H < sizes.out_height;
                    for (var c = 0u; c < KERNEL_W; c++) {
                        let left = pixels + PAD_W - c * DILATION_W;
                        let column = left / STRIDE_W;
                        let inside = (left % vec4<u32>(STRIDE_W) == vec4<u32>()) & (column < vec4<u32>(sizes.out_width)) & vec4<bool>(row_inside);
                        let k = within * TAPS + r * KERNEL_W + c;
                        sum += load_w((first_out + out) * sizes.row + (k >> 2u))[k & 3u] * vec4<f32>(pick(line, column.x, inside.x),
                            pick(line, column.y, inside.y), pick(line, column.z, inside.z), pick(line, column.w, inside.w));
                    }
                }
            }
            store_dx(i, select(vec4<f32>(), epilogue(sum, channel, 0u, i), pixels < vec4<u32>(sizes.width)));
        }
        quad += sizes.step_quad;
        row += sizes.step_row;
        plane += sizes.step_plane;
        if (quad >= sizes.width4) { quad -= sizes.width4; row += 1u; }
        if (row >= sizes.height) { row -= sizes.height; plane += 1u; }
    }
}
