// Backward of the average pool with any window: an input adds its share of the gradients of the windows that hold it. A lane
// steps through planes, rows and quads of dx without dividing.
struct Sizes {
    quads: u32, groups_x: u32, per: u32,                // quads of dx, workgroups in a row of the grid, quads a lane
    height: u32, width: u32, width4: u32,      // of the input; width4 in quads
    step_plane: u32, step_row: u32, step_quad: u32,     // W quads further on in dx
    out_height: u32, out_width: u32, out_width4: u32,      // of the output
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
fn load_dy_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), dy[select(0u, i, inside)], inside); }
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<f32>>;
fn store_dx(i: u32, v: vec4<f32>) { dx[i] = v; }
//@slot finish
fn finish(v: vec4<f32>, i: u32) -> vec4<f32> { return v; }
//@end
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

// The gradient that the window at `column` of a line of windows passes to each of its elements.
fn passed(line: u32, column: u32, rows: f32, inside: bool) -> f32 {
    let count = rows * counted(column, KERNEL_W, STRIDE_W, PADDING_W, sizes.width);
    return select(0.0, load_dy_if(line + (column >> 2u), inside)[column & 3u] / select(1.0, count, inside), inside);
}

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = (group.y * sizes.groups_x + group.x) * W * sizes.per + lane;
    var quad = first % sizes.width4;
    var row = first / sizes.width4 % sizes.height;
    var plane = first / (sizes.width4 * sizes.height);
    for (var n = 0u; n < sizes.per; n++) {
        let i = first + n * W;
        if (i < sizes.quads) {
            let pixels = vec4<u32>(quad * 4u) + vec4<u32>(0u, 1u, 2u, 3u);
            var sum = vec4<f32>();
            for (var r = 0u; r < KERNEL_H; r++) {
                // Where no window starts, the difference wraps around to a large number, which is outside as well.
                let top = row + PADDING_H - r;
                let out_row = top / STRIDE_H;
                let line = (plane * sizes.out_height + out_row) * sizes.out_width4;
                let row_inside = top % STRIDE_H == 0u && out_row < sizes.out_height;
                let rows = counted(out_row, KERNEL_H, STRIDE_H, PADDING_H, sizes.height);
                for (var c = 0u; c < KERNEL_W; c++) {
                    let left = pixels + PADDING_W - c;
                    let column = left / STRIDE_W;
                    let inside = (left % vec4<u32>(STRIDE_W) == vec4<u32>()) & (column < vec4<u32>(sizes.out_width)) & vec4<bool>(row_inside);
                    sum += vec4<f32>(passed(line, column.x, rows, inside.x), passed(line, column.y, rows, inside.y),
                        passed(line, column.z, rows, inside.z), passed(line, column.w, rows, inside.w));
                }
            }
            store_dx(i, finish(select(vec4<f32>(), sum, pixels < vec4<u32>(sizes.width)), i));
        }
        quad += sizes.step_quad;
        row += sizes.step_row;
        plane += sizes.step_plane;
        if (quad >= sizes.width4) { quad -= sizes.width4; row += 1u; }
        if (row >= sizes.height) { row -= sizes.height; plane += 1u; }
    }
}
