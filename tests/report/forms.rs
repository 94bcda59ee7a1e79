//! What the forms say.

use std::time::Instant;

use wattgrad::report::study::{WIDTH, card, markdown, page, terminal};
use wattgrad::study::Opened;

use super::all;
use super::runs::{Joules, Made};

/// Without the codes of colours.
fn plain(text: &str) -> String {
    let mut parts = text.split('\x1b');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').unwrap().1)
}

fn of(opened: Opened, form: fn(&[Opened]) -> String) -> String {
    form(&[opened])
}

#[test]
fn the_terminal_report_fits_80_columns_and_begins_with_the_answer() {
    for (name, opened) in all() {
        let answer: String = opened.analysis.answer.split_whitespace().collect();
        let text = plain(&of(opened, terminal));
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{name}: {line}");
            assert_eq!(line.trim_end(), line, "{name}");
        }
        let packed: String = text.split_whitespace().collect();
        let at = packed
            .find(&answer)
            .unwrap_or_else(|| panic!("{name}: {text}"));
        assert!(
            packed.find("expected").is_none_or(|table| at < table),
            "{name}"
        );
    }
}

#[test]
fn every_form_names_source_scope_and_worth() {
    let made = || {
        Made {
            joules: Joules::Measured,
            ..Made::default()
        }
        .open()
    };
    let card = card(&made().analysis);
    for text in [
        of(made(), page),
        of(made(), markdown),
        plain(&of(made(), terminal)),
        card,
    ] {
        assert!(text.contains("measured (nvml:0, board)"), "{text}");
    }
    let assumed = Made {
        joules: Joules::Assumed,
        ..Made::default()
    }
    .open();
    let text = plain(&of(assumed, terminal));
    assert!(text.contains("ASSUMED (cpu-time, process)"), "{text}");
    assert!(
        text.contains("Time to 85.00 %"),
        "assumed joules lead nothing: {text}"
    );
}

#[test]
fn measured_and_assumed_joules_share_no_picture() {
    let page = of(Made::default().open(), page);
    let pictures: Vec<&str> = page
        .split("<svg class=\"chart\"")
        .skip(1)
        .map(|part| part.split_once("</svg>").unwrap().0)
        .collect();
    let with = |text: &str| pictures.iter().filter(|one| one.contains(text)).count();
    assert!(with("nvml:0") > 4 && with("cpu-time") > 2);
    for picture in pictures {
        let both = picture.contains("nvml:0") && picture.contains("cpu-time");
        assert!(!both, "{picture}");
    }
}

#[test]
fn the_page_needs_nothing_else() {
    for (name, opened) in all() {
        let page = of(opened, page);
        let rest = page.replace("http://www.w3.org/2000/svg", "");
        for outside in ["http:", "https:", "<link", " src=", "@import", "url(h"] {
            assert!(!rest.contains(outside), "{name}: {outside}");
        }
        for tag in [
            "svg", "table", "section", "figure", "details", "g", "div", "tr",
        ] {
            let open = page.matches(&format!("<{tag} ")).count()
                + page.matches(&format!("<{tag}>")).count();
            assert_eq!(
                open,
                page.matches(&format!("</{tag}>")).count(),
                "{name}: {tag}"
            );
        }
        assert!(!page.contains("NaN") && !page.contains(">inf"), "{name}");
        let used = page.match_indices("clip-path=\"url(#").map(|(at, text)| {
            let rest = &page[at + text.len()..];
            rest.split_once(')').unwrap().0
        });
        for id in used {
            assert_eq!(
                page.matches(&format!("id=\"{id}\"")).count(),
                1,
                "{name}: {id}"
            );
        }
    }
}

#[test]
fn what_a_run_says_is_text_and_no_markup() {
    let (_, failed) = all()
        .into_iter()
        .find(|(name, _)| *name == "only failed")
        .unwrap();
    let page = of(failed, page);
    assert!(page.contains("the device was lost &lt;script&gt;alert(1)&lt;/script&gt;"));
    assert_eq!(page.matches("<script").count(), 1);
    let mut named = Made::default().open();
    named.analysis.name = "a|b <i>*x*</i>".into();
    let text = of(named, markdown);
    assert!(text.contains("a\\|b \\<i>\\*x\\*\\</i>"), "{text}");
}

#[test]
fn cells_without_a_cost_are_marked_by_letter_and_pattern() {
    let page = of(Made::default().open(), page);
    let map = page
        .split_once("<svg class=\"chart\"")
        .unwrap()
        .1
        .split_once("</svg>")
        .unwrap()
        .0;
    for (letter, pattern, words) in [
        (">B<", "url(#over)", "over budget"),
        (">D<", "url(#diverged)", "diverged"),
    ] {
        for sign in [letter, pattern, words] {
            assert!(map.contains(sign), "{sign}");
        }
        assert!(page.contains(&format!(
            "<pattern id=\"{}\"",
            &pattern[5..pattern.len() - 1]
        )));
    }
    assert_eq!(
        map.matches("tabindex=\"0\"").count(),
        16,
        "every cell is a stop of the keyboard"
    );
    assert_eq!(map.matches("<title>").count(), 16);
}

#[test]
fn studies_without_a_result_read_sensibly() {
    for (name, opened) in all() {
        let answer = opened.analysis.answer.clone();
        let expected = match name {
            "no runs" => "No run is done yet.",
            "only failed" => "None of 48 runs gave a result: 48 failed.",
            "only diverged" => "No run reached 85.00 %: 3 diverged.",
            _ => continue,
        };
        assert_eq!(answer, expected);
        assert!(card(&opened.analysis).contains(expected), "{name}");
        assert!(of(opened, page).contains(expected), "{name}");
    }
    let none = Made {
        joules: Joules::None,
        ..Made::default()
    }
    .open();
    let page = of(none, page);
    assert!(page.contains("No source gave joules in these runs"));
    assert!(page.contains("sudo modprobe intel_rapl_msr"), "the remedy");
    assert!(!page.contains("Power over time"));
}

#[test]
fn the_markdown_table_has_a_row_a_cell() {
    let text = of(Made::default().open(), markdown);
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 18);
    for row in &rows {
        assert_eq!(
            row.matches('|').count() - row.matches("\\|").count(),
            8,
            "{row}"
        );
    }
    assert_eq!(text.matches("**").count(), 2, "one cell is the best");
}

#[test]
fn a_report_of_500_runs_is_below_5_megabytes() {
    let many = Made {
        batches: (1..=10).map(|n| 16 * n).collect(),
        lrs: (1..=10).map(|n| 0.01 * f64::from(n)).collect(),
        seeds: 5,
        points: 100,
        ..Made::default()
    };
    let many = many.open();
    assert_eq!(many.runs.len(), 500);
    let begin = Instant::now();
    let page = of(many, page);
    println!(
        "{} bytes in {:.3} s",
        page.len(),
        begin.elapsed().as_secs_f64()
    );
    assert!(page.len() < 5_000_000, "{} bytes", page.len());
    assert!(
        page.contains("points are drawn, evenly chosen"),
        "what is thinned is told"
    );
}
