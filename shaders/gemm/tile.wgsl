// C = A B in tiles of workgroup memory: TY x RM x 4 rows by TX x RN quads of columns, BK quads of K at a time.
// With several layers of workgroups (grid z) each sums its part of K into its own plane of C.
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
//@slot block_a
// Column r: row 4 i4 + r of A, the four k of quad k4.
fn block_a(i4: u32, k4: u32) -> mat4x4<f32> {
    let i = i4 * 4u;
    let at = i * sizes.lda + k4;
    let inside = k4 < sizes.k4;
    return mat4x4<f32>(load_a_if(at, inside && i < sizes.m), load_a_if(at + sizes.lda, inside && i + 1u < sizes.m),
        load_a_if(at + 2u * sizes.lda, inside && i + 2u < sizes.m), load_a_if(at + 3u * sizes.lda, inside && i + 3u < sizes.m));
}
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
const RM = 2u; //@const
const RN = 2u; //@const
const TX = 8u; //@const
const TY = 8u; //@const
const BK = 4u; //@const
const ROWS = TY * RM * 4u;
const QUADS = TX * RN;
const THREADS = TX * TY;
// Blocks of A and B that a thread copies for a step; the last may be less than full.
const COPIES_A = (TY * RM * BK + THREADS - 1u) / THREADS;
const COPIES_B = (QUADS * BK + THREADS - 1u) / THREADS;
var<workgroup> rows: array<vec4<f32>, ROWS * BK>;           // [k quad][row]
var<workgroup> quads: array<vec4<f32>, QUADS * BK * 4u>;    // [k][column quad]

// s + m v, a fused multiply-add each term: m v alone would begin with a product and end with an addition.
fn multiply_add(m: mat4x4<f32>, v: vec4<f32>, s: vec4<f32>) -> vec4<f32> {
    return fma(m[3], v.wwww, fma(m[2], v.zzzz, fma(m[1], v.yyyy, fma(m[0], v.xxxx, s))));
}

@compute @workgroup_size(TX, TY)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let thread = local.y * TX + local.x;
    let i0 = group.y * TY * RM;
    let j0 = group.x * QUADS;
    var sum: array<vec4<f32>, RM * RN * 4u>;
    // Declared once: a variable of a loop's body is set to zero in every pass.
    var right: array<mat4x4<f32>, RN>;
    var begun: array<vec3<u32>, COPIES_B>;
    for (var c = 0u; c < COPIES_B; c++) { begun[c] = begin_b(j0 + (thread + c * THREADS) % QUADS); }
    let first = group.z * sizes.k4_layer;
    for (var k = first; k < first + sizes.k4_layer; k += BK) {
        for (var c = 0u; c < COPIES_A; c++) {
            let t = thread + c * THREADS;
            if (t >= TY * RM * BK) { break; }
            let block = t % (TY * RM);
            let step = t / (TY * RM);
            let left = block_a(i0 + block, k + step);
            let at = step * ROWS + block * 4u;
            rows[at] = left[0];
            rows[at + 1u] = left[1];
            rows[at + 2u] = left[2];
            rows[at + 3u] = left[3];
        }
        for (var c = 0u; c < COPIES_B; c++) {
            let t = thread + c * THREADS;
            if (t >= QUADS * BK) { break; }
            let quad = t % QUADS;
            let step = t / QUADS;
            let block = block_b(k + step, j0 + quad, begun[c]);
            let at = step * 4u * QUADS + quad;
            quads[at] = block[0];
            quads[at + QUADS] = block[1];
            quads[at + 2u * QUADS] = block[2];
            quads[at + 3u * QUADS] = block[3];
        }
        workgroupBarrier();
        for (var step = 0u; step < BK; step++) {
            for (var j = 0u; j < RN; j++) {
                let at = step * 4u * QUADS + j * TX + local.x;
                right[j] = mat4x4<f32>(quads[at], quads[at + QUADS], quads[at + 2u * QUADS], quads[at + 3u * QUADS]);
            }
            for (var r = 0u; r < RM * 4u; r++) {
                let left = rows[step * ROWS + local.y * RM * 4u + r];
                for (var j = 0u; j < RN; j++) { sum[r * RN + j] = multiply_add(right[j], left, sum[r * RN + j]); }
            }
        }
        workgroupBarrier();
    }
    for (var r = 0u; r < RM * 4u; r++) {
        let i = (i0 + local.y * RM) * 4u + r;
        for (var j = 0u; j < RN; j++) {
            let j4 = j0 + j * TX + local.x;
            if (i < sizes.m && j4 < sizes.n4) {
                let at = place(i, j4);
                let v = epilogue(sum[r * RN + j], i, j4, at);
                store_c(at + group.z * sizes.plane, select(vec4<f32>(), v, vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(columns(j4))));
            }
        }
    }
}
