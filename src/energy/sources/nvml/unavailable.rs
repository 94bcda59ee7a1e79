//! Errors of NVML in words, with their fixes.

use nvml_wrapper::error::NvmlError;

use crate::energy::sensor::Unavailable;

pub(super) fn unavailable(doing: &str, error: &NvmlError) -> Unavailable {
    let new = |why: &str| Unavailable::new(format!("NVML: {doing}: {why}"));
    match error {
        NvmlError::NoPermission if cfg!(windows) => {
            new("permission denied").with_fix("run as an administrator")
        }
        NvmlError::NoPermission => new("permission denied")
            .with_fix("sudo chmod a+rw /dev/nvidia*")
            .with_undo("sudo chmod go-rw /dev/nvidia*"),
        NvmlError::DriverNotLoaded | NvmlError::Uninitialized => {
            new("the NVIDIA driver is not loaded")
                .with_fix("sudo modprobe nvidia")
                .with_undo("sudo modprobe -r nvidia")
        }
        NvmlError::LibRmVersionMismatch => {
            new("the library and the loaded driver have different versions")
                .with_fix("restart the machine")
        }
        NvmlError::GpuLost => {
            new("the card has fallen off the bus").with_fix("restart the machine")
        }
        NvmlError::FailedToLoadSymbol(symbol) => {
            new(&format!("the driver is too old ({symbol} is missing)"))
                .with_fix("install a newer NVIDIA driver")
        }
        error => new(&error.to_string()),
    }
}
