//! Kernels whose operations are counted by hand.

use naga::Module;
use wattgrad::internals::kernels::count::{CountError, Counted, Counter, Inputs};

const HEAD: &str = "
struct Sizes { m: u32, n: u32, k: u32, rate: f32 }
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
";

fn module(text: &str) -> Module {
    let text = format!("{HEAD}{text}");
    naga::front::wgsl::parse_str(&text)
        .unwrap_or_else(|error| panic!("{}", error.emit_to_string(&text)))
}

fn count(text: &str, sizes: &[u32], workgroups: [u32; 3]) -> Result<Counted, CountError> {
    Counter::new(&module(text), "main")?.count(&Inputs {
        others: &[],
        sizes,
        workgroups,
        passes: None,
    })
}

/// The count of one workgroup of a kernel whose text follows [`HEAD`].
fn counted(text: &str, sizes: &[u32]) -> Counted {
    count(text, sizes, [1; 3]).unwrap()
}

/// The count of one workgroup of 64 invocations, with `id`, `lane` and `group` at hand.
fn body(statements: &str, sizes: &[u32]) -> Counted {
    grid(statements, sizes, [1; 3]).unwrap()
}

fn grid(statements: &str, sizes: &[u32], workgroups: [u32; 3]) -> Result<Counted, CountError> {
    let text = format!(
        "@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>,
        @builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3<u32>) {{ {statements} }}"
    );
    count(&text, sizes, workgroups)
}

/// FLOPs of all 64 invocations.
fn total(statements: &str, sizes: &[u32]) -> u64 {
    let counted = body(statements, sizes);
    assert!(!counted.lower_bound, "{statements}");
    counted.flops
}

/// FLOPs of one invocation where all do the same.
fn flops(statements: &str, sizes: &[u32]) -> u64 {
    let total = total(statements, sizes);
    assert_eq!(total % 64, 0, "{statements}");
    total / 64
}

#[test]
fn elementwise_kernel() {
    let counted = grid("y[id.x] = 2.0 * x[id.x] + 1.0;", &[], [10, 2, 1]).unwrap();
    assert_eq!(counted.flops, 2560);
    assert_eq!((counted.loaded_bytes, counted.stored_bytes), (5120, 5120));
}

#[test]
fn product_counts_two_per_term_and_only_invocations_inside() {
    let text = "
        if (id.x >= sizes.n || id.y >= sizes.m) { return; }
        var sum = 0.0;
        for (var k = 0u; k < sizes.k; k++) { sum = fma(x[id.y * sizes.k + k], x[k * sizes.n + id.x], sum); }
        y[id.y * sizes.n + id.x] = sum;";
    for k in [1, 7, 300] {
        let counted = grid(text, &[32, 1000, k, 0], [16, 40, 1]).unwrap();
        assert_eq!(counted.flops, 2 * 32 * 1000 * u64::from(k));
        assert_eq!(counted.loaded_bytes, 8 * 32 * 1000 * u64::from(k));
    }
    assert_eq!(flops(text, &[64, 64, 0, 0]), 0);
    assert_eq!(total(text, &[1, 3, 5, 0]), 30);
    assert_eq!(flops(text, &[0, 0, 5, 0]), 0);
}

#[test]
fn workgroups_are_summed_along_every_dimension() {
    // Row i of a triangle has i terms.
    let triangle = "for (var k = 0u; k < group.y; k++) { y[k] += 1.0; }";
    for rows in [1u64, 2, 3, 100, 65_535] {
        let counted = grid(triangle, &[], [3, rows as u32, 2]).unwrap();
        assert_eq!(counted.flops, 64 * 6 * rows * (rows - 1) / 2, "{rows}");
    }
    // Tasks folded into rows of 100 workgroups, the last row being cut off.
    let folded = "if (group.y * 100u + group.x < sizes.n) { y[0] += 1.0; }";
    for tasks in [1, 99, 100, 101, 2550, 3000] {
        let counted = grid(folded, &[0, tasks], [100, 30, 1]).unwrap();
        assert_eq!(counted.flops, 64 * u64::from(tasks), "{tasks}");
    }
}

#[test]
fn nested_loops_and_bounds_from_outer_counters() {
    let tiles = "
        var sum = 0.0;
        for (var tile = 0u; tile < (sizes.k + 15u) / 16u; tile++) {
            for (var i = 0u; i < 16u; i++) { for (var j = 0i; j < 4i; j++) { sum += x[i] * x[j]; } }
            sum *= 2.0;
        }
        y[0] = sum;";
    // 16 * 4 pairs of 2 and one product for each of ceil(33 / 16) = 3 tiles.
    assert_eq!(flops(tiles, &[0, 0, 33, 0]), 3 * (16 * 4 * 2 + 1));
    let triangle = "
        var sum = 0.0;
        for (var i = 0u; i < sizes.n; i++) { for (var j = 0u; j < i; j++) { sum += x[j]; } }
        y[0] = sum;";
    assert_eq!(flops(triangle, &[0, 20, 0, 0]), 20 * 19 / 2);
    let halving = "for (var s = sizes.n; s > 1u; s = (s + 1u) / 2u) { y[s] += 1.0; }";
    // 100, 50, 25, 13, 7, 4, 2.
    assert_eq!(flops(halving, &[0, 100, 0, 0]), 7);
    let back = "for (var i = i32(sizes.n) - 1; i >= 0; i -= 3) { y[i] += 1.0; }";
    // 9, 6, 3, 0.
    assert_eq!(flops(back, &[0, 10, 0, 0]), 4);
    let strided =
        "var i = 0u; loop { y[i] *= 3.0; continuing { i += 4u; break if i >= sizes.n; } }";
    assert_eq!(flops(strided, &[0, 9, 0, 0]), 3);
}

#[test]
fn conditions_on_sizes_and_place_are_followed_and_on_data_the_larger_branch_counts() {
    let known =
        "if (sizes.m > 4u) { y[0] = x[0] + 1.0; } else { y[0] = x[0] * x[1] * x[2] * x[3]; }";
    assert_eq!(flops(known, &[5, 0, 0, 0]), 1);
    assert_eq!(flops(known, &[4, 0, 0, 0]), 3);
    let rate = "if (sizes.rate != 0.0) { y[0] += sizes.rate * x[0]; }";
    assert_eq!(flops(rate, &[0, 0, 0, 0.5f32.to_bits()]), 2);
    assert_eq!(flops(rate, &[0, 0, 0, 0.0f32.to_bits()]), 0);
    for (condition, expected) in [
        ("id.x > 4u", 59 + 5 * 3),
        ("id.x <= 4u", 5 + 59 * 3),
        ("group.y == sizes.m", 64 * 3),
        ("x[0] > 4.0", 64 * 3),
        ("lane < sizes.m && x[1] < 0.0", 64 * 3),
        ("lane < sizes.m || x[1] < 0.0", 5 + 59 * 3),
    ] {
        let either = known.replace("sizes.m > 4u", condition);
        assert_eq!(total(&either, &[5, 0, 0, 0]), expected, "{condition}");
    }
    // A local behind `&&` matters once a later loop reads it.
    let later = "
        var n = 1u;
        if (sizes.m > 2u && sizes.n > 3u) { n = 5u; }
        for (var i = 0u; i < n; i++) { y[i] += 1.0; }";
    assert_eq!(flops(later, &[3, 4, 0, 0]), 5);
    assert_eq!(flops(later, &[3, 3, 0, 0]), 1);
    assert_eq!(flops(later, &[2, 4, 0, 0]), 1);
    // A tile's edge, and its double guard.
    let edge = "for (var i = 0u; i < 4u; i++) { if (id.x + i < sizes.n && id.y < sizes.m) { y[i] += 1.0; } }";
    assert_eq!(total(edge, &[2, 3, 0, 0]), 3 + 2 + 1);
    // The padding of a convolution: rows outside are passed over.
    let padding = "
        var sum = 0.0;
        for (var r = 0u; r < 3u; r++) {
            let row = i32(id.y + r) - 1;
            if (row < 0 || row >= i32(sizes.m)) { continue; }
            for (var s = 0u; s < 3u; s++) { sum += x[row] * x[s]; }
        }
        y[0] = sum;";
    assert_eq!(flops(padding, &[8, 0, 0, 0]), 12);
    assert_eq!(flops(padding, &[1, 0, 0, 0]), 6);
}

#[test]
fn reductions_and_strides_over_lanes() {
    let tree = "
        for (var s = 32u; s > 0u; s >>= 1u) { if (lane < s) { y[lane] += y[lane + s]; } storageBarrier(); }";
    assert_eq!(total(tree, &[]), 63);
    let strided = "for (var i = lane; i < sizes.n; i += 64u) { y[i] = x[i] * 2.0; }";
    assert_eq!(total(strided, &[0, 130, 0, 0]), 130);
    let broken =
        "for (var i = lane; ; i += 64u) { if (i >= sizes.n) { break; } y[i] = x[i] * 2.0; }";
    assert_eq!(total(broken, &[0, 130, 0, 0]), 130);
}

#[test]
fn functions_with_their_arguments() {
    let text = "
        fn square(a: f32) -> f32 { return a * a; }
        fn rows() -> u32 { return sizes.m * 2u; }
        fn power_sum(count: u32, scale: f32) -> f32 {
            var sum = 0.0;
            for (var i = 0u; i < count; i++) { sum += scale * square(x[i]); }
            return sum;
        }
        fn advance(at: ptr<function, u32>, by: u32) { *at += by; }
        fn add_all(into: ptr<function, array<f32, 4>>) { for (var i = 0; i < 4; i++) { (*into)[i] += 1.0; } }
        @compute @workgroup_size(8, 4) fn main() {
            y[0] = power_sum(3u, 1.0) + power_sum(rows(), 2.0);
            var i = 0u;
            var sums = array<f32, 4>();
            while (i < 10u) { advance(&i, sizes.n); add_all(&sums); }
            y[1] = sums[0];
        }";
    // Three operations a term, 3 + 2 * 5 terms, one sum of two; then ceil(10 / 4) = 3 passes of 4.
    let counted = counted(text, &[5, 4]);
    assert_eq!(counted.flops, 32 * (3 * 13 + 1 + 12));
    assert!(!counted.lower_bound);
}

#[test]
fn vectors_and_matrices_count_each_component() {
    let head = "let v = vec4(x[0]); let w = vec4(x[1]); let m = mat4x4(v, w, v, w); let p = mat2x3(v.xyz, w.xyz);";
    let cases = [
        ("y[0] = (v + w).x;", 4),
        ("y[0] = (m * v).x;", 28),
        ("y[0] = (v * m).x;", 28),
        ("y[0] = (w + m * v).x;", 32),
        ("y[0] = (m * m)[0].x;", 112),
        ("y[0] = (m * 2.0)[0].x;", 16),
        // Three rows, two columns: a result of three, each two products and a sum.
        ("y[0] = (p * v.xy).x;", 9),
        ("y[0] = (v.xyz * p).x;", 10),
        ("y[0] = dot(v, w);", 7),
        ("y[0] = fma(v, w, v).x;", 8),
        ("y[0] = sqrt(exp(v)).x + log(x[0]) + inverseSqrt(x[0]);", 12),
        ("y[0] = max(min(abs(v), w), -v).x;", 0),
        (
            "y[0] = select(v, w, v < w).x + f32(3u * lane + u32(x[2]));",
            1,
        ),
        ("y[0] = mix(x[0], x[1], x[2]);", 3),
    ];
    for (statement, expected) in cases {
        assert_eq!(
            flops(&format!("{head} {statement}"), &[]),
            expected,
            "{statement}"
        );
    }
}

#[test]
fn loop_that_ends_by_data_is_a_lower_bound_until_its_passes_are_declared() {
    for text in [
        "var a = x[0]; while (a > 1.0) { a *= 0.5; } y[0] = a;",
        "for (var i = 0u; i < u32(x[0]); i++) { y[i] += 1.0; }",
        "for (var i = 0u; i < arrayLength(&x); i++) { y[i] += 1.0; }",
        "for (var i = 0u; i < 8u; i++) { if (x[i] < 0.0) { break; } y[i] += 1.0; }",
        "var i = 0u; loop { y[i] += 1.0; i++; continuing { break if x[i] > 0.0; } }",
        "var n = 0u; if (x[0] > 0.0) { n = 4u; } for (var i = 0u; i < n; i++) { y[i] += 1.0; }",
    ] {
        let counted = body(text, &[]);
        assert!(counted.lower_bound, "{text}");
    }
    // Data that decides nothing about the loop leaves it countable.
    let inner = "for (var i = 0u; i < 8u; i++) { if (x[i] < 0.0) { continue; } y[i] += 1.0; }";
    assert_eq!(flops(inner, &[]), 8);
    let text = format!(
        "{HEAD} @compute @workgroup_size(64) fn main(@builtin(local_invocation_index) lane: u32) {{
            for (var i = lane; i < u32(x[0]); i += 64u) {{ y[i] = 3.0 * x[i] + 1.0; }}
            y[lane] *= 2.0;
        }}"
    );
    let counter = Counter::of(&text).unwrap();
    for (passes, expected) in [(None, 3 * 64), (Some(1000), 2000 + 64), (Some(0), 64)] {
        let counted = counter.count(&Inputs {
            others: &[],
            sizes: &[],
            workgroups: [1; 3],
            passes,
        });
        let counted = counted.unwrap();
        assert_eq!(
            (counted.flops, counted.lower_bound),
            (expected, passes.is_none())
        );
    }
}

#[test]
fn switches_on_sizes_place_and_data() {
    let text = "
        switch KEY {
            case 0u: { y[0] += 1.0; }
            case 1u, 2u: { y[0] = x[0] * x[1] + x[2]; break; }
            default: { }
        }
        y[1] += 1.0;";
    let known = text.replace("KEY", "sizes.m");
    for (key, expected) in [(0, 2), (1, 3), (2, 3), (3, 1)] {
        assert_eq!(flops(&known, &[key, 0, 0, 0]), expected, "{key}");
    }
    assert_eq!(total(&text.replace("KEY", "lane"), &[]), 2 + 2 * 3 + 61);
    assert_eq!(flops(&text.replace("KEY", "u32(x[7])"), &[]), 3);
}

#[test]
fn constants_overrides_and_local_tables() {
    let text = "
        const TILE: u32 = 4u * 2u;
        override depth: u32 = 3u;
        const TAPS = array<u32, 3>(1u, 2u, 4u);
        @compute @workgroup_size(TILE) fn main() {
            var taps = TAPS;
            taps[1] = 5u;
            for (var t = 0u; t < depth; t++) { for (var i = 0u; i < taps[t]; i++) { y[i] += 1.0; } }
            let pair = vec2<u32>(TILE, depth).yx;
            for (var i = pair.x; i < min(pair.y, 100u); i++) { y[i] += 1.0; }
        }";
    let counted = counted(text, &[]);
    assert_eq!(counted.flops, 8 * ((1 + 5 + 4) + (8 - 3)));
}

#[test]
fn strides_over_the_grid() {
    let text = "
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>,
            @builtin(num_workgroups) groups: vec3<u32>) {
            for (var i = id.x; i < sizes.n; i += groups.x * 64u) { y[i] += 1.0; }
        }";
    assert_eq!(count(text, &[0, 1000], [2, 1, 1]).unwrap().flops, 1000);
}

#[test]
fn images_and_subgroup_sums() {
    let text = "
        @group(0) @binding(3) var image: texture_storage_2d<rgba32float, read_write>;
        @compute @workgroup_size(8) fn main(@builtin(local_invocation_index) lane: u32) {
            let v = textureLoad(image, vec2(lane, 0u)) * 2.0;
            textureStore(image, vec2(lane, 0u), subgroupAdd(v) + subgroupShuffle(v, 3u));
        }";
    let counted = counted(text, &[]);
    assert_eq!(counted.flops, 8 * 12);
    assert_eq!(
        (counted.loaded_bytes, counted.stored_bytes),
        (8 * 16, 8 * 16)
    );
}

#[test]
fn long_loops_are_counted_and_endless_ones_are_an_error() {
    let long = "
        var sum = 0.0;
        for (var i = 0u; i < sizes.n; i++) { sum += x[i] * x[i] + exp(x[i]); }
        y[0] = sum;";
    assert_eq!(flops(long, &[0, 4_000_000_000, 0, 0]), 16_000_000_000);
    let endless = "loop { y[0] += 1.0; if (sizes.n == 7u) { break; } }";
    assert_eq!(flops(endless, &[0, 7]), 1);
    let error = grid(endless, &[0, 8], [1; 3]);
    assert!(matches!(error, Err(CountError::Endless { .. })));
}

/// Loops whose iterations are alike but for the counter are not followed to their end; these are not.
#[test]
fn loops_that_only_look_even() {
    let alternating = "
        var odd = false;
        for (var i = 0u; i < 101u; i++) { if (odd) { y[i] += 1.0; } odd = !odd; }";
    assert_eq!(flops(alternating, &[]), 50);
    let late = "for (var i = 0u; i < 100u; i++) { if (i >= 90u) { y[i] += 1.0; } }";
    assert_eq!(flops(late, &[]), 10);
    let counted = "
        var n = 0u;
        for (var i = 0u; i < 100u; i++) { n += 2u; y[i] += 1.0; }
        for (var i = 0u; i < n; i++) { y[i] += 1.0; }";
    assert_eq!(flops(counted, &[]), 300);
    let doubling = "for (var i = 1u; i < 1000u; i = i + i) { y[i] += 1.0; }";
    assert_eq!(flops(doubling, &[]), 10);
    let stepped = "
        var row = 0u;
        for (var i = 0u; i < 100u; i++) {
            row += 1u;
            if (row == 10u) { row = 0u; y[i] += 1.0; }
        }";
    assert_eq!(flops(stepped, &[]), 10);
    let down = "for (var i = sizes.n; i > 3u; i -= 4u) { y[i] += 1.0; }";
    assert_eq!(flops(down, &[0, 103]), 25);
}

#[test]
fn uncountable_kernels_are_an_error() {
    let loops = "for (var i = 0u; i < sizes.k; i++) { y[i] += 1.0; }";
    assert_eq!(
        grid(loops, &[1, 2], [1; 3]),
        Err(CountError::Sizes {
            given: 2,
            needed: 3
        })
    );
    let entry = "other".to_owned();
    assert_eq!(
        Counter::new(&module("@compute @workgroup_size(1) fn main() {}"), "other").unwrap_err(),
        CountError::NoEntry { entry }
    );
    let error = grid(
        "let v = vec2(x[0]); y[0] = determinant(mat2x2(v, v));",
        &[],
        [1; 3],
    );
    assert!(matches!(error, Err(CountError::Uncounted { .. })));
}

/// Sixteen rows by 32 columns of a 512 x 512 x 512 product for each subgroup of eight lanes.
const SHUFFLED_PRODUCT: &str = "
@group(1) @binding(0) var A: texture_storage_2d<rgba32float, read>;
@group(1) @binding(1) var B: texture_storage_2d<rgba32float, read>;
@group(1) @binding(2) var<storage, read_write> C: array<vec4<f32>>;
const TM = 16u;
@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let lane = index & 7u;
    let column = (group.x * 4u + (index >> 3u)) * 8u + lane;
    let row = group.y * TM;
    var c: array<vec4<f32>, TM>;
    var a: array<vec4<f32>, TM / 8u>;
    var b: array<vec4<f32>, 4>;
    for (var k = 0u; k < sizes.k / 4u; k++) {
        for (var i = 0u; i < TM / 8u; i++) { a[i] = textureLoad(A, vec2(k, row + i * 8u + lane)); }
        for (var i = 0u; i < 4u; i++) { b[i] = textureLoad(B, vec2(column, k * 4u + i)); }
        for (var i = 0u; i < TM; i++) {
            let v = subgroupShuffle(a[i >> 3u], i & 7u);
            c[i] = c[i] + v.x * b[0] + v.y * b[1] + v.z * b[2] + v.w * b[3];
        }
    }
    for (var i = 0u; i < TM; i++) { C[(row + i) * (sizes.n / 4u) + column] = c[i]; }
}";

#[test]
fn tiled_product_counts_two_m_n_k() {
    let counted = count(SHUFFLED_PRODUCT, &[512, 512, 512, 0], [4, 32, 1]).unwrap();
    assert_eq!(counted.flops, 2 * 512 * 512 * 512);
    assert_eq!(counted.stored_bytes, 4 * 512 * 512);
    assert_eq!(counted.loaded_bytes, 128 * 6 * 16 * 32 * 4 * 32);
}
