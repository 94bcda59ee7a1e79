//! Figures of the pages: each has the control that saves it, and the numbers that it draws.

use wattgrad::internals::report::study::{page, page_by_device};
use wattgrad::internals::study::ledger::Factor;
use wattgrad::internals::study::side_by_side::SideBySide;

use super::devices::device;
use super::runs::{Joules, Made};

/// The value of an attribute of the first element of `html`.
fn attribute(html: &str, name: &str) -> Option<String> {
    let element = html.split_once('>')?.0;
    let value = element.split_once(&format!(" {name}=\""))?.1;
    Some(text(value.split_once('"')?.0))
}

fn text(html: &str) -> String {
    html.replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// The rows of the tables of an article: their names and lines.
fn tables(article: &str) -> Vec<(String, String)> {
    let all = article.split("<pre").skip(1);
    let named = all.filter_map(|part| Some((attribute(part, "data-table")?, part)));
    let tables = named.map(|(name, part)| {
        let content = part.split_once('>').unwrap().1;
        (name, text(content.split_once("</pre>").unwrap().0))
    });
    tables.collect()
}

/// Checks every figure and gives their number.
fn check(name: &str, page: &str) -> usize {
    let mut found = 0;
    let charts = page.matches("<svg class=\"chart\"").count();
    let mut inside = 0;
    for article in page.split("<article").skip(1) {
        let tables = tables(article);
        for part in article.split("<figure").skip(1) {
            let figure = part.split_once("</figure>").unwrap().0;
            found += 1;
            inside += figure.matches("<svg class=\"chart\"").count();
            let table = attribute(figure, "data-table").expect(name);
            let start = attribute(figure, "data-rows").unwrap_or_default();
            let has = tables.iter().any(|(known, text)| {
                *known == table && text.lines().skip(1).any(|line| line.starts_with(&start))
            });
            assert!(has, "{name}: no rows {start:?} of {table}");
            for format in ["SVG", "PNG", "CSV"] {
                let button = format!("<button type=\"button\">{format}</button>");
                assert_eq!(figure.matches(&button).count(), 1, "{name}: {table}");
            }
            // Without the script there is no control.
            assert!(figure.contains("<p class=\"save\" hidden>"), "{name}");
        }
    }
    assert_eq!(inside, charts, "{name}: a plot outside a figure");
    found
}

#[test]
fn every_figure_can_be_saved_with_its_rows() {
    for (name, opened) in super::all() {
        let found = check(name, &page(&[opened]));
        let none = ["only failed", "no runs"].contains(&name);
        assert_eq!(found == 0, none, "{name}: {found} figures");
    }
}

#[test]
fn figures_of_ledgers_and_devices_can_be_saved() {
    let made = Made {
        joules: Joules::Measured,
        ..Made::default()
    };
    let mut opened = made.open();
    let factors = ["363 g, a, 2025-05-08", "0.28 EUR, b, 2026-01-01"];
    let factors: Vec<Factor> = factors.iter().map(|text| text.parse().unwrap()).collect();
    opened.ledgers.add_factors(&opened.analysis, &factors);
    let page = page(&[opened]);
    check("ledgers", &page);
    for unit in ["g", "EUR"] {
        assert!(
            page.contains(&format!(",{unit},\">")),
            "the rows of one factor: {unit}"
        );
    }
    let two = [("one", (1.0, 1.0)), ("two", (0.2, 0.9))];
    let two = two.map(|(name, speed)| device(name, speed, None, 3));
    let found = SideBySide::new("two".into(), two.into(), Vec::new());
    assert!(check("devices", &page_by_device(&[found])) >= 3);
}
