use super::*;
use crate::data::TaskKind;

const FILE: &str = r#"
[[layer]]
name = "conv1"
type = "conv2d"
out_channels = 8
kernel_size = 3
padding = 1
bias = false

[[layer]]
name = "bn1"
type = "batch_norm"

[[layer]]
type = "relu"
name = "stem"

[[layer]]
name = "conv2"
type = "conv2d"
out_channels = 8
kernel_size = [3, 5]
padding = [1, 2]
groups = 8

[[layer]]
name = "sum"
type = "add"
input = ["conv2", "stem"]

[[layer]]
type = "gelu"

[[layer]]
type = "max_pool2d"
kernel_size = 2

[[layer]]
type = "dropout"
p = 0.1

[[head]]
task = "kind"
name = "kinds"
weight = 0.5

[[head]]
task = "label"
name = "fc"
loss = "cross-entropy"
label_smoothing = 0.1
"#;

fn tasks() -> Vec<Task> {
    vec![
        Task::label(10),
        Task::new("kind", 1, TaskKind::Classes(5)),
        Task::new("attributes", 2, TaskKind::Labels(4)),
    ]
}

fn build(text: &str) -> Result<Network, ModelError> {
    let file = NetworkFile::parse("net.toml", text)?;
    file.build(Shape::from([1, 28, 28]), &tasks(), &[])
}

#[test]
fn a_file_becomes_its_network() {
    let net = build(FILE).unwrap();
    let names: Vec<&str> = net.parameters().iter().map(|p| p.name.as_str()).collect();
    let batch_norm = [
        "bn1.weight",
        "bn1.bias",
        "bn1.running_mean",
        "bn1.running_var",
    ];
    let convs = ["conv2.weight", "conv2.bias"];
    let heads = ["kinds.weight", "kinds.bias", "fc.weight", "fc.bias"];
    let all = [&["conv1.weight"][..], &batch_norm, &convs, &heads].concat();
    assert_eq!(names, all);
    assert_eq!(net.parameters()[5].shape, [8, 1, 3, 5]);
    assert_eq!(net.parameters()[7].shape, [5, 8 * 14 * 14]);
    let losses: Vec<_> = net
        .losses()
        .iter()
        .map(|l| (l.task.as_str(), l.weight))
        .collect();
    assert_eq!(losses, [("kind", 0.5), ("label", 1.0)]);
    let source = net.source().unwrap();
    assert_eq!((source.text.as_str(), source.sha256.len()), (FILE, 64));
}

#[test]
fn without_heads_there_is_one_for_each_chosen_task() {
    let text = "[[layer]]\nname = \"fc1\"\ntype = \"linear\"\nout_features = 7\n";
    let file = NetworkFile::parse("net.toml", text).unwrap();
    let heads = |chosen: &[&str]| {
        let net = file.build(Shape::vector(9), &tasks(), chosen).unwrap();
        let names = net.parameters().iter().skip(2).step_by(2);
        names.map(|p| p.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(heads(&[]), ["fc.weight"]);
    assert_eq!(heads(&["kind"]), ["fc.weight"]);
    assert_eq!(
        heads(&["label", "kind"]),
        ["heads.label.weight", "heads.kind.weight"]
    );
}

#[test]
fn mistakes_name_the_line_and_the_key() {
    let replaced = |from: &str, to: &str| {
        assert!(FILE.contains(from), "{from}");
        build(&FILE.replacen(from, to, 1)).unwrap_err().to_string()
    };
    for (from, to, line, what) in [
        ("kernel_size = 3", "kernal_size = 3", 6, "kernal_size"),
        (
            "kernel_size = 3",
            "kernel_size = 99",
            2,
            "larger than the padded input",
        ),
        (
            "kernel_size = 3",
            "kernel_size = \"3\"",
            6,
            "a whole number, or a list of two",
        ),
        ("kernel_size = 3", "p = 0.5", 6, "a conv2d layer has no `p`"),
        ("out_channels = 8\n", "", 2, "needs `out_channels`"),
        (
            "type = \"conv2d\"",
            "type = \"conv2\"",
            4,
            "did you mean conv2d?",
        ),
        ("groups = 8", "groups = 3", 18, "groups must divide"),
        ("\"stem\"]", "\"stam\"]", 29, "did you mean stem?"),
        (
            "[\"conv2\", \"stem\"]",
            "\"conv2\"",
            29,
            "reads 2 inputs, not 1",
        ),
        ("name = \"conv2\"", "name = \"conv1\"", 19, "is taken"),
        ("name = \"bn1\"\n", "", 10, "needs a `name`"),
        (
            "input = [\"conv2\", \"stem\"]",
            "input = [\"stem\", \"stem\"]",
            18,
            "reads layer \"conv2\"",
        ),
        ("p = 0.1", "p = 1.0", 38, "below 1"),
        (
            "task = \"kind\"",
            "task = \"kin\"",
            43,
            "did you mean kind?",
        ),
        ("task = \"kind\"", "task = \"label\"", 47, "two heads"),
        ("weight = 0.5", "weight = -1.0", 45, "`weight` takes"),
        (
            "\"cross-entropy\"",
            "\"mean-squared-error\"",
            51,
            "has no `label_smoothing`",
        ),
        (
            "label_smoothing = 0.1",
            "pos_weight = [1.0]",
            51,
            "has no `pos_weight`",
        ),
        (
            "label_smoothing = 0.1",
            "label_smoothing = 1.5",
            47,
            "below 1, got 1.5",
        ),
    ] {
        let text = replaced(from, to);
        let place = format!("net.toml:{line}: ");
        assert!(text.starts_with(&place) && text.contains(what), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
    let text = NetworkFile::read("no such file.toml")
        .unwrap_err()
        .to_string();
    assert!(text.contains("cannot read the network file"), "{text}");
}

#[test]
fn the_file_of_the_documentation_fits_its_data() {
    let page = include_str!("../../../docs/networks.md");
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    let net = build(text).unwrap();
    let stated = format!("{} parameters", net.parameter_count());
    assert!(page.contains(&stated), "the page does not say {stated:?}");
}
