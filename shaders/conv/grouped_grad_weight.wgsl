// The gradient of the weight of a convolution in groups: a lane sums four taps of an output channel over the pixels of the
// images of its layer; d is the gradient of the output.
struct Sizes {
    images: u32, layer: u32, plane: u32,   // images in all and a layer; quads of the weight
    out_channels: u32, out_height: u32, out_width: u32, out_width4: u32,   // of the output; width4 in quads
    channels: u32, height: u32, width: u32, width4: u32,                   // of the input
    in_group: u32, out_group: u32,         // channels of a group: of the input, of the output
    row: u32,                              // quads of a row of the weight, [out_channels, in_group, TAPS]
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn load_x_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), x[select(0u, i, inside)], inside); }
@group(0) @binding(2) var<storage, read> d: array<vec4<f32>>;
fn load_d(i: u32) -> vec4<f32> { return d[i]; }
@group(0) @binding(3) var<storage, read_write> dw: array<vec4<f32>>;
fn store_dw(i: u32, v: vec4<f32>) { dw[i] = v; }
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

// The inputs under tap k of a row of the weight, at the four pixels of an output quad.
fn under(k: u32, base: u32, row: u32, pixels: vec4<u32>) -> vec4<f32> {
    let tap = k % TAPS;
    let in_row = row * STRIDE_H + tap / KERNEL_W * DILATION_H - PAD_H;
    let line = ((base + k / TAPS) * sizes.height + in_row) * sizes.width4;
    let column = pixels * STRIDE_W + tap % KERNEL_W * DILATION_W - PAD_W;
    let exists = k / TAPS < sizes.in_group && tap < KERNEL_H * KERNEL_W && in_row < sizes.height;
    let inside = (column < vec4<u32>(sizes.width)) & (pixels < vec4<u32>(sizes.out_width)) & vec4<bool>(exists);
    return vec4<f32>(pick(line, column.x, inside.x), pick(line, column.y, inside.y), pick(line, column.z, inside.z), pick(line, column.w, inside.w));
}

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let i = group.x * W + lane;
    if (i >= sizes.plane) { return; }
    let out = i / sizes.row;
    let k = i % sizes.row * 4u;
    let first = group.y * sizes.layer;
    let end = min(first + sizes.layer, sizes.images);
    var sum = vec4<f32>();
    for (var image = first; image < end; image++) {
        let base = image * sizes.channels + out / sizes.out_group * sizes.in_group;
        for (var row = 0u; row < sizes.out_height; row++) {
            let line = ((image * sizes.out_channels + out) * sizes.out_height + row) * sizes.out_width4;
            for (var quad = 0u; quad < sizes.out_width4; quad++) {
                let g = load_d(line + quad);
                let pixels = vec4<u32>(quad * 4u) + vec4<u32>(0u, 1u, 2u, 3u);
                sum += vec4<f32>(dot(g, under(k, base, row, pixels)), dot(g, under(k + 1u, base, row, pixels)),
                    dot(g, under(k + 2u, base, row, pixels)), dot(g, under(k + 3u, base, row, pixels)));
            }
        }
    }
    store_dw(group.y * sizes.plane + i, sum);
}
