//! What is known of RAPL's counters, however they are read.

use crate::energy::figure::Scope;

pub(super) const NAME: &str = "rapl";
pub(super) const ROOT: &str = "/sys/class/powercap/intel-rapl";
pub(super) const OPEN_FILES: &str = "sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj";
pub(super) const CLOSE_FILES: &str = "sudo chmod go-r /sys/class/powercap/intel-rapl:*/energy_uj";

/// The counters change about every millisecond.
pub(in crate::energy::sources) const EXPECTED_UPDATE_INTERVAL: f64 = 0.001;

/// More than a package or its memory ever draws; the platform counter may cover a whole server.
pub(in crate::energy::sources) fn max_watts(scope: Scope) -> f64 {
    match scope {
        Scope::System => 10_000.0,
        _ => 2_000.0,
    }
}
