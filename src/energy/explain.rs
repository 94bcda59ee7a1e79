//! The words for a source that is unavailable or limited, the same in every command and report.

/// `REASON; fix: COMMAND; undo: COMMAND`.
pub(crate) fn explain(reason: &str, fix: Option<&str>, undo: Option<&str>) -> String {
    let mut text = reason.to_owned();
    if let Some(fix) = fix {
        text += &format!("; fix: {fix}");
    }
    if let Some(undo) = undo {
        text += &format!("; undo: {undo}");
    }
    text
}

/// From this many missing sources on they share one line.
const MANY: usize = 3;

/// One line for the sources that a machine does not have; `None` for a few, which have a line each.
pub(crate) fn missing_sources(names: &[&str]) -> Option<String> {
    (names.len() >= MANY).then(|| {
        format!(
            "unavailable: {} (reasons and fixes: `wattgrad doctor`)\n",
            names.join(", ")
        )
    })
}
