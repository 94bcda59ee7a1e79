//! Reports skipped tests, so that they are counted and not mistaken for passed tests.

use std::fs::OpenOptions;
use std::io::Write;

/// Reports that `test` was skipped, at least in part, because of `reason`: on stderr, past the capture of the test harness,
/// and as a line `test: reason` in the file that the environment variable `WATTGRAD_SKIPPED` names.
pub fn skipped(test: &str, reason: &str) {
    let line = format!("{test}: {reason}\n");
    std::io::stderr()
        .write_all(format!("SKIPPED: {line}").as_bytes())
        .unwrap();
    if let Some(path) = std::env::var_os("WATTGRAD_SKIPPED") {
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.and_then(|mut file| file.write_all(line.as_bytes()))
            .unwrap();
    }
}
