//! Kernels and options that are refused.

use std::path::PathBuf;

use super::bench;
use crate::{stderr, stdout};

#[test]
fn malformed_kernels_and_options_are_one_sentence_each() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    const Y: &str = "@group(0) @binding(0) var<storage, read_write> y: array<f32>;\n";
    const MAIN: &str = "@compute @workgroup_size(64) fn main() { y[0] = 1.0; }\n";
    let good = write("good.wgsl", &format!("override N: u32 = 3;\n{Y}{MAIN}"));
    let texts = [
        ("", "entry points"),
        ("fn main() {", "expected"),
        (&*format!("{Y}fn main() {{}}"), "entry points"),
        (
            &*format!("{Y}{MAIN}@compute @workgroup_size(1) fn other() {{}}"),
            "2 entry points",
        ),
        (
            &*format!("{Y}@compute @workgroup_size(64) fn main() {{ z[0] = 1.0; }}"),
            "z",
        ),
        (
            &*format!("{Y}@compute @workgroup_size(64) fn main() {{ y[0] = 1u; }}"),
            "f32",
        ),
        (
            &*format!("{Y}@compute @workgroup_size(4096) fn main() {{ y[0] = 1.0; }}"),
            "4096",
        ),
        (
            "@group(1) @binding(0) var<storage, read_write> y: array<f32>;\n@compute @workgroup_size(1) fn main() { y[0] = 1.0; }",
            "group 1",
        ),
        (
            "@group(0) @binding(0) var y: texture_2d<f32>;\n@compute @workgroup_size(1) fn main() {}",
            "not a buffer",
        ),
        (
            "@vertex fn main() -> @builtin(position) vec4<f32> { return vec4<f32>(); }",
            "compute",
        ),
    ];
    let options: [(&[&str], &str); 14] = [
        (&["--grid", "1"], "--bind y=1024"),
        (&["--bind", "y=64"], "--threads"),
        (&["--bind", "y=64", "--grid", "0"], "above 0"),
        (&["--bind", "y=64", "--grid", "1x1x1x1"], "three dimensions"),
        (&["--bind", "y=64", "--grid", "9999999"], "workgroups"),
        (&["--bind", "z=64", "--grid", "1"], "bindings are y"),
        (
            &["--bind", "y=64", "--bind", "y=64", "--grid", "1"],
            "twice",
        ),
        (&["--bind", "y=64:gauss", "--grid", "1"], "unknown fill"),
        (&["--bind", "y", "--grid", "1"], "NAME=SHAPE"),
        (&["--bind", "y=[1,a]", "--grid", "1"], "not a value of f32"),
        (&["--bind", "y=@nowhere.npy", "--grid", "1"], "nowhere.npy"),
        (
            &["--bind", "y=64", "--grid", "1", "--const", "M=1"],
            "it has N",
        ),
        (
            &["--bind", "y=64", "--grid", "1", "--tolerance", "nan"],
            "--tolerance",
        ),
        (
            &["--bind", "y=64", "--grid", "1", "--expect", "x=a.npy"],
            "the kernel writes y",
        ),
    ];
    let rest: &[&str] = &["--bind", "y=64", "--grid", "1"];
    let mut calls: Vec<(PathBuf, &[&str], &str)> = Vec::new();
    for (at, (text, with)) in texts.into_iter().enumerate() {
        calls.push((write(&format!("{at}.wgsl"), text), rest, with));
    }
    calls.extend(options.map(|(args, with)| (good.clone(), args, with)));
    calls.push((folder.path().join("none.wgsl"), rest, "cannot read"));
    for (path, args, with) in calls {
        let output = bench(&[&[path.to_str().unwrap()], args].concat());
        let text = stderr(&output);
        let shown = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(output.status.code(), Some(2), "{shown} {args:?}: {text}");
        assert!(
            text.contains(with) && !text.contains("panicked"),
            "{shown} {args:?}: {text}"
        );
        assert_eq!(text.matches("error:").count(), 1, "{text}");
        assert!(stdout(&output).is_empty());
    }
}
