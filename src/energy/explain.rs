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
