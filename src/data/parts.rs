//! Names of the parts of a dataset: which samples train, which decide whether a target is reached, and which confirm it.

/// The parts of a dataset in words. Test samples with an even index decide, those with an odd index confirm; a reader that
/// knows better parts arranges the test split accordingly and names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The samples that train.
    pub training: String,
    /// The test samples that decide whether a target is reached.
    pub deciding: String,
    /// The test samples that confirm it.
    pub confirming: String,
}

impl Default for Parts {
    fn default() -> Parts {
        Parts {
            training: "the training split".into(),
            deciding: "test samples with an even index".into(),
            confirming: "test samples with an odd index".into(),
        }
    }
}

/// The test split of a deciding and a confirming part: their samples in turn, the deciding part first. The samples that the
/// longer part has more are left out.
pub(super) fn in_turn(deciding: &[usize], confirming: &[usize]) -> Vec<usize> {
    let pairs = deciding.iter().zip(confirming);
    pairs.flat_map(|(a, b)| [*a, *b]).collect()
}
