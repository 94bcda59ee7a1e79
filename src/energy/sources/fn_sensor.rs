//! A sensor that is read by a function.

use std::path::Path;

use crate::energy::counter;
use crate::energy::sensor::{Quantity, Sensor, SensorSpec, Unavailable};

struct FnSensor<F> {
    spec: SensorSpec,
    read: F,
}

impl<F: Fn() -> Result<u64, Unavailable> + Send + Sync> Sensor for FnSensor<F> {
    fn spec(&self) -> SensorSpec {
        self.spec
    }

    fn read(&self) -> Result<u64, Unavailable> {
        (self.read)()
    }
}

/// The sensor of the file `path`, unless its first value cannot be read or is not that of a working counter.
pub(super) fn open(
    path: &Path,
    spec: SensorSpec,
    read: impl Fn() -> Result<u64, Unavailable> + Send + Sync + 'static,
) -> Result<Box<dyn Sensor>, Unavailable> {
    let value = read()?;
    if let Quantity::Energy { wraps_at } = spec.quantity {
        counter::supported(value, wraps_at)
            .map_err(|why| Unavailable::new(format!("{}: {why}", path.display())))?;
    }
    Ok(unchecked(spec, read))
}

/// A sensor whose value may be 0 at first.
pub(super) fn unchecked(
    spec: SensorSpec,
    read: impl Fn() -> Result<u64, Unavailable> + Send + Sync + 'static,
) -> Box<dyn Sensor> {
    Box::new(FnSensor { spec, read })
}
