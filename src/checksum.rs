//! Checksums of records, which show whether a file was changed after it was written.

use std::borrow::Cow;
use std::ops::Range;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::canonical::canonical;

/// SHA-256 in hexadecimal digits.
pub(crate) fn sha256(text: &str) -> String {
    hexadecimal(text.as_bytes())
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

/// A file that has the checksum of the rest, with null in place of the value at `path`. `None` if it has another checksum, or
/// if it must be decoded to know, as by [`take`].
pub(crate) fn intact_without<'a>(file: &'a [u8], path: &[&str]) -> Option<Cow<'a, [u8]>> {
    let found = canonical(file, "sha256", path)?;
    (hexadecimal(&found.form) == found.taken).then(|| match found.found {
        Some(Range { start, end }) => [&file[..start], b"null", &file[end..]].concat().into(),
        None => file.into(),
    })
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn of(value: &mut Value) -> String {
    value.sort_all_objects();
    sha256(&value.to_string())
}
