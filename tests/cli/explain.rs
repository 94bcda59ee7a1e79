//! The step explained.

use super::{sentence, stdout, succeeded, wattgrad};
use serde_json::Value;

#[test]
fn prints_the_step_and_writes_its_shaders() {
    let output = wattgrad(&["explain", "--data", "digits"]);
    succeeded(&output);
    let text = stdout(&output);
    for part in [
        "forward_backward:",
        "update:",
        "evaluate:",
        "pipelines:",
        "memory",
        "parameters",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let output = wattgrad(&["explain", "--data", "digits", "--json"]);
    succeeded(&output);
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(summary["lists"].as_array().is_some_and(|l| l.len() >= 3));
    // Of a step's dispatches, those with a barrier and the first of each list wait.
    let lists = summary["lists"].as_array().unwrap().iter();
    let waiting = lists.filter(|list| list["name"] != "evaluate").map(|list| {
        let dispatches = list["dispatches"].as_array().unwrap().iter().enumerate();
        dispatches
            .filter(|(at, d)| *at == 0 || d["barrier"] == true)
            .count() as u64
    });
    let chain = waiting.sum::<u64>();
    assert_eq!(summary["step_chain"], chain);
    let line = format!("{chain} of the 17 dispatches of a step wait");
    assert!(text.contains(&line), "{line} in {text}");

    let folder = tempfile::tempdir().unwrap();
    for (language, ending) in [
        ("wgsl", "wgsl"),
        ("spirv", "spv"),
        ("hlsl", "hlsl"),
        ("msl", "metal"),
    ] {
        let out = folder.path().join(language);
        let args = ["explain", "--data", "digits", "--emit", language, "--out"];
        succeeded(&wattgrad(&[&args[..], &[out.to_str().unwrap()]].concat()));
        let files: Vec<_> = std::fs::read_dir(&out)
            .unwrap()
            .map(|f| f.unwrap().path())
            .collect();
        assert!(!files.is_empty());
        for file in files {
            assert_eq!(file.extension().unwrap(), ending);
            let bytes = std::fs::read(&file).unwrap();
            match language {
                "spirv" => assert_eq!(bytes[..4], 0x0723_0203u32.to_le_bytes()),
                "msl" => assert!(String::from_utf8(bytes).unwrap().contains("kernel void")),
                "hlsl" => assert!(String::from_utf8(bytes).unwrap().contains("numthreads")),
                _ => assert!(String::from_utf8(bytes).unwrap().contains("@compute")),
            }
        }
    }
    let error = sentence(
        &wattgrad(&[
            "explain", "--data", "digits", "--emit", "glsl", "--out", "x",
        ]),
        2,
    );
    assert!(error.contains("glsl"), "{error}");
}
