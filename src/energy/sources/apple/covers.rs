//! What the rail of the GPU covers.

use crate::energy::device::{DeviceKind, MeteredDevice};
use crate::energy::figure::Covers;

pub(super) fn gpu_covers(target: &MeteredDevice) -> Covers {
    match target.kind {
        DeviceKind::Integrated => Covers::Adapter,
        _ => Covers::Host,
    }
}
