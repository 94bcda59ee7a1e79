//! Apple's power rails, through `macmon`: GPU, CPU and the whole system, without root.
//!
//! The rails' figures come from a model in the chip, not from a shunt: they miss what lies between them and the wall.

use crate::energy::figure::{Covers, Scope};
use crate::energy::instrument::Unavailable;
use crate::energy::options::MeterOptions;
use crate::energy::source::{Row, Source};
use crate::energy::target::{MeteredDevice, DeviceKind};

#[cfg(target_os = "macos")]
mod rails;

const NAME: &str = "apple";

pub(crate) struct Apple;

impl Source for Apple {
    fn name(&self) -> &'static str {
        NAME
    }

    fn rows(&self, _options: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<Row> {
        found(target).unwrap_or_else(|refusal| {
            let covers = target.map(gpu_covers);
            vec![Row::power(NAME, Scope::Rail, covers, Err(refusal))]
        })
    }
}

/// How the GPU's rail lies to the adapter.
fn gpu_covers(target: &MeteredDevice) -> Covers {
    match target.kind {
        DeviceKind::Integrated => Covers::Adapter,
        _ => Covers::Host,
    }
}

#[cfg(target_os = "macos")]
fn found(target: Option<&MeteredDevice>) -> Result<Vec<Row>, Unavailable> {
    rails::rows(target)
}

#[cfg(not(target_os = "macos"))]
fn found(_target: Option<&MeteredDevice>) -> Result<Vec<Row>, Unavailable> {
    Err(Unavailable::new("Apple's power rails are read on macOS only"))
}
