//! What the formats say.

use std::time::Instant;

use wattgrad::internals::report::study::{WIDTH, card, markdown, page, terminal};
use wattgrad::internals::study::Opened;

use super::runs::{Joules, Made, again, over};
use super::{FOUR, all};

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
fn terminal_fits_80_columns_and_begins_with_the_answer() {
    for (name, opened) in all() {
        let answer = opened.analysis.answer.to_string();
        let answer: String = answer.split_whitespace().collect();
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
            packed.find("reached,").is_none_or(|table| at < table),
            "{name}"
        );
    }
}

#[test]
fn every_format_names_source_scope_and_status() {
    let made = || {
        Made {
            joules: Joules::Measured,
            ..Made::default()
        }
        .open()
    };
    let card = card(&made());
    for text in [
        of(made(), page),
        of(made(), markdown),
        plain(&of(made(), terminal)),
        card,
    ] {
        assert!(text.contains("measured (nvml:0, board)"), "{text}");
    }
    for text in [
        of(made(), page),
        of(made(), markdown),
        plain(&of(made(), terminal)),
    ] {
        let packed = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            packed.contains("readings over 50 or more updates of the sensor"),
            "{text}"
        );
    }
    let assumed = Made {
        joules: Joules::Assumed,
        ..Made::default()
    }
    .open();
    let text = plain(&of(assumed, terminal));
    assert!(text.contains("ASSUMED (cpu-time, process)"), "{text}");
    assert!(
        text.contains("Time to 85 %"),
        "assumed joules do not lead: {text}"
    );
}

#[test]
fn names_a_source_once_below_a_table() {
    let text = of(Made::default().open(), markdown);
    let below = text
        .lines()
        .find(|line| line.contains("; energy measured ("))
        .unwrap();
    assert_eq!(below.matches("nvml:0").count(), 1, "{below}");
    assert_eq!(below.matches("cpu-time").count(), 1, "{below}");
}

#[test]
fn card_led_by_time_names_the_source_of_joules() {
    let mut opened = Made::default().open();
    let cell = opened.runs[0].cell.clone();
    for run in opened.runs.iter_mut().filter(|run| run.cell == cell) {
        if let Some(record) = &mut run.record {
            record.energy.clear();
        }
    }
    let card = card(&again(opened));
    assert!(card.contains("Time to 85 %"), "{card}");
    assert!(card.contains("energy measured (nvml:0, board)"), "{card}");
}

#[test]
fn says_of_how_many_cells_a_partly_known_cost_names_the_lowest() {
    let mut opened = Made::default().open();
    let whole = plain(&of(again(opened.clone()), terminal));
    assert!(!whole.contains("the lowest of"), "{whole}");
    let cell = "batch-size=16,lr=0.1";
    for run in opened.runs.iter_mut().filter(|run| run.cell != cell) {
        if let Some(record) = &mut run.record {
            record.energy.clear();
        }
    }
    let text = plain(&of(again(opened), terminal));
    let packed = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        packed.contains("ASSUMED (cpu-time, process) to 85 %: the lowest of 1 of"),
        "{text}"
    );
}

#[test]
fn measured_and_assumed_joules_share_no_plot() {
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
fn page_needs_no_other_file() {
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
fn escapes_markup_in_errors_and_names() {
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
fn marks_cells_without_a_cost_by_words_and_pattern() {
    let page = of(Made::default().open(), page);
    let map = page
        .split_once("<svg class=\"chart\"")
        .unwrap()
        .1
        .split_once("</svg>")
        .unwrap()
        .0;
    for (pattern, words) in [
        ("url(#over)", ">over budget<"),
        ("url(#diverged)", ">diverged<"),
    ] {
        for sign in [pattern, words] {
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
        "every cell can be focused with the keyboard"
    );
    assert_eq!(map.matches("<title>").count(), 16);
}

#[test]
fn says_why_a_study_has_no_result() {
    for (name, opened) in all() {
        let answer = opened.analysis.answer.to_string();
        let expected = match name {
            "no runs" => "No run has finished yet.",
            "only failed" => "None of 48 runs gave a result: 48 failed.",
            "only diverged" => "No run reached 85 % test accuracy: 3 diverged.",
            _ => continue,
        };
        assert_eq!(answer, expected);
        assert!(card(&opened).contains(expected), "{name}");
        let page = of(opened, page);
        assert!(
            page.contains(&expected.replace(" %", "\u{a0}%")),
            "{name}: no line break between a number and its sign"
        );
    }
    let none = Made {
        joules: Joules::None,
        ..Made::default()
    }
    .open();
    let page = of(none, page);
    assert_eq!(
        page.matches("Energy: not measured: no sensor was available")
            .count(),
        2
    );
    assert!(!page.contains("Energy of a step"));
    assert!(page.contains("sudo modprobe intel_rapl_msr"), "the fix");
    assert!(!page.contains("Power over time"));
}

#[test]
fn markdown_table_has_a_row_per_cell() {
    let text = of(Made::default().open(), markdown);
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 18);
    for row in &rows {
        assert_eq!(
            row.matches('|').count() - row.matches("\\|").count(),
            9,
            "{row}"
        );
    }
    assert_eq!(
        text.matches("**").count(),
        4,
        "the headline and the best regime"
    );
}

#[test]
fn distinguishes_cells_of_many_axes_in_every_format() {
    let opened = over(Made::default().open(), &FOUR);
    let ids: Vec<String> = opened
        .analysis
        .cells
        .iter()
        .map(|cell| cell.name())
        .collect();
    let labels: Vec<String> = opened
        .analysis
        .cells
        .iter()
        .map(|cell| match cell.values.as_slice() {
            [batch, lr, rest @ ..] => format!("{batch:>3} · {lr:>4} · {}", rest.join(" · ")),
            _ => panic!("{cell:?}"),
        })
        .collect();
    let card = card(&opened);
    let studies = [opened];
    let text = plain(&terminal(&studies));
    assert!(
        text.contains("regime: batch size · lr · momentum · label smoothing"),
        "{text}"
    );
    let table = text.split("Lowest in the other costs").next().unwrap();
    for label in &labels {
        assert_eq!(table.matches(label.as_str()).count(), 1, "{label}: {table}");
    }
    let text = markdown(&studies);
    for id in &ids {
        assert_eq!(
            text.matches(&format!("{id} |")).count() + text.matches(&format!("{id}** |")).count(),
            1,
            "{id}"
        );
    }
    let page = page(&studies);
    let map = page.split("<ul class=\"legend\">").next().unwrap();
    for momentum in ["0.0", "0.9"] {
        for smoothing in ["0.0", "0.1"] {
            let title = format!("<h3>momentum {momentum}, label smoothing {smoothing}</h3>");
            assert_eq!(map.matches(&title).count(), 1, "{title}");
        }
    }
    assert!(page.contains("labels are batch size · lr · momentum · label smoothing"));
    let parallel = page
        .split("aria-label=\"Parallel coordinates")
        .nth(1)
        .unwrap();
    let parallel = parallel.split("</svg>").next().unwrap();
    assert_eq!(
        parallel.matches("role=\"img\"").count(),
        16,
        "a line per regime"
    );
    assert!(
        parallel.contains(">no cost<"),
        "those that never reached it"
    );
    assert!(card.contains("(1 of 4"), "{card}");
}

#[test]
fn puts_long_names_above_their_figures() {
    let long = [
        "a-rather-long-name-of-a-network",
        "another-such-name-of-a-network",
    ];
    let axes: [(&str, &[&str]); 3] = [
        ("model", &long),
        ("lr", &["0.1", "0.2", "0.3", "0.4"]),
        ("momentum", &["0.0", "0.9"]),
    ];
    let opened = over(Made::default().open(), &axes);
    let ids: Vec<String> = opened
        .analysis
        .cells
        .iter()
        .map(|cell| cell.name())
        .collect();
    let text = plain(&of(opened, terminal));
    let table = text.split("Lowest in the other costs").next().unwrap();
    for id in ids {
        let above = table
            .lines()
            .filter(|line| line.len() > 3 && line[3..] == id);
        assert_eq!(above.count(), 1, "{id}: {table}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
}

#[test]
fn draws_the_map_over_the_first_two_axes_of_the_file() {
    let axes: [(&str, &[&str]); 3] = [
        ("batch-size", &["32", "128"]),
        ("lr", &["0.1", "0.2"]),
        ("momentum", &["0.0", "0.3", "0.6", "0.9"]),
    ];
    let page = of(over(Made::default().open(), &axes), page);
    let map = page.split("<ul class=\"legend\">").next().unwrap();
    for momentum in axes[2].1 {
        assert!(
            map.contains(&format!("<h3>momentum {momentum}</h3>")),
            "{momentum}"
        );
    }
}

#[test]
fn card_wraps_the_headline_beside_the_map() {
    let opened = over(Made::default().open(), &FOUR);
    let card = card(&opened);
    let lines: Vec<&str> = card
        .split("<text class=\"answer\"")
        .skip(1)
        .map(|rest| rest.split_once('>').unwrap().1.split_once('<').unwrap().0)
        .collect();
    assert!(lines.len() > 3);
    for line in &lines {
        assert!(
            line.chars().count() <= 30,
            "it would run into the map: {line}"
        );
        assert!(!line.starts_with('%'), "{lines:?}");
    }
    let best = opened.analysis.headline().unwrap().best.unwrap();
    let name = opened.analysis.cells[best].name();
    assert!(lines.join(" ").contains(&name), "{name}: {lines:?}");
}

#[test]
fn leaves_out_columns_without_a_value() {
    let of_seeds = |seeds| {
        Made {
            seeds,
            ..Made::default()
        }
        .open()
    };
    let (three, one) = (of(of_seeds(3), page), of(of_seeds(1), page));
    assert!(three.contains("corrected by Holm") && !one.contains("corrected by Holm"));
    for column in ["sd of log</th>", "reference</th>", ">median</th>"] {
        assert!(three.contains(column) && !one.contains(column), "{column}");
    }
}

#[test]
fn table_caption_fits_the_screen() {
    let page = of(Made::default().open(), page);
    assert!(page.contains("<caption><span>"));
    assert!(
        page.contains(
            "caption span{display:inline-block;position:sticky;left:0;max-width:calc(100vw"
        )
    );
}

#[test]
fn page_of_several_studies_begins_with_their_answers() {
    let one = || Made::default().open();
    let several = page(&[one(), one()]);
    let nav = several
        .split("<nav>")
        .nth(1)
        .unwrap()
        .split("</nav>")
        .next()
        .unwrap();
    for number in 0..2 {
        assert!(nav.contains(&format!("href=\"#study-{number}\"")), "{nav}");
        assert_eq!(
            several.matches(&format!("id=\"study-{number}\"")).count(),
            1
        );
    }
    assert_eq!(nav.matches("Best regime: ").count(), 2, "{nav}");
    assert!(!page(&[one()]).contains("<nav>"));
}

#[test]
fn page_of_500_runs_is_below_5_megabytes() {
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
        page.contains("evenly spaced points are drawn per line"),
        "says that points are left out"
    );
}
