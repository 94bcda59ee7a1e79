//! The writers of other languages, on small kernels.

use std::io::Write;
use std::process::{Command, Stdio};

use wattgrad::internals::kernels::emit::{EmitError, Language, emit, supported, validate};

const PLAIN: &str = "
struct Sizes { n: u32 }
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
override scale: f32 = 2.0;
var<workgroup> tile: array<vec4<f32>, 64>;
@compute @workgroup_size(64)
fn scale_rows(@builtin(global_invocation_id) id: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
tile[lane] = x[min(id.x, sizes.n - 1u)];
workgroupBarrier();
if (id.x < sizes.n) { y[id.x] = fma(tile[63u - lane], vec4(scale), tile[lane]); }
}";

const IMAGES: &str = "
@group(0) @binding(0) var a: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var b: texture_storage_2d<rgba32float, read_write>;
@group(0) @binding(2) var c: texture_storage_2d<rgba32float, write>;
@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32) {
let at = vec2<u32>(lane, 0u);
let v = textureLoad(a, at);
let m = mat4x4<f32>(v, v, subgroupShuffle(v, 3u), v);
textureStore(c, at, m * textureLoad(b, at));
textureStore(b, at, v);
}";

const FLOAT_ATOMIC: &str = "
@group(0) @binding(0) var<storage, read_write> sum: atomic<f32>;
@compute @workgroup_size(64) fn main() { atomicAdd(&sum, 1.0); }";

const WIDE_MATRIX: &str = "
enable wgpu_cooperative_matrix;
@group(0) @binding(0) var<storage, read_write> c: array<f32>;
@compute @workgroup_size(32) fn main() {
let m = coopLoad<coop_mat16x16<f32, C>>(&c[0], 16u);
coopStore(m, &c[0], 16u);
}";

/// Runs `spirv-val` over a module; `None` when the tool is not installed.
fn spirv_val(words: &[u8]) -> Option<Result<(), String>> {
    let mut child = Command::new("spirv-val")
        .args(["--target-env", "vulkan1.1", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take().unwrap().write_all(words).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    Some(if output.status.success() {
        Ok(())
    } else {
        Err(said.into_owned())
    })
}

#[test]
fn kernels_reach_every_language() {
    for (name, text, entry) in [("plain", PLAIN, "scale_rows"), ("images", IMAGES, "main")] {
        let (module, _) = validate(text).unwrap();
        assert_eq!(supported(&module), Language::ALL, "{name}");
        let written = |language| String::from_utf8(emit(text, language).unwrap()).unwrap();
        assert!(
            written(Language::Msl).contains(&format!("kernel void {entry}")),
            "{name}"
        );
        assert!(written(Language::Hlsl).contains("[numthreads("), "{name}");
        let again = written(Language::Wgsl);
        assert!(
            validate(&again).is_ok(),
            "{name}: WGSL written is WGSL read\n{again}"
        );
        let words = emit(text, Language::Spirv).unwrap();
        assert_eq!(words[..4], 0x0723_0203u32.to_le_bytes(), "{name}");
    }
}

#[test]
fn the_khronos_validator_accepts_the_spirv() {
    for text in [PLAIN, IMAGES] {
        let words = emit(text, Language::Spirv).unwrap();
        match spirv_val(&words) {
            None => eprintln!("SKIPPED: spirv-val is not installed, no SPIR-V was checked"),
            Some(verdict) => {
                assert_eq!(verdict, Ok(()));
                let cut = &words[..words.len() - 8];
                assert!(
                    spirv_val(cut).unwrap().is_err(),
                    "a truncated module must not pass"
                );
            }
        }
    }
}

#[test]
fn what_a_language_lacks_is_refused_with_the_reason() {
    let (module, _) = validate(FLOAT_ATOMIC).unwrap();
    assert_eq!(
        supported(&module),
        [Language::Spirv, Language::Msl, Language::Wgsl]
    );
    let refusal = emit(FLOAT_ATOMIC, Language::Hlsl).unwrap_err().to_string();
    assert!(
        refusal.starts_with("hlsl cannot express") && !refusal.contains('\n'),
        "{refusal}"
    );

    let (module, _) = validate(WIDE_MATRIX).unwrap();
    let languages = supported(&module);
    assert!(
        languages.contains(&Language::Spirv) && !languages.contains(&Language::Msl),
        "{languages:?}"
    );
}

#[test]
fn errors_say_where_and_what() {
    let place = |text: &str| match validate(text).unwrap_err() {
        EmitError::Wgsl { line, message, .. } => (line, message),
        other => panic!("{other}"),
    };
    let (line, message) = place(&PLAIN.replace("sizes.n - 1u", "sizes.m - 1u"));
    assert_eq!(line, 10);
    assert!(
        message.contains('m') && !message.contains('\n'),
        "{message}"
    );
    let (line, message) =
        place("fn f() -> u32 {\n  loop { }\n}\n@compute @workgroup_size(1) fn main() {}");
    assert!(line >= 1, "{message}");
}

#[test]
fn languages_are_named_and_parsed_alike() {
    for language in Language::ALL {
        assert_eq!(language.to_string().parse(), Ok(language));
        assert_eq!(language.extension().to_uppercase().parse(), Ok(language));
    }
    assert_eq!("SPIR-V".parse(), Ok(Language::Spirv));
    let unknown = "glsl".parse::<Language>().unwrap_err().to_string();
    assert!(
        unknown.contains("glsl") && unknown.contains("msl"),
        "{unknown}"
    );
}
