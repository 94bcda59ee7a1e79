//! The findings of `doctor`, with and without a driver.

use super::{doctor, stdout, wattgrad};
#[cfg(target_os = "linux")]
use super::{program, sentence, succeeded};
#[cfg(target_os = "linux")]
use serde_json::Value;

#[test]
fn lists_adapters_sources_and_data() {
    let found = doctor();
    assert_eq!(found["schema"], 2);
    let adapters = found["adapters"].as_array().unwrap();
    let chosen = adapters.iter().filter(|a| a["chosen"] == true).count();
    assert_eq!(chosen, usize::from(!adapters.is_empty()));
    let sources: Vec<&str> = found["energy"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            if row["status"] == "unavailable" {
                assert!(
                    row["reason"].as_str().is_some_and(|r| !r.is_empty()),
                    "{row}"
                );
            }
            row["source"].as_str().unwrap()
        })
        .collect();
    for family in ["nvml", "rapl", "cpu-time"] {
        assert!(sources.iter().any(|s| s.starts_with(family)), "{sources:?}");
    }
    let data = found["data"].as_array().unwrap();
    assert!(
        data.iter()
            .any(|d| d["spec"] == "digits" && d["present"] == true)
    );
    assert_eq!(data.iter().filter(|d| d["auto"] == true).count(), 1);

    let text = stdout(&wattgrad(&["doctor"]));
    for adapter in adapters {
        assert!(text.contains(adapter["name"].as_str().unwrap()), "{text}");
    }
    let (available, unavailable) = text
        .split_once("\nAvailable (* = used by default)\n")
        .and_then(|(_, lists)| lists.split_once("\nUnavailable\n"))
        .expect(&text);
    assert!(available.contains("digits: ") && available.contains("embedded: 1,797"));
    assert!(unavailable.contains("energy  ") && unavailable.contains("; fix: "));
    let details = stdout(&wattgrad(&["doctor", "-v"]));
    assert!(details.lines().count() >= text.lines().count());
}

#[cfg(target_os = "linux")]
#[test]
fn reports_how_to_install_a_driver_and_training_fails_without_one() {
    let blind = |args: &[&str]| {
        program(args)
            .env("VK_DRIVER_FILES", "/nonexistent")
            .env("VK_ICD_FILENAMES", "/nonexistent")
            .output()
            .unwrap()
    };
    let output = blind(&["doctor"]);
    succeeded(&output);
    let text = stdout(&output);
    assert!(text.contains("no graphics adapter was found"), "{text}");
    assert!(
        text.contains("mesa-vulkan-drivers") && text.contains("digits: "),
        "{text}"
    );
    let output = blind(&["doctor", "--json"]);
    succeeded(&output);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["adapters"], Value::Array(vec![]));
    assert!(
        found["problem"]
            .as_str()
            .unwrap()
            .contains("no graphics adapter")
    );
    let error = sentence(&blind(&["train", "--data", "digits"]), 1);
    assert!(error.contains("no graphics adapter was found"), "{error}");
}
