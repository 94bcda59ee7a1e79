//! Checksums of records, which show whether a file was changed after it was written.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// SHA-256 in hexadecimal digits.
pub(crate) fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `content` with the checksum of the rest as its first key, `sha256`, as indented JSON that ends with a newline.
pub(crate) fn signed(content: &impl Serialize) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Signed<'a, T> {
        sha256: String,
        #[serde(flatten)]
        content: &'a T,
    }
    // Numbers as a file gives them back.
    let sha256 = of(&mut serde_json::from_slice(&serde_json::to_vec(content)?)?);
    let mut text = serde_json::to_string_pretty(&Signed { sha256, content })?;
    text.push('\n');
    Ok(text)
}

/// Takes the checksum out of a file's content. Whether it is that of the rest; `None` without one. Spaces and the order of
/// keys do not count.
pub(crate) fn take(file: &mut Value) -> Option<bool> {
    let written = file.as_object_mut()?.remove("sha256")?;
    Some(written == of(file))
}

fn of(value: &mut Value) -> String {
    value.sort_all_objects();
    sha256(&value.to_string())
}
