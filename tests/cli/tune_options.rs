//! What `wattgrad tune` refuses.

use super::{sentence, stderr, stdout, wattgrad};

#[test]
fn energy_needs_a_sensor_and_options_are_checked() {
    let none = sentence(
        &wattgrad(&["--meter", "none", "tune", "--for", "energy"]),
        1,
    );
    assert!(none.contains("--for energy needs a sensor"), "{none}");
    for (args, part) in [
        (["--shape", "0x3"], "--shape"),
        (["--batch-size", "0"], "--batch-size"),
        (["--budget", "0"], "--budget"),
        (["--model", "mlpp"], "unknown preset"),
        (["--profile", "missing.toml"], "missing.toml"),
    ] {
        let output = wattgrad(&[&["tune"], &args[..]].concat());
        let code = output.status.code();
        assert!(matches!(code, Some(1 | 2)), "{args:?}: {}", stderr(&output));
        assert!(
            stderr(&output).contains(part),
            "{args:?}: {}",
            stderr(&output)
        );
        assert!(stdout(&output).is_empty());
    }
    let wrong = wattgrad(&["tune", "--for", "speed"]);
    assert!(
        stderr(&wrong).contains("choose time, energy, edp"),
        "{}",
        stderr(&wrong)
    );
}
