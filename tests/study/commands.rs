//! The output of the commands.

use super::{RUNS, STUDY, folder, json, output, printed, records, run};

#[test]
fn a_study_is_run_reported_and_verified() {
    let (folder, file, out) = folder();
    let at = out.to_str().unwrap();
    let ended = run(&file, &out);
    assert!(ended.status.success(), "{}", printed(&ended));
    let text = printed(&ended);
    assert!(
        text.contains("Best regime: ") && text.contains(" to 80 % test accuracy ("),
        "{text}"
    );
    assert!(text.contains("no energy was measured"), "{text}");

    let all = records(&out);
    assert_eq!(all.len(), RUNS);
    for record in all.values() {
        let diverges = record["record"]["regime"]["lr"] == 50.0;
        let expected = if diverges { "diverged" } else { "reached" };
        assert_eq!(record["outcome"], expected, "{}", record["id"]);
        let Some(last) = record["record"]["target_results"][1].get("reached") else {
            continue;
        };
        // The mean of two evaluations of one half decides, and the other half confirms.
        let points = record["record"]["evaluations"].as_array().unwrap();
        let of = |key: &str| {
            let accuracy = |point: &serde_json::Value| point["metrics"][0][key].as_f64().unwrap();
            let newest = &points[points.len() - 2..];
            newest.iter().map(accuracy).sum::<f64>() / 2.0
        };
        assert!((last["value"].as_f64().unwrap() - of("deciding")).abs() < 1e-12);
        assert!((last["confirmed"].as_f64().unwrap() - of("confirming")).abs() < 1e-12);
        assert!(of("deciding") >= 0.8);
    }

    let status = output(&["study", "status", at, "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(
        (status["runs"].as_u64(), status["done"].as_u64()),
        (Some(9), Some(9))
    );
    assert_eq!(status["by_outcome"]["diverged"], 4);
    assert_eq!(status["cells"].as_array().unwrap().len(), 4);
    assert_eq!(status["cells"][0]["seeds"][0]["outcome"], "reached");

    reported(at, folder.path());
    assert!(output(&["study", "verify", at]).status.success());
    // After a change of one accuracy, the checksum and the target results no longer match.
    let path = out.join("runs").join("batch-size=16,lr=0.02@1.json");
    let mut changed = json(&path);
    changed["record"]["evaluations"][0]["metrics"][0]["deciding"] = 0.999.into();
    std::fs::write(&path, serde_json::to_vec_pretty(&changed).unwrap()).unwrap();
    let verified = output(&["study", "verify", at]);
    assert_eq!(verified.status.code(), Some(1));
    let text = printed(&verified);
    assert!(
        text.contains("batch-size=16,lr=0.02@1: the file has changed"),
        "{text}"
    );
    assert!(
        text.contains("batch-size=16,lr=0.02@1: the recorded target results"),
        "{text}"
    );

    // It is named and left out by the others too.
    for command in [&["study", "status", at][..], &["report", at]] {
        let shown = output(command);
        let text = printed(&shown);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(shown.status.success(), "{text}");
        assert!(
            text.contains("16,lr=0.02@1.json\" was changed after its run ended and is left out"),
            "{text}"
        );
    }
    let status = output(&["study", "status", at, "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["cells"][0]["seeds"][0]["outcome"], "pending");

    // A run or training record of another version is rejected by name.
    for at in ["/schema", "/record/schema"] {
        let mut later = changed.clone();
        *later.pointer_mut(at).unwrap() = 9.into();
        std::fs::write(&path, serde_json::to_vec_pretty(&later).unwrap()).unwrap();
        let out = out.to_str().unwrap();
        for command in [
            &["study", "status", out][..],
            &["study", "verify", out],
            &["report", out],
            &["study", "run", &file, "--out", out],
        ] {
            let refused = output(command);
            let text = printed(&refused);
            assert_eq!(refused.status.code(), Some(1), "{text}");
            assert!(text.contains("16,lr=0.02@1.json\" has schema 9"), "{text}");
        }
    }

    // The folder of another study is rejected with the difference.
    let other = folder.path().join("other.toml");
    std::fs::write(&other, STUDY.replace("samples = 4000", "samples = 5000")).unwrap();
    let refused = run(other.to_str().unwrap(), &out);
    assert_eq!(refused.status.code(), Some(2), "{}", printed(&refused));
    assert!(printed(&refused).contains("5000"), "{}", printed(&refused));
}

#[test]
fn a_dry_run_estimates_the_work_and_runs_nothing() {
    let (_folder, file, out) = folder();
    let ended = output(&[
        "study",
        "run",
        &file,
        "--dry-run",
        "--json",
        "--out",
        out.to_str().unwrap(),
    ]);
    assert!(ended.status.success(), "{}", printed(&ended));
    let estimate: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(estimate["runs"], 9);
    let programs = estimate["programs"].as_array().unwrap();
    // Learning rates share a program; 4000 samples are 250 steps of 16 and 125 of 32, and 8 evaluations each.
    let programs: Vec<_> = programs
        .iter()
        .map(|one| {
            (
                one["batch_size"].as_u64(),
                one["steps"].as_u64(),
                one["evaluations"].as_u64(),
            )
        })
        .collect();
    assert_eq!(
        programs,
        [
            (Some(16), Some(250), Some(8)),
            (Some(32), Some(125), Some(8))
        ]
    );
    assert!(estimate["seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(estimate["energy"], serde_json::json!([]));
    assert!(!out.exists());

    let asked = [
        "--meter",
        "cpu-time",
        "study",
        "run",
        &file,
        "--dry-run",
        "--json",
    ];
    let ended = output(&[&asked[..], &["--assume-watts-per-core", "10"]].concat());
    let estimate: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    let row = &estimate["energy"][0];
    assert_eq!(
        (&row["source"], &row["status"]),
        (&"cpu-time".into(), &"assumed".into())
    );
    let watts = row["watts"].as_f64().unwrap();
    let joules = watts * estimate["seconds"].as_f64().unwrap();
    assert!(watts > 0.0, "{row}");
    assert_eq!(row["programs"], 2, "{row}");
    assert!(
        (row["joules"].as_f64().unwrap() - joules).abs() < 1e-6 * joules,
        "{row}"
    );
}

#[test]
fn the_answer_comes_from_runs_with_fresh_seeds() {
    let (_folder, file, out) = folder();
    let study = STUDY
        .replace("seeds = [1, 2]", "seeds = [1]")
        .replace("batch-size = [16, 32]", "batch-size = [16]")
        .replace("replicates = 1", "confirm = 2");
    std::fs::write(&file, study).unwrap();
    let ended = run(&file, &out);
    assert!(ended.status.success(), "{}", printed(&ended));
    let fresh = records(&out)
        .into_values()
        .filter(|run| run["purpose"] == "confirm");
    let fresh: Vec<serde_json::Value> = fresh.collect();
    assert_eq!(
        fresh.len(),
        4,
        "best and worst, the best being the reference"
    );
    let report = output(&["report", out.to_str().unwrap(), "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    let answer = report[0]["answer"].to_string();
    assert!(answer.contains("fresh seed"), "{answer}");
    // Other tests may use the machine, so that time is not ranked.
    let costs = report[0]["costs"].as_array().unwrap();
    let samples = costs
        .iter()
        .filter(|cost| cost["kind"]["kind"] == "samples");
    let confirmed: Vec<&serde_json::Value> = samples.map(|cost| &cost["confirmation"]).collect();
    assert!(!confirmed.is_empty());
    for confirmation in confirmed {
        assert_eq!(confirmation["cost"]["runs"], 2, "{confirmation}");
    }
}

#[test]
fn runs_the_reference_again_if_no_run_reached_the_target() {
    let (_folder, file, out) = folder();
    let study = STUDY
        .replace("seeds = [1, 2]", "seeds = [1]")
        .replace("[0.6, 0.8]", "[0.999]")
        .replace("lr = [0.02, 50.0]", "lr = [0.02]")
        .replace("replicates = 1", "confirm = 2");
    std::fs::write(&file, study).unwrap();
    let ended = run(&file, &out);
    assert!(ended.status.success(), "{}", printed(&ended));
    let text = printed(&ended);
    assert!(
        text.contains("only the reference cell is run again"),
        "{text}"
    );
    let all = records(&out);
    assert_eq!(all.len(), 4);
    for run in all.values().filter(|run| run["purpose"] == "confirm") {
        assert_eq!(run["cell"], "batch-size=16,lr=0.02");
    }
}

#[test]
fn each_error_is_one_sentence() {
    let (folder, file, out) = folder();
    let missing = output(&["study", "run", "/nonexistent.toml"]);
    assert_eq!(missing.status.code(), Some(2), "{}", printed(&missing));
    let no_study = output(&["study", "status", folder.path().to_str().unwrap()]);
    assert_eq!(no_study.status.code(), Some(1), "{}", printed(&no_study));
    // A budget in joules needs a source that measures them.
    let joules = STUDY.replace("samples = 4000", "joules = 40.0");
    std::fs::write(&file, joules).unwrap();
    let refused = output(&[
        "--meter",
        "none",
        "study",
        "run",
        &file,
        "--out",
        out.to_str().unwrap(),
    ]);
    assert_eq!(refused.status.code(), Some(2), "{}", printed(&refused));
    assert!(
        printed(&refused).contains("wattgrad doctor"),
        "{}",
        printed(&refused)
    );
    for text in [printed(&missing), printed(&no_study), printed(&refused)] {
        assert_eq!(text.matches("error:").count(), 1, "{text}");
    }
}

/// A meter of 50 W, slow enough for a run to be too short on a busy machine too.
#[cfg(unix)]
const STEADY: &str = "cmd:while :; do echo \"$(date +%s.%N) 50\"; sleep 0.2; done";

#[cfg(unix)]
#[test]
fn runs_too_short_for_their_meter_have_joules_per_step() {
    let (_folder, file, out) = folder();
    let study = STUDY
        .replace("seeds = [1, 2]", "seeds = [1]")
        .replace("batch-size = [16, 32]", "batch-size = [16]")
        .replace("replicates = 1", "");
    std::fs::write(&file, study).unwrap();
    let at = out.to_str().unwrap();
    let meter = ["--meter", STEADY, "--meter-seconds", "3"];
    let ended = output(&[&["study", "run", &file, "--out", at], &meter[..]].concat());
    assert!(ended.status.success(), "{}", printed(&ended));
    let outcomes: Vec<serde_json::Value> = records(&out)
        .into_values()
        .map(|run| {
            let figures = run["record"]["energy_to_end"].as_array().unwrap();
            let ways = figures.iter().map(|figure| &figure["derivation"]);
            assert!(ways.eq(["steps-times-joules"].iter()), "{figures:?}");
            assert!(figures[0]["joules"].as_f64().unwrap() > 0.0);
            run["outcome"].clone()
        })
        .collect();
    assert_eq!(outcomes, ["reached", "diverged"]);
    let verified = output(&["study", "verify", at]);
    assert!(verified.status.success(), "{}", printed(&verified));
}

/// A meter of 50 +- 1 W, one line every 20 ms.
#[cfg(unix)]
pub const WATTS: &str = "cmd:while :; do echo \"$(date +%s.%N) 49\"; sleep 0.02; echo \"$(date +%s.%N) 51\"; sleep 0.02; done";

#[cfg(unix)]
#[test]
fn a_budget_in_joules_ends_a_run_and_its_joules_are_recorded() {
    let (_folder, file, out) = folder();
    let study = STUDY
        .replace("samples = 4000", "joules = 100.0")
        .replace("[0.6, 0.8]", "[0.999]")
        .replace("lr = [0.02, 50.0]", "lr = [0.02]")
        .replace("batch-size = [16, 32]", "batch-size = [16]")
        .replace("seeds = [1, 2]", "seeds = [1]")
        .replace("replicates = 1", "");
    std::fs::write(&file, study).unwrap();
    let ended = output(&[
        "--meter",
        WATTS,
        "study",
        "run",
        &file,
        "--meter-seconds",
        "1",
        "--out",
        out.to_str().unwrap(),
    ]);
    assert!(ended.status.success(), "{}", printed(&ended));
    let all = records(&out);
    let run = all.values().next().unwrap();
    assert_eq!(run["outcome"], "over-budget");
    let row = &run["record"]["energy"][0];
    assert_eq!(row["status"], "measured", "{row}");
    let (joules, seconds) = (
        row["joules"].as_f64().unwrap(),
        row["seconds"].as_f64().unwrap(),
    );
    assert!(
        (joules / seconds - 50.0).abs() < 1.0,
        "{joules} J in {seconds} s"
    );
    // It is checked after each evaluation, so the run continues a little.
    assert!(joules >= 99.0, "{joules}");
    // The joules so far after each evaluation lag by the delay of the meter's lines.
    let points = run["record"]["evaluations"].as_array().unwrap();
    let (last, before) = points.split_last().unwrap();
    let spent = |point: &serde_json::Value| point["joules_so_far"].as_f64().unwrap_or(0.0);
    assert!(
        before.iter().all(|point| spent(point) < 100.0),
        "{before:?}"
    );
    assert!(spent(last) >= 100.0, "{last}");

    let verified = output(&["study", "verify", out.to_str().unwrap()]);
    assert!(verified.status.success(), "{}", printed(&verified));
    // The readings past the run's end are doubled: a step no longer costs what the record says.
    let path = out.join("runs").join("batch-size=16,lr=0.02@1.json");
    let mut changed = json(&path);
    let steps = &mut changed["record"]["metered_windows"]["steps"]["sources"][0];
    for reading in steps["readings"].as_array_mut().unwrap() {
        reading["value"] = (reading["value"].as_u64().unwrap() * 2).into();
    }
    std::fs::write(&path, serde_json::to_vec_pretty(&changed).unwrap()).unwrap();
    let verified = output(&["study", "verify", out.to_str().unwrap()]);
    assert_eq!(verified.status.code(), Some(1));
    let text = printed(&verified);
    for of in [
        "joules per step",
        "joules of the run",
        "joules of its phases",
    ] {
        assert!(text.contains(&format!("@1: {of}, cmd:")), "{of}: {text}");
    }
    assert!(!text.contains("joules per evaluation"), "{text}");
    // Readings that give no energy do not confirm any.
    let row = &mut changed["record"]["energy"][0];
    for reading in row["readings"].as_array_mut().unwrap() {
        reading["value"] = 0.into();
    }
    std::fs::write(&path, serde_json::to_vec_pretty(&changed).unwrap()).unwrap();
    let text = printed(&output(&["study", "verify", out.to_str().unwrap()]));
    assert!(text.contains("its readings give no energy"), "{text}");
}

/// The report of a study in every form.
fn reported(study: &str, folder: &std::path::Path) {
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (html, svg, csv) = (at("r.html"), at("r.svg"), at("csv"));
    let ended = output(&[
        "report", study, "--html", &html, "--svg", &svg, "--csv", &csv,
    ]);
    assert!(ended.status.success(), "{}", printed(&ended));
    let text = String::from_utf8(ended.stdout).unwrap();
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let page = std::fs::read_to_string(&html).unwrap();
    let first = records(std::path::Path::new(study))
        .into_values()
        .next()
        .unwrap();
    // The terminal wraps what is longer.
    let name = first["record"]["device"]["name"].as_str().unwrap();
    let device = name.split_whitespace().next().unwrap().to_owned();
    let card = std::fs::read_to_string(&svg).unwrap();
    for (form, text) in [("terminal", &text), ("page", &page), ("card", &card)] {
        assert!(
            text.contains("80 %") || text.contains("80\u{a0}%"),
            "the {form} names no target"
        );
        assert!(text.contains(device.as_str()), "the {form} names no device");
        let refers = ["http-equiv", "src=\"http", "href=\"http", "@import"];
        assert!(
            refers.iter().all(|word| !text.contains(word)),
            "the {form} needs a network"
        );
    }
    let cells = std::fs::read_to_string(folder.join("csv/cells.csv")).unwrap();
    assert_eq!(cells.lines().count(), 5, "{cells}");
    let runs = std::fs::read_to_string(folder.join("csv/runs.csv")).unwrap();
    assert_eq!(runs.lines().count(), 1 + RUNS, "{runs}");
    let json = output(&["report", study, "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json[0]["name"], "small");
    let table = output(&["report", study, "--markdown"]);
    assert!(
        String::from_utf8(table.stdout)
            .unwrap()
            .contains("| batch size")
    );
}
