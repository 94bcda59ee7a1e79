//! The colour of each regime, the same in every plot.

use crate::study::analysis::Analysis;

/// Line styles and bar colours that remain distinct for any colour vision.
const CLASSES: [(&str, &str); 7] = [
    ("s0", "part s0"),
    ("s1", "part s1"),
    ("s2", "part s2"),
    ("s3", "part s3"),
    ("s4", "part s4"),
    ("s5", "part s5"),
    ("s6", "part s6"),
];

/// Of all regimes beyond those.
pub(super) const REST: (&str, &str) = ("rest", "part rest");

/// The style classes of the regimes. With more regimes than colours only the best, the worst and the reference have one.
pub(super) struct RegimeColours {
    classes: Vec<(&'static str, &'static str)>,
    /// Class and text of each entry.
    pub legend: Vec<(&'static str, String)>,
}

impl RegimeColours {
    pub fn new(analysis: &Analysis) -> Self {
        let count = analysis.cells.len();
        let name = |cell: usize| analysis.cells[cell].name();
        if count <= CLASSES.len() {
            return Self {
                classes: CLASSES[..count].to_vec(),
                legend: (0..count)
                    .map(|cell| (CLASSES[cell].0, name(cell)))
                    .collect(),
            };
        }
        let mut classes = vec![REST; count];
        let mut legend = Vec::new();
        let headline = analysis.headline();
        let chosen = [
            (headline.and_then(|cost| cost.best), "lowest"),
            (headline.and_then(|cost| cost.worst), "highest"),
            (analysis.reference, "reference"),
        ];
        for (class, (cell, role)) in CLASSES.into_iter().zip(chosen) {
            if let Some(cell) = cell.filter(|cell| classes[*cell] == REST) {
                classes[cell] = class;
                legend.push((class.0, format!("{role}: {}", name(cell))));
            }
        }
        legend.push((REST.0, "all other regimes".into()));
        Self { classes, legend }
    }

    /// The class of a cell's line.
    pub fn line(&self, cell: usize) -> &'static str {
        self.classes[cell].0
    }

    /// The class of a cell's bar.
    pub fn part(&self, cell: usize) -> &'static str {
        self.classes[cell].1
    }
}
