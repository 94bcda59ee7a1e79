// A convolution in groups: an output channel reads the channels of its group only. A lane computes quads of outputs; it steps
// through planes, rows and quads without dividing.
struct Sizes {
    quads: u32, groups_x: u32, per: u32,   // quads of y, workgroups in a row of the grid, quads a lane
    out_channels: u32, out_height: u32, out_width: u32, out_width4: u32,   // of the output; width4 in quads
    step_plane: u32, step_row: u32, step_quad: u32,   // W quads further on in y
    channels: u32, height: u32, width: u32, width4: u32,   // of the input
    in_group: u32, out_group: u32,         // channels of a group: of the input, of the output
    row: u32,                              // quads of a row of the weight, [out_channels, in_group, TAPS]
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn load_x_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), x[select(0u, i, inside)], inside); }
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;
fn load_w(i: u32) -> vec4<f32> { return w[i]; }
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
fn store_y(i: u32, v: vec4<f32>) { y[i] = v; }
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

fn pick(line: u32, column: u32, inside: bool) -> f32 { return load_x_if(line + (column >> 2u), inside)[column & 3u]; }

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = (group.y * sizes.groups_x + group.x) * W * sizes.per + lane;
    var quad = first % sizes.out_width4;
    var row = first / sizes.out_width4 % sizes.out_height;
    var plane = first / (sizes.out_width4 * sizes.out_height);
    for (var n = 0u; n < sizes.per; n++) {
        let i = first + n * W;
        if (i < sizes.quads) {
            let out = plane % sizes.out_channels;
            let base = plane / sizes.out_channels * sizes.channels + out / sizes.out_group * sizes.in_group;
            let pixels = vec4<u32>(quad * 4u) + vec4<u32>(0u, 1u, 2u, 3u);
            var sum = vec4<f32>();
            for (var channel = 0u; channel < sizes.in_group; channel++) {
                for (var r = 0u; r < KERNEL_H; r++) {
                    // Rows and columns before the first wrap around to large numbers, which are outside as well.
                    let in_row = row * STRIDE_H + r * DILATION_H - PAD_H;
                    let line = ((base + channel) * sizes.height + in_row) * sizes.width4;
                    for (var c = 0u; c < KERNEL_W; c++) {
                        let column = pixels * STRIDE_W + c * DILATION_W - PAD_W;
                        let inside = (column < vec4<u32>(sizes.width)) & vec4<bool>(in_row < sizes.height);
                        let k = channel * TAPS + r * KERNEL_W + c;
                        sum += load_w(out * sizes.row + (k >> 2u))[k & 3u] * vec4<f32>(pick(line, column.x, inside.x),
                            pick(line, column.y, inside.y), pick(line, column.z, inside.z), pick(line, column.w, inside.w));
                    }
                }
            }
            store_y(i, select(vec4<f32>(), epilogue(sum, out, 0u, i), pixels < vec4<u32>(sizes.out_width)));
        }
        quad += sizes.step_quad;
        row += sizes.step_row;
        plane += sizes.step_plane;
        if (quad >= sizes.out_width4) { quad -= sizes.out_width4; row += 1u; }
        if (row >= sizes.out_height) { row -= sizes.out_height; plane += 1u; }
    }
}
