//! Studies whose cells learn different tasks: cells are compared only with those that learn the same.

use wattgrad::internals::report::study::{card, markdown, page, tables, terminal};
use wattgrad::internals::study::Opened;

use super::runs::{Made, again, over};

/// Three choices of tasks with four learning rates each.
pub fn split() -> Opened {
    with_seeds(3)
}

fn with_seeds(seeds: u32) -> Opened {
    let made = Made {
        batches: vec![16, 32, 64],
        seeds,
        ..Made::default()
    };
    let axes: [(&str, &[&str]); 2] = [
        ("tasks", &["label", "kind", "label+kind"]),
        ("lr", &["0.001", "0.01", "0.1", "1"]),
    ];
    let mut opened = over(made.open(), &axes);
    for run in &mut opened.runs {
        let regime = &mut run.record.as_mut().unwrap().regime;
        let (tasks, _) = run.cell.split_once(',').unwrap();
        regime.tasks = Some(tasks.trim_start_matches("tasks=").parse().unwrap());
        regime.batch_size = 16;
    }
    again(opened)
}

#[test]
fn cells_are_ranked_within_their_tasks() {
    let opened = split();
    let analysis = &opened.analysis;
    assert_eq!(analysis.by_tasks.len(), 3);
    for cost in &analysis.costs {
        assert_eq!((cost.best, cost.worst), (None, None));
        assert!(cost.extremes.is_none() && cost.indistinguishable.is_empty());
    }
    for part in &analysis.by_tasks {
        let whole = analysis.headline().unwrap();
        let cost = part.headline().unwrap();
        assert_eq!((&cost.kind, cost.threshold), (&whole.kind, whole.threshold));
        let best = cost.best.unwrap();
        let cells = analysis.cells_of(part);
        assert_eq!(cells.len(), 4);
        // Costs and intervals are those of the study, comparisons those of the tasks.
        assert_eq!(cost.cells[best], whole.cells[cells[best]]);
        let own = cost.cells.iter().filter_map(|cell| cell.expected);
        assert_eq!(cost.cells[best].expected, own.min_by(f64::total_cmp));
    }
    let costs = tables(&[opened]);
    let costs = costs.iter().find(|table| table.name == "costs").unwrap();
    let verdict = costs.header.iter().position(|name| name == "verdict");
    let lowest = costs
        .rows
        .iter()
        .filter(|row| row[verdict.unwrap()] == "lowest");
    let targets = 3 * split().analysis.by_tasks[0].costs.len();
    assert!(lowest.count() <= targets);
}

#[test]
fn the_ledger_of_sharing_leads() {
    let opened = split();
    let answer = &opened.analysis.answer;
    assert!(
        answer
            .headline
            .starts_with("One network for all tasks (tasks label+kind, lr ")
            && answer.headline.contains(" times as much as two networks ("),
        "{answer}"
    );
    assert!(
        answer.comparison.contains("none of them is the best"),
        "{answer}"
    );
    let card = card(&opened);
    assert!(
        card.contains(">2 networks, sum<") && card.contains(">one network<"),
        "{card}"
    );
    assert!(!card.contains(">lowest<"), "{card}");
}

#[test]
fn no_format_puts_cells_of_different_tasks_beside_each_other() {
    let studies = [split()];
    let page = page(&studies);
    for chart in page.split("<svg class=\"chart\"").skip(1) {
        let chart = chart.split_once("</svg>").unwrap().0;
        if chart.contains("networks, sum") {
            continue;
        }
        let has = |tasks: &str| {
            chart.contains(&format!("tasks {tasks},")) || chart.contains(&format!("tasks={tasks},"))
        };
        let tasks = ["label", "kind", "label+kind"]
            .into_iter()
            .filter(|tasks| has(tasks));
        assert!(tasks.count() <= 1, "{chart}");
    }
    // What a figure saves is of the cells that it draws.
    for figure in page.split("<figure ").skip(1) {
        let tag = figure.split_once('>').unwrap().0;
        assert!(tag.contains("data-ids="), "{tag}");
    }
    let saved: Vec<&str> = page.split("data-ids=\"").skip(1).collect();
    assert!(!saved.is_empty());
    for cells in saved {
        let cells = cells.split_once('"').unwrap().0;
        let tasks = |cell: &str| {
            cell.split("tasks=")
                .nth(1)?
                .split(',')
                .next()
                .map(str::to_owned)
        };
        let mut all: Vec<Option<String>> = cells.lines().map(tasks).collect();
        all.dedup();
        assert_eq!(all.len(), 1, "{cells}");
    }
    let order = [
        "One network or several",
        "All regimes, all seeds",
        "Learning curves",
    ];
    let places: Vec<usize> = order
        .iter()
        .map(|title| page.find(title).unwrap())
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    let text = terminal(&studies);
    assert!(
        text.contains("the lowest for each choice of tasks"),
        "{text}"
    );
    assert_eq!(text.matches("\u{1b}[1;32m*").count(), 3, "{text}");
    let text = markdown(&studies);
    assert_eq!(text.matches("| **tasks ").count(), 3, "{text}");
}

#[test]
fn fresh_seeds_go_to_the_best_and_the_worst_of_each_choice() {
    let opened = split();
    let (cells, reached) = opened.analysis.to_confirm();
    assert!(reached);
    for part in &opened.analysis.by_tasks {
        let cost = part.headline().unwrap();
        let places = opened.analysis.cells_of(part);
        for at in [cost.best, cost.worst].into_iter().flatten() {
            assert!(cells.contains(&places[at]), "{cells:?}");
        }
    }
}

#[test]
fn one_seed_tests_no_difference_between_cells_of_the_same_tasks() {
    let opened = with_seeds(1);
    let text = opened.analysis.answer.to_string();
    assert!(
        text.contains("differences between regimes are not tested"),
        "{text}"
    );
    let costs = tables(&[opened]);
    let costs = costs.iter().find(|table| table.name == "costs").unwrap();
    let alike = |row: &Vec<String>| row.contains(&"not significantly different".to_owned());
    assert!(!costs.rows.iter().any(alike));
}
