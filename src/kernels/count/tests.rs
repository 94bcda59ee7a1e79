//! Kernels whose operations were counted by hand.

use super::*;

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

/// The whole count of a kernel given by its text behind [`HEAD`].
fn counted(text: &str, sizes: &[u32]) -> Counted {
    count(&module(text), "main", sizes).unwrap()
}

/// FLOPs of the body of a kernel of 64 invocations, with `id`, `lane` and `group` at hand.
fn body(statements: &str, sizes: &[u32]) -> Counted {
    counted(
        &format!(
            "@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>,
            @builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3<u32>) {{ {statements} }}"
        ),
        sizes,
    )
}

fn flops(statements: &str, sizes: &[u32]) -> u64 {
    let counted = body(statements, sizes);
    assert!(!counted.data_dependent_loop, "{statements}");
    counted.flops_per_invocation
}

#[test]
fn an_elementwise_kernel_and_its_totals() {
    let counted = body("y[id.x] = 2.0 * x[id.x] + 1.0;", &[]);
    assert_eq!(counted.flops_per_invocation, 2);
    assert_eq!(
        (
            counted.loaded_bytes_per_invocation,
            counted.stored_bytes_per_invocation
        ),
        (4, 4)
    );
    assert_eq!(counted.workgroup_size, [64, 1, 1]);
    assert_eq!(counted.invocations([10, 2, 1]), 1280);
    assert_eq!(counted.flops([10, 2, 1]), 2560);
    assert_eq!(counted.bytes([10, 2, 1]), 10240);
}

#[test]
fn a_product_counts_two_for_each_k_and_early_returns_are_not_taken() {
    let text = "
        if (id.x >= sizes.n || id.y >= sizes.m) { return; }
        var sum = 0.0;
        for (var k = 0u; k < sizes.k; k++) { sum = fma(x[id.y * sizes.k + k], x[k * sizes.n + id.x], sum); }
        y[id.y * sizes.n + id.x] = sum;";
    for k in [1, 7, 300] {
        let counted = body(text, &[64, 32, k, 0]);
        assert_eq!(counted.flops_per_invocation, 2 * u64::from(k));
        assert_eq!(counted.loaded_bytes_per_invocation, 8 * u64::from(k));
    }
    assert_eq!(flops(text, &[64, 32, 0, 0]), 0);
    // Even where place 0 itself is outside.
    assert_eq!(flops(text, &[0, 0, 5, 0]), 10);
}

#[test]
fn loops_nest_and_inner_bounds_may_depend_on_outer_counters() {
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
fn known_conditions_are_followed_and_unknown_ones_take_the_larger_branch() {
    let known =
        "if (sizes.m > 4u) { y[0] = x[0] + 1.0; } else { y[0] = x[0] * x[1] * x[2] * x[3]; }";
    assert_eq!(flops(known, &[5, 0, 0, 0]), 1);
    assert_eq!(flops(known, &[4, 0, 0, 0]), 3);
    let rate = "if (sizes.rate != 0.0) { y[0] += sizes.rate * x[0]; }";
    assert_eq!(flops(rate, &[0, 0, 0, 0.5f32.to_bits()]), 2);
    assert_eq!(flops(rate, &[0, 0, 0, 0.0f32.to_bits()]), 0);
    for condition in [
        "id.x > 4u",
        "id.x <= 4u",
        "x[0] > 4.0",
        "lane < sizes.m && x[1] < 0.0",
        "group.y == sizes.m",
    ] {
        let either = known.replace("sizes.m > 4u", condition);
        assert_eq!(flops(&either, &[5, 0, 0, 0]), 3, "{condition}");
    }
    // A tile's edge, and its double guard.
    let edge = "for (var i = 0u; i < 4u; i++) { if (id.x + i < sizes.n && id.y < sizes.m) { y[i] += 1.0; } }";
    assert_eq!(flops(edge, &[3, 2, 0, 0]), 4);
    // The padding of a convolution: places outside count as inside.
    let padding = "
        var sum = 0.0;
        for (var r = 0u; r < 3u; r++) {
            let row = i32(id.y + r) - 1;
            if (row < 0 || row >= i32(sizes.m)) { continue; }
            for (var s = 0u; s < 3u; s++) { sum += x[row] * x[s]; }
        }
        y[0] = sum;";
    assert_eq!(flops(padding, &[8, 0, 0, 0]), 18);
}

#[test]
fn reductions_and_strides_over_lanes_run_as_for_the_first_lane() {
    let tree = "
        for (var s = 32u; s > 0u; s >>= 1u) { if (lane < s) { y[lane] += y[lane + s]; } storageBarrier(); }";
    assert_eq!(flops(tree, &[]), 6);
    let strided = "for (var i = lane; i < sizes.n; i += 64u) { y[i] = x[i] * 2.0; }";
    assert_eq!(flops(strided, &[0, 130, 0, 0]), 3);
    let broken =
        "for (var i = lane; ; i += 64u) { if (i >= sizes.n) { break; } y[i] = x[i] * 2.0; }";
    assert_eq!(flops(broken, &[0, 130, 0, 0]), 3);
}

#[test]
fn functions_are_followed_with_their_arguments() {
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
    assert_eq!(counted.flops_per_invocation, 3 * 13 + 1 + 12);
    assert!(!counted.data_dependent_loop);
    assert_eq!(counted.invocations([1, 1, 1]), 32);
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
fn a_loop_that_ends_by_its_data_is_marked() {
    for text in [
        "var a = x[0]; while (a > 1.0) { a *= 0.5; } y[0] = a;",
        "for (var i = 0u; i < u32(x[0]); i++) { y[i] += 1.0; }",
        "for (var i = 0u; i < arrayLength(&x); i++) { y[i] += 1.0; }",
        "for (var i = 0u; i < 8u; i++) { if (x[i] < 0.0) { break; } y[i] += 1.0; }",
        "var i = 0u; loop { y[i] += 1.0; i++; continuing { break if x[i] > 0.0; } }",
        "var n = 0u; if (x[0] > 0.0) { n = 4u; } for (var i = 0u; i < n; i++) { y[i] += 1.0; }",
    ] {
        let counted = body(text, &[]);
        assert!(counted.data_dependent_loop, "{text}");
    }
    // Data that decides nothing about the loop leaves it countable.
    let inner = "for (var i = 0u; i < 8u; i++) { if (x[i] < 0.0) { continue; } y[i] += 1.0; }";
    assert_eq!(flops(inner, &[]), 8);
}

#[test]
fn switches_follow_sizes_and_take_the_largest_case_otherwise() {
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
    assert_eq!(flops(&text.replace("KEY", "lane"), &[]), 3);
    assert_eq!(flops(&text.replace("KEY", "u32(x[7])"), &[]), 3);
}

#[test]
fn constants_overrides_and_local_tables_are_known() {
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
    assert_eq!(counted.flops_per_invocation, (1 + 5 + 4) + (8 - 3));
    assert_eq!(counted.workgroup_size, [8, 1, 1]);
}

#[test]
fn the_grid_and_the_subgroup_are_data_until_they_are_given() {
    let text = "
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>,
            @builtin(num_workgroups) groups: vec3<u32>, @builtin(subgroup_size) lanes: u32) {
            for (var i = id.x; i < sizes.n; i += groups.x * 64u) { y[i] += 1.0; }
            for (var s = lanes / 2u; s > 0u; s /= 2u) { y[s] += 1.0; }
        }";
    let module = module(text);
    assert!(
        count(&module, "main", &[0, 1000])
            .unwrap()
            .data_dependent_loop
    );
    let inputs = Inputs {
        sizes: &[0, 1000],
        workgroups: Some([2, 1, 1]),
        subgroup_size: Some(32),
    };
    let counted = count_with(&module, "main", &inputs).unwrap();
    // ceil(1000 / 128) = 8 strides and five halvings of 16.
    assert_eq!(
        (counted.flops_per_invocation, counted.data_dependent_loop),
        (13, false)
    );
}

#[test]
fn images_count_their_texels_and_subgroup_sums_one_a_lane() {
    let text = "
        @group(0) @binding(3) var image: texture_storage_2d<rgba32float, read_write>;
        @compute @workgroup_size(8) fn main(@builtin(local_invocation_index) lane: u32) {
            let v = textureLoad(image, vec2(lane, 0u)) * 2.0;
            textureStore(image, vec2(lane, 0u), subgroupAdd(v) + subgroupShuffle(v, 3u));
        }";
    let counted = counted(text, &[]);
    assert_eq!(counted.flops_per_invocation, 12);
    assert_eq!(
        (
            counted.loaded_bytes_per_invocation,
            counted.stored_bytes_per_invocation
        ),
        (16, 16)
    );
}

#[test]
fn long_loops_are_counted_and_endless_ones_given_up() {
    let long = "
        var sum = 0.0;
        for (var i = 0u; i < sizes.n; i++) { sum += x[i] * x[i] + exp(x[i]); }
        y[0] = sum;";
    assert_eq!(flops(long, &[0, 1_000_000, 0, 0]), 4_000_000);
    let endless = "loop { y[0] += 1.0; if (sizes.n == 7u) { break; } }";
    let whole = module(&format!(
        "@compute @workgroup_size(1) fn main() {{ {endless} }}"
    ));
    assert_eq!(
        count(&whole, "main", &[0, 7]).unwrap().flops_per_invocation,
        1
    );
    assert!(matches!(
        count(&whole, "main", &[0, 8]),
        Err(CountError::Endless { .. })
    ));
}

#[test]
fn what_cannot_be_counted_is_an_error() {
    let text = module(
        "@compute @workgroup_size(1) fn main() { for (var i = 0u; i < sizes.k; i++) { y[i] += 1.0; } }",
    );
    assert_eq!(
        count(&text, "main", &[1, 2]),
        Err(CountError::Sizes {
            given: 2,
            needed: 3
        })
    );
    assert_eq!(
        count(&text, "other", &[1, 2, 3]),
        Err(CountError::NoEntry {
            entry: "other".to_owned()
        })
    );
    let text = module(
        "@compute @workgroup_size(1) fn main() { let v = vec2(x[0]); y[0] = determinant(mat2x2(v, v)); }",
    );
    assert!(matches!(
        count(&text, "main", &[]),
        Err(CountError::Uncounted { .. })
    ));
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
fn a_tiled_product_counts_as_two_m_n_k() {
    let counted = counted(SHUFFLED_PRODUCT, &[512, 512, 512, 0]);
    assert_eq!(counted.flops([4, 32, 1]), 2 * 512 * 512 * 512);
    assert_eq!(
        counted.stored_bytes_per_invocation * counted.invocations([4, 32, 1]),
        4 * 512 * 512
    );
    assert_eq!(counted.loaded_bytes_per_invocation, 128 * 6 * 16);
}
