// Winograd F(2x2, 3x3), step 1: U = G g G' of every 3x3 kernel g, where G = (1 0 0, 1/2 1/2 1/2, 1/2 -1/2 1/2, 0 0 1).
// U is [rows, 16 planes, terms]: the first operand of sixteen products. A lane transforms the kernels of four terms.
struct Sizes {
    rows: u32, terms: u32,   // channels of the tensor that is written and of the one that is read
    terms4: u32,             // quads of a plane in a row of U; those beyond the terms are zero
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
fn load_w_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), w[select(0u, i, inside)], inside); }
@group(0) @binding(2) var<storage, read_write> u: array<vec4<f32>>;
fn store_u(i: u32, v: vec4<f32>) { u[i] = v; }
const W = 64u; //@const
const MIRRORED = 0u; //@const   1: the gradient of the input, whose kernels are turned by 180 degrees
// A turned kernel exchanges the first and the last plane of each axis.
const FIRST = 3u * MIRRORED;
const LAST = 3u - FIRST;

// Quad `part` of the taps of four terms, one term a column, as one tap a column.
fn taps(row: u32, quad: u32, part: u32) -> mat4x4<f32> {
    let term = quad * 4u;
    let first = select(row * sizes.terms + term, term * sizes.rows + row, MIRRORED == 1u) * 3u + part;
    let next = select(1u, sizes.rows, MIRRORED == 1u) * 3u;
    return transpose(mat4x4<f32>(load_w_if(first, term < sizes.terms), load_w_if(first + next, term + 1u < sizes.terms),
        load_w_if(first + 2u * next, term + 2u < sizes.terms), load_w_if(first + 3u * next, term + 3u < sizes.terms)));
}

// G times the column (a, b, c).
fn transform(a: vec4<f32>, b: vec4<f32>, c: vec4<f32>) -> mat4x4<f32> {
    let outer = 0.5 * (a + c);
    let inner = 0.5 * b;
    return mat4x4<f32>(a, outer + inner, outer - inner, c);
}

fn store_planes(at: u32, planes: mat4x4<f32>) {
    store_u(at + FIRST * sizes.terms4, planes[0]);
    store_u(at + sizes.terms4, planes[1]);
    store_u(at + 2u * sizes.terms4, planes[2]);
    store_u(at + LAST * sizes.terms4, planes[3]);
}

@compute @workgroup_size(W)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= sizes.rows * sizes.terms4) { return; }
    let row = id.x / sizes.terms4;
    let quad = id.x % sizes.terms4;
    let near = taps(row, quad, 0u);
    let far = taps(row, quad, 1u);
    let last = taps(row, quad, 2u);
    let left = transform(near[0], near[3], far[2]);
    let middle = transform(near[1], far[0], far[3]);
    let right = transform(near[2], far[1], last[0]);
    let at = row * 16u * sizes.terms4 + quad;
    let next = 4u * sizes.terms4;
    store_planes(at + FIRST * next, transform(left[0], middle[0], right[0]));
    store_planes(at + next, transform(left[1], middle[1], right[1]));
    store_planes(at + 2u * next, transform(left[2], middle[2], right[2]));
    store_planes(at + LAST * next, transform(left[3], middle[3], right[3]));
}
