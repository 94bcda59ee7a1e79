//! Study files: what valid ones mean, and the errors of invalid ones.
#![cfg(feature = "gpu")]

mod mistakes;

use std::path::Path;

use serde_json::{Value, json};
use wattgrad::Regime;
use wattgrad::internals::study::{Purpose, Study, StudyFileError, TEMPLATE, short};

/// A valid study file; tests change one line of it.
const GOOD: &str = r#"name = "lr-batch"
seeds = [1, 2, 3]
[base]
model = "mlp"
data = "data/fashion-mnist"
momentum = 0.9
[axes]
batch-size = [32, 128]
lr = [0.01, 0.1]
[reference]
batch-size = 32
lr = 0.1
[target]
metric = "accuracy"
at-least = [0.80, 0.85]
window = 12000
[evaluate]
every-samples = 6000
[budget]
samples = 600000
"#;

fn good(text: &str) -> Study {
    Study::parse("s.toml", text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// [`GOOD`] with one line in place of another.
fn with(line: &str, other: &str) -> String {
    assert_eq!(GOOD.matches(line).count(), 1, "{line}");
    GOOD.replace(line, other)
}

fn ids(study: &Study) -> Vec<&str> {
    study.cells.iter().map(|cell| cell.id.as_str()).collect()
}

#[test]
fn a_file_defines_cells_a_goal_and_a_plan() {
    let study = good(GOOD);
    assert_eq!(study.name, "lr-batch");
    assert_eq!(study.seeds, [1, 2, 3]);
    assert_eq!(
        ids(&study),
        [
            "batch-size=32,lr=0.01",
            "batch-size=32,lr=0.1",
            "batch-size=128,lr=0.01",
            "batch-size=128,lr=0.1"
        ]
    );
    assert_eq!(
        study.cells[2].regime,
        Regime {
            model: "mlp".into(),
            data: "data/fashion-mnist".into(),
            batch_size: 128,
            lr: Some(0.01),
            momentum: Some(0.9),
            ..Regime::default()
        }
    );
    assert_eq!(study.reference, Some(1));
    let goal = study.goal();
    assert_eq!(goal.target.thresholds, [0.8, 0.85]);
    assert_eq!((goal.every_samples, goal.window), (6000, 2));
    assert_eq!(goal.budget.samples, Some(600_000));
    assert!(
        study
            .cells
            .iter()
            .all(|cell| goal.check(cell.regime.batch_size).is_ok())
    );
    assert_eq!(study.plan().len(), 12);
    assert_eq!(
        (study.replicates, study.confirm, study.order_seed),
        (0, 0, 0)
    );
}

#[test]
fn rejects_a_missing_file_by_name() {
    let error = Study::read(Path::new("no/such/study.toml")).unwrap_err();
    assert!(matches!(error, StudyFileError::Read { .. }));
    assert!(error.to_string().contains("no/such/study.toml"), "{error}");
}

#[test]
fn every_setting_of_a_regime_can_be_an_axis() {
    let elsewhere = [
        "seed",
        "epochs",
        "max-steps",
        "eval-every",
        "target-accuracy",
    ];
    for (field, usual) in Regime::default().choices() {
        let key = field.replace('_', "-");
        if elsewhere.contains(&key.as_str()) {
            continue;
        }
        let value = match (&usual, key.as_str()) {
            (Value::Null, _) => json!(100),
            (usual, _) => usual.clone(),
        };
        let text = format!(
            "name = \"x\"\nseeds = [1]\n[axes]\n{key} = [{value}]\n{}",
            &GOOD[GOOD.find("[target]").unwrap()..]
        );
        let study = good(&text);
        assert_eq!(study.cells[0].settings, [(key.clone(), value)]);
        assert_eq!(study.reference, Some(0), "one cell is its own reference");
        assert!(study.cells[0].id.starts_with(&format!("{key}=")));
    }
}

#[test]
fn a_range_has_exact_ends_and_even_steps_in_its_scale() {
    let values = |axis: &str| {
        let text = with("[reference]\nbatch-size = 32\nlr = 0.1\n", "");
        let text = text.replace("batch-size = [32, 128]\nlr = [0.01, 0.1]", axis);
        good(&text).axes.remove(0).values
    };
    let log = values("lr = { from = 0.001, to = 1, steps = 4, scale = \"log\" }");
    assert_eq!(log, [json!(0.001), json!(0.01), json!(0.1), json!(1.0)]);
    let down = values("lr = { from = 0.3, to = 0.1, steps = 3 }");
    assert_eq!(down, [json!(0.3), json!(0.2), json!(0.1)]);
    let whole = values("batch-size = { from = 16, to = 1024, steps = 4, scale = \"log\" }");
    assert_eq!(whole, [json!(16), json!(64), json!(256), json!(1024)]);
    let linear = values("batch-size = { from = 32, to = 128, steps = 4, scale = \"linear\" }");
    assert_eq!(linear, [json!(32), json!(64), json!(96), json!(128)]);
}

#[test]
fn zipped_axes_change_together_and_cross_the_others() {
    let zipped = |reference: &str| {
        let text = with(
            "seeds = [1, 2, 3]",
            "seeds = [1]\nzip = [[\"lr\", \"batch-size\"]]",
        )
        .replace(
            "[reference]\nbatch-size = 32\nlr = 0.1",
            &format!("weight-decay = [0.0, 0.001]\n{reference}"),
        );
        Study::parse("s.toml", &text)
    };
    let study = zipped("[reference]\nbatch-size = 128\nlr = 0.1\nweight-decay = 0").unwrap();
    assert_eq!(
        ids(&study),
        [
            "batch-size=32,lr=0.01,weight-decay=0",
            "batch-size=32,lr=0.01,weight-decay=0.001",
            "batch-size=128,lr=0.1,weight-decay=0",
            "batch-size=128,lr=0.1,weight-decay=0.001"
        ]
    );
    assert_eq!(study.reference, Some(2));
    assert_eq!(study.zip, [["lr", "batch-size"]]);
    let error = zipped("[reference]\nbatch-size = 32\nlr = 0.1\nweight-decay = 0.0").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no cell has these values together"),
        "{error}"
    );
    let unequal = with(
        "seeds = [1, 2, 3]",
        "seeds = [1]\nzip = [[\"lr\", \"batch-size\"]]",
    )
    .replace("[32, 128]", "[32, 64, 128]");
    let error = Study::parse("s.toml", &unequal).unwrap_err().to_string();
    assert!(error.starts_with("s.toml:3:15: "), "{error}");
    assert!(
        error.contains("`lr` has 2 and `batch-size` has 3"),
        "{error}"
    );
}

#[test]
fn replicates_need_a_reference_cell() {
    let text = with("[reference]\nbatch-size = 32\nlr = 0.1\n", "")
        .replace("seeds = [1, 2, 3]", "seeds = [1]\nreplicates = 2");
    let error = Study::parse("s.toml", &text).unwrap_err().to_string();
    assert!(
        error.starts_with("s.toml:3:14: `replicates` repeats"),
        "{error}"
    );
}

#[test]
fn names_of_cells_are_distinct_file_names() {
    let text = with("data = \"data/fashion-mnist\"\n", "").replace(
        "[axes]\n",
        "[axes]\ndata = [\"a/b\", \"a-b\", \"A-B\", \"a,b\", \"%\"]\n",
    );
    let long = "x".repeat(300);
    let text = text
        .replace('%', &long)
        .replace("[reference]\n", "[reference]\ndata = \"a-b\"\n");
    let study = good(&text);
    let mut seen: Vec<String> = ids(&study).iter().map(|id| id.to_lowercase()).collect();
    assert_eq!(seen.len(), 20);
    for id in &seen {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.=,+".contains(c);
        assert!(id.len() <= 109 && id.chars().all(fits), "{id}");
    }
    assert!(ids(&study).contains(&"data=a-b,batch-size=32,lr=0.1"));
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 20);
}

#[test]
fn spelling_does_not_change_the_meaning_and_content_does() {
    let meaning = |text: &str| good(text).meaning();
    let same = meaning(GOOD);
    for (line, other) in [
        ("[axes]\n", "  # about axes\n\n[axes]\n"),
        ("lr-batch", "another-name"),
        ("momentum = 0.9\n", ""),
        ("momentum = 0.9", "momentum = 0.90\nnesterov = false"),
        ("samples = 600000", "samples = 600_000"),
        (
            "batch-size = [32, 128]\nlr = [0.01, 0.1]",
            "lr = [1e-2, 0.1]\nbatch-size = [32, 128]",
        ),
        (
            "lr = [0.01, 0.1]",
            "lr = { from = 0.01, to = 0.1, steps = 2 }",
        ),
        ("seeds = [1, 2, 3]", "seeds = [1, 2, 3]\nconfirm = 0"),
    ] {
        assert_eq!(meaning(&with(line, other)), same, "{other}");
    }
    for (line, other) in [
        ("[1, 2, 3]", "[1, 3, 2]"),
        ("momentum = 0.9", "momentum = 0.8"),
        ("[32, 128]", "[32, 64, 128]"),
        ("0.85]", "0.86]"),
        ("window = 12000", "window = 6000"),
        ("every-samples = 6000", "every-samples = 3000"),
        ("samples = 600000", "samples = 600000\nseconds = 100"),
        ("lr = 0.1\n", "lr = 0.01\n"),
        ("seeds = [1, 2, 3]", "seeds = [1, 2, 3]\nconfirm = 1"),
        ("seeds = [1, 2, 3]", "seeds = [1, 2, 3]\nreplicates = 1"),
        ("seeds = [1, 2, 3]", "seeds = [1, 2, 3]\norder-seed = 1"),
    ] {
        assert_ne!(meaning(&with(line, other)), same, "{other}");
    }
}

#[test]
fn the_template_is_a_valid_study() {
    let study = good(TEMPLATE);
    assert_eq!(study.cells.len(), 4);
    // Each commented line is valid too.
    for line in TEMPLATE.lines() {
        let Some(code) = line.strip_prefix("# ").filter(|code| code.contains(" = ")) else {
            continue;
        };
        good(&TEMPLATE.replace(line, code));
    }
    let keys = ["zip", "steps", "epochs", "seconds", "joules"];
    assert!(
        keys.iter()
            .all(|key| TEMPLATE.contains(&format!("\n# {key} = ")))
    );
}

#[test]
fn the_shipped_studies_are_valid() {
    let shipped = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("studies");
        Study::read(&folder.join(name)).unwrap_or_else(|error| panic!("{error}"))
    };
    let quick = shipped("quickstart.toml");
    assert_eq!((quick.cells.len(), quick.seeds.len()), (4, 1));
    let power = shipped("power-of-training.toml");
    let values: Vec<usize> = power.axes.iter().map(|axis| axis.values.len()).collect();
    assert_eq!(values, [4, 4]);
    assert_eq!(power.target.thresholds, [0.80, 0.85, 0.88]);
    let plan = power.plan();
    let count = |purpose| plan.iter().filter(|run| run.purpose == purpose).count();
    assert_eq!((count(Purpose::Main), count(Purpose::Replicate)), (48, 5));
    for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("studies")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let study = shipped(&name);
        assert_eq!(format!("{}.toml", study.name), name);
    }
}

#[test]
fn the_examples_of_the_documentation_are_valid() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/study.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks: Vec<&str> = page
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    let whole = good(blocks[0]);
    assert_eq!(whole.plan().len(), 12);
    let goal = &blocks[0][blocks[0].find("[target]").unwrap()..];
    let axes = good(&format!("name = \"x\"\nseeds = [1]\n{}{goal}", blocks[1]));
    let values = |key: &str| {
        let axis = axes.axes.iter().find(|axis| axis.key == key).unwrap();
        let values: Vec<String> = axis.values.iter().map(short).collect();
        values.join(", ")
    };
    for key in ["lr", "momentum", "batch-size"] {
        let line = blocks[1].lines().find(|line| line.starts_with(key));
        assert!(line.unwrap().ends_with(&values(key)), "{}", values(key));
    }
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split(" | ").collect();
        let (key, example) = (
            cells[0].trim_matches(['|', ' ', '`']),
            cells[1].trim_matches('`'),
        );
        let of = blocks[0]
            .lines()
            .find(|line| line.starts_with(&format!("{key} = ")));
        let limits = ["steps", "epochs", "seconds", "joules"];
        good(&match of {
            Some(line) => blocks[0].replace(line, example),
            None if limits.contains(&key) => blocks[0].replace("samples = 600000", example),
            None => format!("{example}\n{}", blocks[0]),
        });
    }
}

#[test]
fn pretraining_runs_are_a_study_of_their_own() {
    let more = r#"
[pretrain.base]
model = "cnn"
momentum = 0.5
[pretrain.target]
metric = "accuracy"
at-least = [0.9]
window = 12000
[pretrain.budget]
samples = 60000
"#;
    let axes =
        "init = [\"scratch\", \"pretrained\"]\ntasks = [[\"label\"], [\"label\", \"kind\"]]\n";
    let text = with("lr = [0.01, 0.1]\n", axes).replace(
        "\nlr = 0.1\n",
        "\ninit = \"pretrained\"\ntasks = \"label\"\n",
    );
    let text = text.replace(
        "momentum = 0.9\n",
        "momentum = 0.9\nfreeze = [\"fc1\", \"fc2\"]\nnew-head = true\n",
    );
    let study = good(&(text.clone() + more));
    assert!(
        ids(&study).contains(&"tasks=label+kind,init=pretrained,batch-size=32"),
        "{:?}",
        ids(&study)
    );
    let regime = &study.cells[0].regime;
    assert_eq!(regime.freeze.as_ref().unwrap().to_string(), "fc1+fc2");
    let pretrain = study.pretrain.as_ref().unwrap();
    assert_eq!(pretrain.name, "lr-batch-pretrain");
    // The seeds of the cells, those of the replicates and those that confirm.
    assert_eq!(pretrain.seeds[..3], [1, 2, 3]);
    let all = 3 + study.replicates as usize + study.confirm as usize;
    assert_eq!(pretrain.seeds.len(), all);
    let regime = &pretrain.cells[0].regime;
    assert_eq!((regime.model.as_str(), regime.momentum), ("cnn", Some(0.5)));
    assert!(regime.freeze.is_none() && regime.new_head.is_none() && regime.init.is_none());
    assert_eq!(
        (pretrain.every_samples, pretrain.budget.samples),
        (6000, Some(60_000))
    );
    assert_ne!(
        study.meaning(),
        good(&(text.clone() + &more.replace("0.5", "0.6"))).meaning()
    );

    let wrong = |text: &str, part: &str| {
        let error = Study::parse("s.toml", text).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    wrong(&text, "there is no [pretrain] table");
    wrong(&(GOOD.to_owned() + more), "no cell starts from the weights");
    let twice = more.replace("[pretrain.base]", "[pretrain.base]\ninit = \"scratch\"");
    wrong(&(text.clone() + &twice), "leave `init` out");
    wrong(
        &(text.clone() + &more.replace("samples = 60000", "samples = 600")),
        "before the window",
    );
    let target = "[target.tasks]\nkind = [0.9]\n";
    wrong(
        &GOOD.replace("[evaluate]", &format!("{target}[evaluate]")),
        "as many finite thresholds",
    );
}

#[test]
fn the_name_of_a_run_depends_on_the_content_of_its_network_file_and_not_of_a_preset() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.toml");
    let text = with(
        "model = \"mlp\"",
        &format!("model = {:?}", path.display().to_string()),
    );
    let ids = |text: &str| {
        good(text)
            .plan()
            .into_iter()
            .map(|run| run.id)
            .collect::<Vec<_>>()
    };
    let missing = ids(&text);
    assert_eq!(
        missing,
        ids(GOOD),
        "without the file its content is not known"
    );
    std::fs::write(&path, "one").unwrap();
    let (first, meaning) = (ids(&text), good(&text).meaning());
    assert!(
        first.iter().all(|id| id.contains('+')) && first[0] != missing[0],
        "{first:?}"
    );
    assert_eq!(ids(&text), first);
    std::fs::write(&path, "two").unwrap();
    let second = ids(&text);
    assert!(second.iter().all(|id| !first.contains(id)), "{second:?}");
    assert_ne!(good(&text).meaning(), meaning);
    // In a list of networks too.
    let axis = with("momentum = 0.9", "")
        .replace("model = \"mlp\"\n", "")
        .replace(
            "[axes]",
            &format!(
                "[axes]\nmodel = [\"mlp\", {:?}]",
                path.display().to_string()
            ),
        );
    let reference = axis.replace("[reference]", "[reference]\nmodel = \"mlp\"");
    let found = ids(&reference);
    assert_eq!(
        found.iter().filter(|id| id.contains('+')).count() * 2,
        found.len()
    );
}
