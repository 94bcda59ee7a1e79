//! The options of comparisons that hyperfine has too.

use std::fs::{read_to_string, write};
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::{json, json_of_any, sentence, stderr, stdout, wattgrad};

const BARE: [&str; 3] = ["measure", "--meter", "none"];

fn measure(args: &[&str]) -> std::process::Output {
    wattgrad(&[&BARE[..], args].concat())
}

/// A folder, and a command that appends a word to a file in it.
struct Trace(TempDir);

impl Trace {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn says(&self, word: &str) -> String {
        format!("printf {word} >>{}", self.file("trace").display())
    }

    fn text(&self) -> String {
        read_to_string(self.file("trace")).unwrap_or_default()
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn commands(result: &Value) -> Vec<&str> {
    let commands = result["commands"].as_array().unwrap();
    commands
        .iter()
        .map(|each| each["command"].as_str().unwrap())
        .collect()
}

#[test]
fn hooks_run_for_their_command() {
    let trace = Trace::new();
    let [a, b, p, q, c] = ["A", "B", "p", "q", "c"].map(|word| trace.says(word));
    let args = ["-r", "2", "-p", &p, "--prepare", &q, "-C", &c, &a, &b];
    json(&measure(&[&args[..], &["--json"]].concat()));
    assert_eq!(trace.text(), "pAcqBcqBcpAc");

    // A setup may undo that of another command, so each command has all its runs in turn.
    let trace = Trace::new();
    let [a, s, z] = ["{w}", "'<{w}'", "'{w}>'"].map(|word| trace.says(word));
    let args = [
        "--runs",
        "2",
        "--warmup",
        "1",
        "--setup",
        &s,
        "--cleanup",
        &z,
        "-L",
        "w",
        "x,y",
        &a,
        "--json",
    ];
    let result = json(&measure(&args));
    assert_eq!(trace.text(), "<xxxxx><yyyyy>");
    assert_eq!(result["comparison"]["interleaved"], false);
    assert!(
        result["comparison"]["sentence"]
            .as_str()
            .unwrap()
            .contains("one command after another")
    );
}

#[test]
fn refuses_before_the_first_run() {
    let trace = Trace::new();
    let a = trace.says("A");
    let file = trace.file("no/such/file");
    let nowhere = text(&file);
    for (code, with, args) in [
        (
            2,
            "--prepare was given 3 times for 2",
            &["-p", "a", "-p", "b", "-p", "c", "true"][..],
        ),
        (
            2,
            "--conclude was given 2 times for 3",
            &["-C", "a", "-C", "b", "true", "true"],
        ),
        (
            2,
            "--output was given 2 times for 3",
            &["--output", "null", "--output", "pipe", "true", "true"],
        ),
        (2, "parameter n is not used", &["-L", "n", "1,2"]),
        (
            2,
            "--command-name was given 2 times for 1",
            &["-n", "a", "-n", "b"],
        ),
        (2, "has no values", &["-P", "n", "2", "1", "echo {n}"]),
        (
            2,
            "given twice",
            &["-L", "n", "1", "-L", "n", "2", "echo {n}"],
        ),
        (2, "open quote", &["-N", "echo 'a"]),
        (2, "is above --max-runs", &["-m", "3", "-M", "2"]),
        (2, "--input", &["--input", nowhere]),
        (1, "file", &["--output", nowhere]),
        (1, "file", &["--export-json", nowhere]),
        (1, "file", &["--export-csv", nowhere]),
        (1, "file", &["--export-markdown", nowhere]),
    ] {
        let output = measure(&[args, &[&a]].concat());
        let error = sentence(&output, code);
        assert!(error.contains(with), "{with} in {error}");
        assert_eq!(trace.text(), "", "{args:?}");
    }
    for args in [
        &["--runs", "1", "--min-runs", "1", "true"][..],
        &["-L", "n", "1,2", "-P", "n", "1", "2", "true"],
        &["-D", "1", "true"],
        &["-N", "--shell", "sh", "true"],
        &["--output", "inherti", "true"],
        &["--phase", "(", "--", "true"],
        &["--phase", "x", "true"],
        &["--baseline", "0", "true"],
        &["--baseline", "1 week", "true"],
        &["--setup", "true", "--", "true"],
    ] {
        assert_eq!(measure(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn a_failed_comparison_keeps_the_files_of_the_last() {
    let trace = Trace::new();
    let file = trace.file("a.json");
    write(&file, "before").unwrap();
    let output = measure(&["--export-json", text(&file), "--prepare", "exit 9", "true"]);
    assert!(sentence(&output, 1).contains("the --prepare command `exit 9` ended with exit code 9"));
    assert_eq!(read_to_string(&file).unwrap(), "before");
    // What was run is kept where a later run fails.
    let count = trace.says("x");
    let fails = format!(
        "{count}; test $(wc -c <{}) -lt 3",
        trace.file("trace").display()
    );
    let output = measure(&["--runs", "5", "--export-json", text(&file), &fails]);
    assert_eq!(output.status.code(), Some(1));
    let result: Value = serde_json::from_str(&read_to_string(&file).unwrap()).unwrap();
    assert_eq!(result["commands"][0]["runs"].as_array().unwrap().len(), 3);
}

#[test]
fn parameters_give_every_combination() {
    let args = [
        "-r",
        "1",
        "--json",
        "-L",
        "a",
        "1,2",
        "-L",
        "b",
        "x,y\\,z",
        "-n",
        "{a}-{b}",
        "true {a} {b}",
        ": {a}{b}",
    ];
    let result = json(&measure(&args));
    assert_eq!(
        commands(&result),
        [
            "true 1 x",
            ": 1x",
            "true 2 x",
            ": 2x",
            "true 1 y,z",
            ": 1y,z",
            "true 2 y,z",
            ": 2y,z"
        ]
    );
    let last = &result["commands"][7];
    assert_eq!(last["name"], "2-y,z");
    assert_eq!(
        last["parameters"],
        serde_json::json!({"a": "2", "b": "y,z"})
    );
    let args = [
        "-r", "1", "--json", "-P", "n", "0.1", "0.3", "-D", "0.1", "true {n}",
    ];
    assert_eq!(
        commands(&json(&measure(&args))),
        ["true 0.1", "true 0.2", "true 0.3"]
    );
}

#[test]
fn parameters_that_a_command_does_not_show_are_named() {
    let args = ["-r", "1", "-L", "n", "1,2", "-p", "true {n}", "sleep 0.01"];
    let text = stdout(&measure(&args));
    assert!(
        text.contains("`sleep 0.01 (n=1)`") && text.contains("`sleep 0.01 (n=2)`"),
        "{text}"
    );
}

#[test]
fn streams_and_shell_are_chosen() {
    let trace = Trace::new();
    let (input, out) = (trace.file("in"), trace.file("out"));
    write(&input, "words").unwrap();
    let args = [
        "-r",
        "2",
        "--input",
        text(&input),
        "--output",
        text(&out),
        "cat; echo err >&2",
    ];
    let output = measure(&args);
    assert_eq!(read_to_string(&out).unwrap(), "words");
    assert_eq!(stderr(&output), "");
    let noisy = "seq 100000";
    for (policy, shows) in [("null", false), ("pipe", false), ("inherit", true)] {
        let output = measure(&["-r", "1", "--output", policy, noisy]);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(stdout(&output).contains("\n99999\n"), shows, "{policy}");
    }
    // Without a shell a word with `$` stays as it is.
    let args = ["-r", "1", "-N", "--output", "inherit", "echo '$HOME'"];
    assert!(stdout(&measure(&args)).starts_with("$HOME\n"));
    let args = [
        "-r",
        "1",
        "--shell",
        "none",
        "--output",
        "inherit",
        "echo $HOME",
    ];
    assert!(stdout(&measure(&args)).starts_with("$HOME\n"));
    let args = [
        "-r",
        "1",
        "-S",
        "sh -e",
        "--ignore-failure",
        "--json",
        "false; true",
    ];
    assert_eq!(
        json(&measure(&args))["commands"][0]["runs"][0]["exit_code"],
        1
    );
    let missing = measure(&["-N", "no-such-command-here"]);
    assert!(sentence(&missing, 127).contains("no-such-command-here"));
}

#[test]
fn failures_are_kept_where_they_are_ignored() {
    let output = measure(&["-r", "2", "-i", "--json", "exit 3", "kill -9 $$"]);
    let result = json(&output);
    assert_eq!(result["commands"][0]["runs"][1]["exit_code"], 3);
    assert_eq!(result["commands"][1]["runs"][1]["signal"], "SIGKILL");
    assert_eq!(result["commands"][1]["notes"][0], "2 of 2 runs failed");
    assert!(result["comparison"].is_object());
    let output = measure(&["-r", "2", "kill -9 $$", "true"]);
    assert_eq!(output.status.code(), Some(137));
    assert!(stderr(&output).contains("was killed by signal 9 (SIGKILL)"));
    assert!(
        json_of_any(&measure(&["-r", "2", "--json", "kill -9 $$", "true"]))
            .get("comparison")
            .is_none()
    );
}

#[test]
fn runs_until_there_are_enough() {
    let count = |args: &[&str]| {
        let result = json(&measure(&[args, &["--json"]].concat()));
        result["commands"][0]["runs"].as_array().unwrap().len()
    };
    // 3 s hold about four runs of 0.7 s, on a busy machine fewer.
    let runs = count(&["--min-runs", "2", "sleep 0.7", "sleep 0.8"]);
    assert!((2..=4).contains(&runs), "{runs}");
    assert_eq!(count(&["-m", "5", "sleep 0.7"]), 5);
    assert_eq!(count(&["--max-runs", "3", "true"]), 3);
    assert_eq!(count(&["true"]), 10);
}

#[test]
fn a_slow_first_run_suggests_a_warm_up() {
    let trace = Trace::new();
    let cold = format!(
        "test -e {0} && sleep 0.1 || {{ touch {0}; sleep 4; }}",
        trace.file("warm").display()
    );
    let result = json(&measure(&["-r", "4", "--json", &cold, "true"]));
    let notes = result["commands"][0]["notes"].to_string();
    assert!(
        notes.contains("the first run took") && notes.contains("--warmup"),
        "{notes}"
    );
}

#[test]
fn tables_have_one_row_per_command() {
    let trace = Trace::new();
    let (csv, markdown) = (trace.file("a.csv"), trace.file("a.md"));
    let lines = "true | cat\n: two";
    let args = [
        "-r",
        "2",
        "-L",
        "n",
        "1,2",
        "--export-csv",
        text(&csv),
        "--export-markdown",
        text(&markdown),
        lines,
        ": {n}",
    ];
    assert_eq!(measure(&args).status.code(), Some(0));
    let table = read_to_string(&markdown).unwrap();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 6, "{table}");
    assert!(
        rows[2].starts_with("| `true \\| cat`<br>`: two (n=1)` | - |"),
        "{table}"
    );
    let mut reader = csv::Reader::from_path(&csv).unwrap();
    let heads = reader.headers().unwrap().clone();
    assert_eq!(
        (&heads[0], heads.iter().next_back()),
        ("command", Some("parameter_n"))
    );
    let column = |name| heads.iter().position(|head| head == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 4);
    assert_eq!(&rows[0][0], lines);
    for row in &rows {
        let number = |name| row[column(name)].parse::<f64>().unwrap();
        assert!(number("min") <= number("median") && number("median") <= number("max"));
        assert!((number("mean") - f64::midpoint(number("min"), number("max"))).abs() < 1e-9);
        // Two values deviate from their mean by half of their distance.
        let deviation = (number("max") - number("min")) / 2f64.sqrt();
        assert!((number("stddev") - deviation).abs() < 1e-9);
        assert_eq!(&row[column("mean_joules")], "");
    }
}
