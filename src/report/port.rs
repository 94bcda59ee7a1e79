//! The page and the summary of a port.

use super::columns::{Align, columns};
use crate::energy::{SourceReport, Status};
use crate::kernels::Storage;
use crate::lab::port::{Conformance, Port, PortStep, Trained};
use crate::units::{seconds, thousands};

/// A port as lines for a terminal: a line for each step, then what is wrong.
#[must_use]
pub fn port(port: &Port) -> String {
    let rows: Vec<Vec<String>> = steps(port).into_iter().map(Vec::from).collect();
    let mut text = columns(&rows, &[Align::Left, Align::Left, Align::Right], "");
    for problem in port.problems() {
        text += &format!("\nwrong: {problem}\n");
    }
    if let Some(choice) = port.choice.as_ref().filter(|choice| !choice.built_in) {
        text += &format!(
            "\nprofile: {} replaces {}\n",
            choice.profile.name,
            choice.replaced.join(", ")
        );
    }
    text
}

/// Name, result and time of each step.
fn steps(port: &Port) -> Vec<[String; 3]> {
    let mut rows = vec![];
    for step in PortStep::ALL {
        let result = match step {
            PortStep::Conformance => port.conformance.as_ref().map(conformance),
            PortStep::Determinism => {
                trained(&port.determinism, "preset", |run| run.failure.is_none())
            }
            PortStep::Training => trained(&port.training, "preset", |run| run.failure.is_none()),
            PortStep::Roofline => port
                .roofline
                .as_ref()
                .map(|found| match found.missing.len() {
                    0 => "measured".into(),
                    missing => format!("measured, {missing} figures unavailable"),
                }),
            PortStep::Tuning => port.tuning.as_ref().map(|found| match found.changed {
                true => format!("profile {}", found.profile.name),
                false => format!("the profile {} stays", found.start),
            }),
        };
        let name = step.name();
        let left_out = port
            .left_out
            .iter()
            .filter(|(key, _)| key.starts_with(name));
        let left_out: Vec<String> = left_out.map(|(key, why)| format!("{key}: {why}")).collect();
        let result = match (result, left_out.len()) {
            (Some(result), 0) => result,
            (Some(result), several) => format!("{result}; {several} left out"),
            (None, _) => format!("left out ({})", left_out.join("; ")),
        };
        // A step that did not end took its time too.
        let times = [&port.seconds, &port.seconds_so_far].map(|times| times.get(name));
        let time = times.into_iter().flatten().copied().reduce(|a, b| a + b);
        let time = time.map(seconds);
        rows.push([name.into(), result, time.unwrap_or_default()]);
    }
    let measured = port
        .sensors
        .iter()
        .filter(|s| s.status != Status::Unavailable);
    let result = match measured.count() {
        0 => "no sensor: no joules on this machine".into(),
        1 => "1 source".into(),
        several => format!("{several} sources"),
    };
    rows.push(["sensors".into(), result, String::new()]);
    rows
}

fn conformance(found: &Conformance) -> String {
    let right = found
        .kernels
        .iter()
        .filter(|k| k.failed == 0 && k.compared > 0);
    let all = found.kernels.len();
    let rare = found.suspects.iter().filter(|s| !s.inputs.finite()).count();
    let wrong = match found.suspects.len() {
        0 => return format!("{} of {all} kernels right", right.count()),
        1 => "1 kernel wrong".to_owned(),
        several => format!("{several} kernels wrong"),
    };
    match rare {
        0 => wrong,
        _ if rare == found.suspects.len() => format!("{wrong}, only where an input is not finite"),
        _ => format!("{wrong}, {rare} of them only where an input is not finite"),
    }
}

fn trained<T>(all: &[Trained<T>], what: &str, right: impl Fn(&T) -> bool) -> Option<String> {
    let fine = all
        .iter()
        .filter(|t| t.result.as_ref().is_some_and(&right))
        .count();
    let plural = if all.len() == 1 { "" } else { "s" };
    (!all.is_empty()).then(|| format!("{fine} of {} {what}{plural} right", all.len()))
}

/// A Markdown table.
fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let line = |cells: &[String; N]| {
        let cells = cells
            .iter()
            .map(|cell| cell.replace('|', "\\|").replace('\n', " "));
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    let mut text = line(&head.map(str::to_owned));
    text += &format!("|{}\n", "---|".repeat(N));
    text.extend(rows.into_iter().map(|row| line(&row)));
    text
}

/// A port as a Markdown page.
#[must_use]
pub fn port_page(port: &Port) -> String {
    let device = &port.device;
    let mut page = format!("# {} ({})\n\n", device.name, device.backend);
    let problems = port.problems();
    page += &match problems.len() {
        0 => "Everything that was examined is right on this device.\n\n".to_owned(),
        _ => {
            let list = problems.iter().map(|problem| format!("- {problem}\n"));
            format!("Wrong on this device:\n\n{}\n", list.collect::<String>())
        }
    };
    page += &table(["step", "result", "time"], steps(port));
    page += &conditions(port);
    if let Some(found) = &port.conformance {
        page += &kernels(port, found);
    }
    page += &determinism(port);
    page += &training(port);
    if let Some(found) = &port.roofline {
        page += &format!("\n## Roofline\n\n```\n{}```\n", super::lab::roofline(found));
    }
    if let Some(found) = &port.tuning {
        page += &format!("\n## Tuning\n\n```\n{}```\n", super::tune(found));
    }
    page += &format!(
        "\n## Sensors\n\n{}",
        table(
            [
                "source",
                "scope",
                "status",
                "calibrated",
                "reason and remedy"
            ],
            port.sensors.iter().map(sensor)
        )
    );
    if !port.left_out.is_empty() {
        let rows = port
            .left_out
            .iter()
            .map(|(key, why)| [key.clone(), why.clone()]);
        page += &format!("\n## Left out\n\n{}", table(["step", "reason"], rows));
    }
    page
}

fn conditions(port: &Port) -> String {
    let host = &port.host;
    let mut rows = vec![
        ["begun".into(), port.begun_at.clone()],
        ["driver".into(), port.key.driver.clone()],
        [
            "machine".into(),
            format!("{} {}, {} threads", host.os, host.arch, host.threads),
        ],
        [
            "wattgrad".into(),
            format!(
                "{}, wgpu {}{}",
                port.versions.wattgrad,
                port.versions.wgpu,
                if port.versions.debug {
                    ", built without optimization"
                } else {
                    ""
                }
            ),
        ],
        ["shaders (SHA-256)".into(), port.key.shaders.clone()],
    ];
    rows.extend(host.cpu.iter().map(|cpu| ["processor".into(), cpu.clone()]));
    let variables = port.environment.iter();
    rows.extend(variables.map(|(name, value)| [format!("`{name}`"), format!("`{value}`")]));
    format!(
        "\n## Conditions\n\n{}\n`wattgrad doctor -v`:\n\n```\n{}```\n",
        table(["", ""], rows),
        port.doctor
    )
}

fn kernels(port: &Port, found: &Conformance) -> String {
    let mut text = format!(
        "\n## Conformance\n\n{} suites, {} lists of dispatches, {} variants: {} elements compared with the f64 oracle, {} \
         tensors\ncompared bit by bit with a second run. {} of {} comparisons of tensors failed.\n",
        found.suites,
        thousands(found.lists),
        found.variants,
        thousands(found.elements),
        thousands(found.repeated),
        thousands(found.failures),
        thousands(found.comparisons),
    );
    if !found.suspects.is_empty() {
        let rows = found.suspects.iter().map(|suspect| {
            let storage = |s: &Storage| match s {
                Storage::Buffer => "buffers",
                Storage::Image => "images",
            };
            let storages: Vec<&str> = suspect.storages.iter().map(storage).collect();
            let inputs = match suspect.inputs.finite() {
                true => "finite".to_owned(),
                false => format!("only {}", suspect.inputs),
            };
            [
                suspect.kernels.join(" or "),
                storages.join(", "),
                inputs,
                format!("{} of {}", suspect.failed, suspect.compared),
                suspect.first.clone(),
            ]
        });
        let head = [
            "wrong kernel",
            "tensors in",
            "with inputs",
            "failed",
            "first difference",
        ];
        text += &format!("\n{}", table(head, rows));
    }
    let rare = found.suspects.iter().filter(|s| !s.inputs.finite());
    let rare: Vec<String> = rare.map(|s| s.kernels.join(" or ")).collect();
    if !rare.is_empty() {
        text += &format!(
            "\nRight with finite inputs: {}. Networks with it can be trained here, but if training diverges, a loss or gradient\n\
             that is not finite may go unnoticed.\n",
            rare.join(", ")
        );
    }
    let none = found.not_compared();
    if !none.is_empty() {
        text += &format!(
            "\nNot compared, because no list with them runs on this device: {}.\n",
            none.join(", ")
        );
    }
    let Some(choice) = &port.choice else {
        return text;
    };
    let name = &choice.profile.name;
    let given = match rare.is_empty() {
        true => "",
        false => " with finite inputs",
    };
    text += &match (choice.built_in, choice.unavoidable.is_empty()) {
        (true, true) => {
            format!("\nProfile: `{name}`, the built-in one; all of its kernels are right{given}.\n")
        }
        (false, true) => format!(
            "\nProfile: `{name}`, whose kernels are right{given}, in place of the built-in one, which uses {}.\n",
            choice.replaced.join(", ")
        ),
        (_, false) => format!(
            "\nProfile: `{name}`. Every profile uses {}, which is wrong: networks with it cannot be trained here.\n",
            choice.unavoidable.join(", ")
        ),
    };
    text
}

fn determinism(port: &Port) -> String {
    if port.determinism.is_empty() {
        return String::new();
    }
    let rows = port.determinism.iter().map(|done| {
        let (runs, result) = match (&done.result, &done.error) {
            (Some(run), _) => {
                let sizes: Vec<String> = run.submit_sizes.iter().map(u32::to_string).collect();
                let runs = format!("{} steps; {} per submit", run.steps, sizes.join(", "));
                let same = run
                    .failure
                    .clone()
                    .unwrap_or_else(|| "the same bits".into());
                (runs, same)
            }
            (None, why) => (String::new(), why.clone().unwrap_or_default()),
        };
        [done.preset.clone(), runs, result]
    });
    format!(
        "\n## Determinism\n\n{}",
        table(["preset", "runs", "losses"], rows)
    )
}

fn training(port: &Port) -> String {
    if port.training.is_empty() {
        return String::new();
    }
    let rows = port
        .training
        .iter()
        .map(|done| match (&done.result, &done.error) {
            (Some(run), _) => {
                let result = match run.failure {
                    None => "right".into(),
                    Some(e) => format!(
                        "step {} is {}, expected {} within {:.1e}",
                        e.index + 1,
                        e.got,
                        e.expected,
                        e.tolerance
                    ),
                };
                [
                    done.preset.clone(),
                    run.steps.to_string(),
                    format!("{:.6}", run.last_loss),
                    format!("{:.1} %", 100.0 * run.worst_share),
                    seconds(run.seconds),
                    result,
                ]
            }
            (None, why) => {
                let none = String::new;
                let why = why.clone().unwrap_or_default();
                [done.preset.clone(), none(), none(), none(), none(), why]
            }
        });
    let head = [
        "preset",
        "steps",
        "last loss",
        "largest distance, of the bound",
        "time",
        "result",
    ];
    format!(
        "\n## Training\n\nSGD from the same weights and samples as PyTorch; the bound of a step is ten times the distance \
         between PyTorch's f32\nand f64 runs so far. The time includes compilation.\n\n{}",
        table(head, rows)
    )
}

fn sensor(source: &SourceReport) -> [String; 5] {
    let status = match source.status {
        Status::Measured => "measured",
        Status::Shared => "shared with other processes",
        Status::Assumed => "assumed",
        Status::Unavailable => "unavailable",
    };
    let calibrated = match (source.status, source.calibrated) {
        (Status::Unavailable, _) => "",
        (_, true) => "yes",
        (_, false) => "no: run `wattgrad calibrate`",
    };
    let remedy = source.fix.as_ref().map(|fix| format!("; fix: {fix}"));
    let reason = source.reason.clone().unwrap_or_default();
    [
        source.source.clone(),
        source.scope.name().to_owned(),
        status.into(),
        calibrated.into(),
        reason + &remedy.unwrap_or_default(),
    ]
}
