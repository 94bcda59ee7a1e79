//! Version, help, completions and manual.

use super::{COMMANDS, stderr, stdout, succeeded, wattgrad};

#[test]
fn version_has_features_and_licence() {
    let output = wattgrad(&["--version"]);
    succeeded(&output);
    let text = stdout(&output);
    assert!(
        text.starts_with(concat!("wattgrad ", env!("CARGO_PKG_VERSION"), "\n")),
        "{text}"
    );
    assert!(text.contains("features: gpu, cli"), "{text}");
    let gpl = cfg!(all(feature = "rapl", target_os = "linux"));
    assert_eq!(text.contains("GPL-3.0"), gpl, "{text}");
    assert!(text.contains("MIT OR Apache-2.0"), "{text}");
}

#[test]
fn every_help_ends_with_two_valid_examples() {
    let root = stdout(&wattgrad(&["--help"]));
    for command in [&[][..], &COMMANDS.map(Some)]
        .concat()
        .into_iter()
        .chain([None])
    {
        let args: Vec<&str> = command.into_iter().chain(["--help"]).collect();
        let output = wattgrad(&args);
        succeeded(&output);
        let text = stdout(&output);
        let (before, examples) = text.rsplit_once("Examples:\n").expect(&text);
        if command.is_some() {
            assert!(before.contains("Global options: wattgrad --help\n"));
            assert!(!before.contains("--color"), "{text}");
        }
        assert!(!text.contains("--sysfs-root"), "{text}");
        for line in before.lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
        let examples: Vec<&str> = examples.lines().collect();
        assert_eq!(examples.len(), 2, "{text}");
        for example in examples {
            let start = format!("  wattgrad {}", command.unwrap_or_default());
            assert!(example.starts_with(&start), "{example}");
            if command.is_some() {
                for flag in example.split_whitespace().filter(|w| w.starts_with("--")) {
                    let known = |help: &str| help.contains(&format!("{flag} "));
                    assert!(known(before) || known(&root), "{flag} in {example}");
                }
            }
        }
    }
}

#[test]
fn root_help_lists_every_command_in_its_group() {
    let text = stdout(&wattgrad(&["--help"]));
    for (group, next, members) in [
        ("\nMeasure\n", "\nTrain\n", &COMMANDS[..4]),
        ("\nTrain\n", "\nCompare\n", &COMMANDS[4..8]),
        ("\nCompare\n", "\nKernels\n", &COMMANDS[8..11]),
        ("\nKernels\n", "\nMore\n", &COMMANDS[11..16]),
        ("\nMore\n", "\nOptions\n", &COMMANDS[16..]),
    ] {
        let part = text
            .split_once(group)
            .unwrap()
            .1
            .split_once(next)
            .unwrap()
            .0;
        let listed: Vec<&str> = part
            .lines()
            .filter_map(|l| l.split_whitespace().next())
            .collect();
        assert_eq!(listed, members);
    }
    let nothing = wattgrad(&[]);
    assert_eq!(
        nothing.status.code(),
        Some(2),
        "a missing command is misuse"
    );
    assert!(stderr(&nothing).contains("Usage"));
    assert_eq!(wattgrad(&["study"]).status.code(), Some(2));
}

#[test]
fn completions_and_manual_cover_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = wattgrad(&["completions", shell]);
        succeeded(&output);
        let script = stdout(&output);
        for command in COMMANDS {
            assert!(script.contains(command), "{shell}: {command}");
        }
        if ["bash", "zsh", "fish"].contains(&shell) {
            assert!(script.contains("resnet8"), "{shell} completes values");
        }
    }
    assert_eq!(wattgrad(&["completions", "tcsh"]).status.code(), Some(2));
    let page = stdout(&wattgrad(&["man"]));
    assert!(page.contains(".TH wattgrad 1"), "{page}");
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    succeeded(&wattgrad(&["man", "--out", pages.to_str().unwrap()]));
    for command in COMMANDS {
        let page = std::fs::read_to_string(pages.join(format!("wattgrad-{command}.1"))).unwrap();
        assert!(page.contains("Examples"), "{command}");
    }
}
