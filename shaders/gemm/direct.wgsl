// C = A B in register tiles: no workgroup memory, no barrier. A thread owns RM x 4 rows and RN quads of columns.
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
const WX = 8u; //@const
const WY = 8u; //@const

// s + m v, a fused multiply-add each term: m v alone would begin with a product and end with an addition.
fn multiply_add(m: mat4x4<f32>, v: vec4<f32>, s: vec4<f32>) -> vec4<f32> {
    return fma(m[3], v.wwww, fma(m[2], v.zzzz, fma(m[1], v.yyyy, fma(m[0], v.xxxx, s))));
}

@compute @workgroup_size(WX, WY)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i0 = id.y * RM;
    let j0 = id.x * RN;
    if (i0 * 4u >= sizes.m || j0 >= sizes.n4) { return; }
    var sum: array<vec4<f32>, RM * RN * 4u>;
    // Declared once: a variable of a loop's body is set to zero in every pass.
    var right: array<mat4x4<f32>, RN>;
    var begun: array<vec3<u32>, RN>;
    for (var j = 0u; j < RN; j++) { begun[j] = begin_b(j0 + j); }
    let first = id.z * sizes.k4_layer;
    for (var k = first; k < first + sizes.k4_layer; k++) {
        for (var j = 0u; j < RN; j++) { right[j] = block_b(k, j0 + j, begun[j]); }
        for (var i = 0u; i < RM; i++) {
            let left = block_a(i0 + i, k);
            for (var j = 0u; j < RN; j++) {
                let at = i * 4u * RN + j;
                sum[at] = multiply_add(right[j], left[0], sum[at]);
                sum[at + RN] = multiply_add(right[j], left[1], sum[at + RN]);
                sum[at + 2u * RN] = multiply_add(right[j], left[2], sum[at + 2u * RN]);
                sum[at + 3u * RN] = multiply_add(right[j], left[3], sum[at + 3u * RN]);
            }
        }
    }
    for (var r = 0u; r < RM * 4u; r++) {
        let i = i0 * 4u + r;
        for (var j = 0u; j < RN; j++) {
            let j4 = j0 + j;
            if (i < sizes.m && j4 < sizes.n4) {
                let at = place(i, j4);
                let v = epilogue(sum[r * RN + j], i, j4, at);
                store_c(at + id.z * sizes.plane, select(vec4<f32>(), v, vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(columns(j4))));
            }
        }
    }
}
