//! SHA-256 in hexadecimal digits.

use sha2::{Digest as _, Sha256};

pub(super) fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
