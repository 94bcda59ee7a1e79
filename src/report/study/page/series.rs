//! Which line has which colour and dashes.

use maud::{Markup, html};

use super::prose;
use crate::study::analysis::Analysis;

/// Colours that are told apart; with more cells than these only those that matter have one.
const CLASSES: [&str; 7] = ["s0", "s1", "s2", "s3", "s4", "s5", "s6"];

/// The classes of the cells' lines.
pub(super) struct Series {
    classes: Vec<&'static str>,
    legend: Vec<(&'static str, String)>,
}

impl Series {
    pub fn new(analysis: &Analysis) -> Self {
        let count = analysis.cells.len();
        let name = |cell: usize| analysis.cells[cell].id.clone();
        if count <= CLASSES.len() {
            return Self {
                classes: CLASSES[..count].to_vec(),
                legend: (0..count).map(|cell| (CLASSES[cell], name(cell))).collect(),
            };
        }
        let mut classes = vec!["rest"; count];
        let mut legend = Vec::new();
        let headline = analysis.headline();
        let chosen = [
            ("s0", headline.and_then(|cost| cost.best), "the least"),
            ("s1", headline.and_then(|cost| cost.worst), "the most"),
            ("s2", analysis.reference, "the reference"),
        ];
        for (class, cell, what) in chosen {
            let Some(cell) = cell.filter(|cell| classes[*cell] == "rest") else {
                continue;
            };
            classes[cell] = class;
            legend.push((class, format!("{what}: {}", name(cell))));
        }
        legend.push(("rest", "all other cells".into()));
        Self { classes, legend }
    }

    pub fn class(&self, cell: usize) -> &'static str {
        self.classes[cell]
    }

    pub fn legend(&self) -> Markup {
        html! {
            ul class="legend" {
                @for (class, name) in &self.legend {
                    li {
                        svg width="28" height="8" aria-hidden="true" {
                            line class=(format!("swatch {class}")) x1="0" x2="28" y1="4" y2="4" stroke-width="2.5" {}
                        }
                        span { (prose::text(name)) }
                    }
                }
            }
        }
    }
}
