// C = A B for software devices, whose images read faster than their buffers. A subgroup has exactly LANES lanes and owns
// 2 * LANES rows and LANES quads of columns: each lane reads two quads of A per step, and the subgroup shares them.
struct Sizes {
    m: u32, n: u32, k: u32,          // rows of C, columns of C, length of the sum
    n4: u32, k4: u32,                // columns and K in quads
    lda: u32, ldb: u32, ldc: u32,    // quads from one stored row to the next
    k4_layer: u32, plane: u32,       // quads of K a layer sums; quads of a plane of C
    // Convolutions only: the input image and the output image; widths in elements and in quads.
    channels: u32, height: u32, width: u32, width4: u32,
    out_channels: u32, out_height: u32, out_width: u32, out_width4: u32,
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
fn load_a_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), a[select(0u, i, inside)], inside); }
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
fn load_b_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), b[select(0u, i, inside)], inside); }
@group(0) @binding(3) var<storage, read_write> c: array<vec4<f32>>;
fn store_c(i: u32, v: vec4<f32>) { c[i] = v; }
//@slot lanes_a
// The part (0 or 1) of A that a lane reads for quad k4; row r of A, shared with every lane of the subgroup.
fn lane_a(row: u32, part: u32, k4: u32, lane: u32) -> vec4<f32> {
    let i = row + part * LANES + lane;
    return load_a_if(i * sizes.lda + k4, i < sizes.m && k4 < sizes.k4);
}
fn row_a(part0: vec4<f32>, part1: vec4<f32>, r: u32) -> vec4<f32> { return subgroupShuffle(select(part0, part1, r >= LANES), r % LANES); }
//@end
//@slot block_b
// What block_b needs to know of quad j4, computed once where the core keeps its quad.
fn begin_b(j4: u32) -> vec3<u32> { return vec3<u32>(); }
// Column r: row 4 k4 + r of B, the four columns of quad j4.
fn block_b(k4: u32, j4: u32, begun: vec3<u32>) -> mat4x4<f32> {
    let k = k4 * 4u;
    let at = k * sizes.ldb + j4;
    let inside = j4 < sizes.n4;
    return mat4x4<f32>(load_b_if(at, inside && k < sizes.k), load_b_if(at + sizes.ldb, inside && k + 1u < sizes.k),
        load_b_if(at + 2u * sizes.ldb, inside && k + 2u < sizes.k), load_b_if(at + 3u * sizes.ldb, inside && k + 3u < sizes.k));
}
//@end
//@slot place
// Where quad j4 of row i of C lies, and how many of its four columns exist.
fn place(i: u32, j4: u32) -> u32 { return i * sizes.ldc + j4; }
fn columns(j4: u32) -> u32 { return sizes.n - j4 * 4u; }
//@end
//@slot epilogue
fn epilogue(v: vec4<f32>, i: u32, j4: u32, at: u32) -> vec4<f32> { return v; }
//@end
const LANES = 8u; //@const
const SUBGROUPS = 4u; //@const
const ROWS = 2u * LANES;

@compute @workgroup_size(SUBGROUPS * LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let lane = thread % LANES;
    let j4 = group.x * SUBGROUPS * LANES + thread;
    let row = group.y * ROWS;
    var sum: array<vec4<f32>, ROWS>;
    let first = group.z * sizes.k4_layer;
    let begun = begin_b(j4);
    for (var k = first; k < first + sizes.k4_layer; k++) {
        let part0 = lane_a(row, 0u, k, lane);
        let part1 = lane_a(row, 1u, k, lane);
        let right = block_b(k, j4, begun);
        for (var r = 0u; r < ROWS; r++) { sum[r] += right * row_a(part0, part1, r); }
    }
    if (j4 >= sizes.n4) { return; }
    for (var r = 0u; r < ROWS; r++) {
        let i = row + r;
        if (i < sizes.m) {
            let at = place(i, j4);
            let v = epilogue(sum[r], i, j4, at);
            store_c(at + group.z * sizes.plane, select(vec4<f32>(), v, vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(columns(j4))));
        }
    }
}
