// Average pool with any window. A lane computes quads of outputs; it steps through planes, rows and quads without dividing.
struct Sizes {
    quads: u32, groups_x: u32, per: u32,                // quads of y, workgroups in a row of the grid, quads a lane
    out_height: u32, out_width: u32, out_width4: u32,      // of the output; width4 in quads
    step_plane: u32, step_row: u32, step_quad: u32,     // W quads further on in y
    height: u32, width: u32, width4: u32,      // of the input
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn load_x_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), x[select(0u, i, inside)], inside); }
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
fn store_y(i: u32, v: vec4<f32>) { y[i] = v; }
const W = 64u; //@const
const KERNEL_H = 3u; //@const
const KERNEL_W = 3u; //@const
const STRIDE_H = 2u; //@const
const STRIDE_W = 2u; //@const
const PADDING_H = 1u; //@const
const PADDING_W = 1u; //@const
const COUNT_PADDING = 1u; //@const   whether the padding counts as elements of a window

// How many elements of the window at `at` count along one axis; the window starts `padding` before at * stride.
fn counted(at: u32, kernel: u32, stride: u32, padding: u32, size: u32) -> f32 {
    let first = max(at * stride, padding);
    let end = min(at * stride + kernel, size + padding);
    return select(f32(end - first), f32(kernel), COUNT_PADDING > 0u);
}

fn columns_counted(at: u32) -> f32 { return counted(at, KERNEL_W, STRIDE_W, PADDING_W, sizes.width); }
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
            let out = vec4<u32>(quad * 4u) + vec4<u32>(0u, 1u, 2u, 3u);
            var sum = vec4<f32>();
            for (var r = 0u; r < KERNEL_H; r++) {
                // Rows and columns before the first wrap around to large numbers, which are outside as well.
                let in_row = row * STRIDE_H + r - PADDING_H;
                let line = (plane * sizes.height + in_row) * sizes.width4;
                for (var c = 0u; c < KERNEL_W; c++) {
                    let column = out * STRIDE_W + c - PADDING_W;
                    let inside = (column < vec4<u32>(sizes.width)) & vec4<bool>(in_row < sizes.height);
                    sum += vec4<f32>(pick(line, column.x, inside.x), pick(line, column.y, inside.y),
                        pick(line, column.z, inside.z), pick(line, column.w, inside.w));
                }
            }
            let exists = out < vec4<u32>(sizes.out_width);
            let columns = vec4<f32>(columns_counted(out.x), columns_counted(out.y), columns_counted(out.z), columns_counted(out.w));
            let count = counted(row, KERNEL_H, STRIDE_H, PADDING_H, sizes.height) * columns;
            store_y(i, select(vec4<f32>(), sum / select(vec4<f32>(1.0), count, exists), exists));
        }
        quad += sizes.step_quad;
        row += sizes.step_row;
        plane += sizes.step_plane;
        if (quad >= sizes.out_width4) { quad -= sizes.out_width4; row += 1u; }
        if (row >= sizes.out_height) { row -= sizes.out_height; plane += 1u; }
    }
}
