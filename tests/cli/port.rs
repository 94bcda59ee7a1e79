//! A new device: the page, its continuation, and a kernel that a test made wrong.

use std::path::Path;

use super::{json, program, sentence, stderr, stdout, succeeded, wattgrad};
use serde_json::Value;
use wattgrad::internals::kernels::SHADERS;

/// A copy of the shaders in which `kernel` has `to` in place of `from`.
fn shaders_with(folder: &Path, kernel: &str, from: &str, to: &str) {
    for shader in SHADERS {
        let path = folder.join(format!("{}.wgsl", shader.name));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = match shader.name == kernel {
            true => {
                assert!(shader.text.contains(from), "{kernel} has no {from}");
                shader.text.replacen(from, to, 1)
            }
            false => shader.text.to_owned(),
        };
        std::fs::write(path, text).unwrap();
    }
}

/// One kernel after another, each with a mistake: the command names it and its first wrong element, and ends with 1.
#[test]
fn a_wrong_kernel_is_named_with_its_first_wrong_element() {
    for (kernel, from, to) in [
        ("elementwise/silu", "1.0", "1.5"),
        ("optim/lion", "sign(", "abs("),
    ] {
        let folder = tempfile::tempdir().unwrap();
        shaders_with(folder.path(), kernel, from, to);
        let output = program(&["port", "--kernel", kernel, "--json"])
            .env("WATTGRAD_SHADERS", folder.path())
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(1),
            "{kernel}: {}",
            stderr(&output)
        );
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        let suspects = found["suspects"].as_array().unwrap();
        assert_eq!(suspects.len(), 1, "{kernel}: {suspects:#?}");
        assert_eq!(suspects[0]["kernels"], serde_json::json!([kernel]));
        let element = &suspects[0]["element"];
        for key in ["index", "got", "expected", "tolerance"] {
            assert!(!element[key].is_null(), "{kernel}: {element}");
        }
        assert_ne!(element["got"], element["expected"]);
    }
}

/// A ReLU that hides a NaN: the page names it with its first wrong element, and takes no network out.
#[test]
fn a_kernel_that_is_wrong_only_at_nan_takes_no_network_out() {
    let kernel = "elementwise/finish_relu";
    let folder = tempfile::tempdir().unwrap();
    let shaders = folder.path().join("shaders");
    let (from, to) = (
        "select(v, vec4<f32>(), v < vec4<f32>())",
        "select(vec4<f32>(), v, v > vec4<f32>())",
    );
    shaders_with(&shaders, kernel, from, to);
    let port = |args: &[&str]| {
        let mut program = program(args);
        let output = program.env("WATTGRAD_SHADERS", &shaders).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        output
    };
    let alone = stdout(&port(&["port", "--kernel", kernel]));
    let only = "wrong only where an input is NaN";
    assert!(
        alone.contains(only) && alone.contains("expected NaN"),
        "{alone}"
    );

    let out = folder.path().join("out");
    let args = ["port", "--step", "conformance", "--out"];
    let output = port(&[&args[..], &[out.to_str().unwrap(), "--json"]].concat());
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let suspects = found["conformance"]["suspects"].as_array().unwrap();
    assert_eq!(suspects.len(), 1, "{suspects:#?}");
    assert_eq!(suspects[0]["kernels"], serde_json::json!([kernel]));
    let inputs = serde_json::json!({ "nan": true, "infinite": false });
    assert_eq!(suspects[0]["inputs"], inputs);
    assert_eq!(found["choice"]["built_in"], true);
    assert_eq!(found["choice"]["unavoidable"], serde_json::json!([]));
    let mut files = std::fs::read_dir(&out).unwrap().map(|f| f.unwrap().path());
    let page = files.find(|f| f.extension().is_some_and(|e| e == "md"));
    let page = std::fs::read_to_string(page.unwrap()).unwrap();
    for part in [
        &format!("- {kernel} is {only}: ") as &str,
        "1 kernel wrong, only where an input is not finite",
        "expected NaN within",
        &format!("Right with finite inputs: {kernel}."),
        "all of its kernels are right with finite inputs.",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("cannot be trained"), "{page}");
}

#[test]
fn a_right_kernel_passes_and_an_unknown_one_is_named() {
    let output = wattgrad(&["port", "--kernel", "elementwise/silu"]);
    succeeded(&output);
    assert!(stdout(&output).contains("comparisons, all right"));
    let unknown = sentence(&wattgrad(&["port", "--kernel", "gemm/silu"]), 2);
    assert!(unknown.contains("no kernel is named"), "{unknown}");
    let output = wattgrad(&["port", "--step", "dance"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("choose conformance, determinism"));
}

/// A process that stands still while a kernel is compiled or run is what a driver that hangs looks like.
#[cfg(target_os = "linux")]
#[test]
fn a_kernel_whose_compilation_or_run_does_not_end_is_left_out_and_named() {
    use std::time::{Duration, Instant};
    let folder = tempfile::tempdir().unwrap();
    let mut parent = program(&["port", "--kernel", "elementwise/silu", "--timeout", "4"]);
    parent.env("TMPDIR", folder.path());
    parent.stdout(std::process::Stdio::piped());
    parent.stderr(std::process::Stdio::piped());
    let parent = parent.spawn().unwrap();
    let children = format!("/proc/{0}/task/{0}/children", parent.id());
    let signal = |pid: i32, signal| unsafe { libc::kill(pid, signal) };
    let announced = || {
        let mut folders = std::fs::read_dir(folder.path()).unwrap();
        let file = folders.next()?.unwrap().path().join("announced");
        serde_json::from_slice::<Value>(&std::fs::read(file).ok()?).ok()
    };
    let start = Instant::now();
    let work = loop {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "nothing was announced"
        );
        std::thread::sleep(Duration::from_millis(1));
        let pids = std::fs::read_to_string(&children).unwrap_or_default();
        let Some(pid) = pids
            .split_whitespace()
            .next()
            .map(|pid| pid.parse().unwrap())
        else {
            continue;
        };
        if announced().is_none() {
            continue;
        }
        signal(pid, libc::SIGSTOP);
        std::thread::sleep(Duration::from_millis(20));
        match announced() {
            Some(stopped) => break stopped["work"].as_str().unwrap().to_owned(),
            None => signal(pid, libc::SIGCONT),
        };
    };
    let output = parent.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let told = stderr(&output);
    let sentence = format!("{work}: the driver did not end it within 4 s; continuing without it");
    assert!(told.contains(&sentence), "{told}");
    let found = stdout(&output);
    assert!(
        found.contains("comparisons failed") && found.contains("did not end it within 4 s"),
        "{found}"
    );
}

/// A process that is killed while it trains a preset, after it stood still for six seconds.
#[cfg(target_os = "linux")]
#[test]
fn the_time_of_a_step_includes_attempts_that_did_not_end() {
    use std::time::{Duration, Instant};
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut parent = program(&["port", "--quick", "--step", "determinism", "--out"]);
    parent.arg(&out).env("TMPDIR", folder.path());
    parent.stdout(std::process::Stdio::piped());
    parent.stderr(std::process::Stdio::piped());
    let start = Instant::now();
    let parent = parent.spawn().unwrap();
    let children = format!("/proc/{0}/task/{0}/children", parent.id());
    let signal = |pid: i32, signal| unsafe { libc::kill(pid, signal) };
    let announced = |word: &str| {
        let folders = std::fs::read_dir(folder.path()).unwrap();
        let files = folders.map(|entry| entry.unwrap().path().join("announced"));
        let mut texts = files.filter_map(|file| std::fs::read_to_string(file).ok());
        texts.any(|text| text.contains(word))
    };
    while !announced("determinism of cnn") {
        assert!(start.elapsed() < Duration::from_secs(120));
        std::thread::sleep(Duration::from_millis(2));
    }
    let pids = std::fs::read_to_string(&children).unwrap();
    let pid = pids.split_whitespace().next().unwrap().parse().unwrap();
    signal(pid, libc::SIGSTOP);
    std::thread::sleep(Duration::from_secs(6));
    signal(pid, libc::SIGKILL);
    let killed = Instant::now();
    let output = parent.wait_with_output().unwrap();
    let rest = killed.elapsed().as_secs_f64();
    let whole = start.elapsed().as_secs_f64();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let mut files = std::fs::read_dir(&out).unwrap().map(|f| f.unwrap().path());
    let state = files.find(|f| f.extension().is_some_and(|e| e == "json"));
    let found = json(&state.unwrap());
    let presets = found["determinism"].as_array().unwrap();
    let errors: Vec<bool> = presets.iter().map(|p| p["error"].is_string()).collect();
    assert_eq!(errors, [false, true, false], "{presets:#?}");
    let seconds = found["seconds"]["determinism"].as_f64().unwrap();
    // After the kill a process starts and trains the last preset.
    let counted = seconds > rest + 3.0 && seconds < whole;
    assert!(counted, "{seconds} s, {rest} s after the kill, {whole} s");
    assert!(found.get("seconds_so_far").is_none(), "{found}");
}

/// The cheapest step alone, then the same call again: nothing is repeated. A damaged state is refused.
#[test]
fn a_port_is_continued_and_its_page_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let args = ["port", "--quick", "--step", "determinism", "--out", out];
    let first = wattgrad(&args);
    succeeded(&first);
    assert!(
        stderr(&first).contains("determinism: mlp"),
        "{}",
        stderr(&first)
    );
    assert!(
        stdout(&first).contains("3 of 3 presets right"),
        "{}",
        stdout(&first)
    );
    let files: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let find = |ending| {
        files
            .iter()
            .find(|f| f.extension().is_some_and(|e| e == ending))
    };
    let (page, state) = (find("md").unwrap(), find("json").unwrap());
    let page = std::fs::read_to_string(page).unwrap();
    for part in [
        "## Conditions",
        "## Determinism",
        "## Sensors",
        "## Left out",
        "conformance",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let found = json(state);
    assert_eq!(found["determinism"].as_array().unwrap().len(), 3);

    let second = wattgrad(&args);
    succeeded(&second);
    let told = stderr(&second);
    assert!(
        told.contains("continuing") && !told.contains("determinism: mlp"),
        "{told}"
    );
    assert_eq!(stdout(&first), stdout(&second));

    std::fs::write(state, "{").unwrap();
    let damaged = sentence(&wattgrad(&args), 1);
    assert!(damaged.contains("--fresh"), "{damaged}");
    assert_eq!(std::fs::read_to_string(state).unwrap(), "{");
}
