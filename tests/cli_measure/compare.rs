//! Several commands, compared.

use serde_json::Value;

use crate::{StandIn, WATTS, json, json_of_any, number, sentence, stderr, stdout, wattgrad};

#[test]
fn compares_commands_in_joules() {
    let stand_in = StandIn::new();
    let folder = tempfile::tempdir().unwrap();
    let (file, markdown) = (folder.path().join("a.json"), folder.path().join("a.md"));
    let trace = folder.path().join("order");
    let said = |name: &str| format!("printf {name} >>{}; sleep ", trace.display());
    let (short, long) = (said("S") + "0.4", said("L") + "1.2");
    let prepare = format!("printf p >>{}", trace.display());
    let output = stand_in.run(&[
        "measure",
        "--runs",
        "3",
        "--warmup",
        "1",
        "--prepare",
        &prepare,
        "--export-json",
        file.to_str().unwrap(),
        "--export-markdown",
        markdown.to_str().unwrap(),
        "--json",
        &long,
        &short,
    ]);
    let result = json(&output);
    assert_eq!(std::fs::read_to_string(&trace).unwrap(), "pLpSpSpLpLpSpSpL");
    let commands = result["commands"].as_array().unwrap();
    assert_eq!(commands[0]["command"], long);
    for (command, seconds) in commands.iter().zip([1.2, 0.4]) {
        let runs = command["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 3);
        for run in runs {
            assert_eq!(run["exit_code"], 0);
            assert!(run["seconds"].as_f64().unwrap() >= seconds);
            let joules = run["sources"][0]["joules"].as_f64().unwrap();
            let truth = WATTS * run["seconds"].as_f64().unwrap();
            assert!((joules - truth).abs() < 8.0, "{truth} J, not {run}");
        }
    }
    let comparison = &result["comparison"];
    assert_eq!(comparison["unit"], "joules");
    assert_eq!(comparison["source"], "nvml:0");
    assert_eq!(comparison["lowest"], short);
    let other = &comparison["others"][0];
    let number = |name: &str| number(other, name);
    assert_eq!(
        (&other["command"], &other["pairs"]),
        (&long.clone().into(), &3.into())
    );
    assert!((2.5..3.2).contains(&number("ratio")), "{other}");
    assert!(number("ratio_ci_low") < number("ratio") && number("ratio") < number("ratio_ci_high"));
    assert!(
        comparison["sentence"]
            .as_str()
            .unwrap()
            .contains("Energy by nvml:0")
    );

    let exported: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(exported, result);
    let table = std::fs::read_to_string(&markdown).unwrap();
    assert_eq!(
        table.lines().filter(|line| line.starts_with('|')).count(),
        4,
        "{table}"
    );
    assert!(
        table.contains("nvml:0") && table.contains("| 1 |"),
        "{table}"
    );
}

#[test]
fn compares_commands_in_seconds_without_joules() {
    let args = [
        "measure",
        "--meter",
        "nvml",
        "--runs",
        "3",
        "sleep 0.3",
        "sleep 0.1",
    ];
    let output = wattgrad(&args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(
        text.contains("`sleep 0.3` took ")
            && text.contains("x as long as `sleep 0.1`")
            && text.contains("no source measured the energy"),
        "{text}"
    );
    let one = json(&wattgrad(&[
        "measure", "--meter", "none", "--runs", "2", "--json", "true",
    ]));
    assert_eq!(one["commands"][0]["runs"].as_array().unwrap().len(), 2);
    assert!(one.get("comparison").is_none());
}

#[test]
fn compares_nothing_after_a_failure() {
    let output = wattgrad(&["measure", "--meter", "none", "--json", "exit 5", "true"]);
    assert_eq!(output.status.code(), Some(5));
    let result = json_of_any(&output);
    assert_eq!(result["commands"][0]["runs"][0]["exit_code"], 5);
    assert!(result.get("comparison").is_none());
    assert!(stderr(&output).contains("`exit 5` ended with exit code 5"));
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("no/such/file.json");
    let output = wattgrad(&[
        "measure",
        "--export-json",
        nowhere.to_str().unwrap(),
        "true",
        "true",
    ]);
    assert!(sentence(&output, 1).contains("file.json"));
    let output = wattgrad(&["measure", "--meter", "none", "--prepare", "exit 9", "true"]);
    assert!(sentence(&output, 1).contains("exit 9"));
}
