//! Every kernel on a real device: the suites of the conformance, PyTorch's optimizers, NaN and infinity.
#![cfg(feature = "gpu")]

mod conv;
#[path = "../fixtures/mod.rs"]
mod fixtures;
mod harness;
mod optim;
mod poison;
#[path = "../registry/mod.rs"]
mod registry;
#[path = "../skip/mod.rs"]
mod skip;
mod suites;

/// Why a test of the texel kernels is skipped.
const NO_TEXEL: &str = "the texel kernels do not run on this device";

/// llvmpipe with vectors of 128 bits has subgroups of four lanes. The tests of the texel kernels must pass there too.
#[test]
#[cfg(target_os = "linux")]
fn four_lanes() {
    use std::process::Command;
    const LANES: &str = "WATTGRAD_TEST_LANES";
    if std::env::var_os(LANES).is_some() {
        return;
    }
    if !harness::device().gpu.adapter.name.starts_with("llvmpipe") {
        return skip::skipped("four_lanes", "the device is not llvmpipe");
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["texel", "max_pool", "batch_norm"])
        // The driver's cache does not distinguish the widths.
        .envs([
            (LANES, "4"),
            ("LP_NATIVE_VECTOR_WIDTH", "128"),
            ("MESA_SHADER_CACHE_DISABLE", "true"),
        ])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && !text.contains("ok. 0 passed"),
        "{text}"
    );
}
