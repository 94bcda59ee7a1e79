//! Errors of the graphics device.

/// An error of the graphics device.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The system has no adapter.
    #[error("no graphics adapter was found: {remedy}")]
    NoAdapter {
        /// How to get an adapter on this system.
        remedy: &'static str,
    },
    /// No adapter has the given name, index or PCI address.
    #[error(
        "no adapter matches {wanted:?}; choose by index, part of a name or PCI address from: {available}"
    )]
    UnknownAdapter {
        /// The given choice.
        wanted: String,
        /// The adapters, `index: name`, separated by commas.
        available: String,
    },
    /// The given part of a name belongs to several adapters.
    #[error("{wanted:?} matches several adapters ({matches}); give the index instead")]
    AmbiguousAdapter {
        /// The given choice.
        wanted: String,
        /// The adapters it matches, `index: name`, separated by commas.
        matches: String,
    },
    /// The driver opened no device.
    #[error(
        "the driver of {adapter:?} could not open the device ({detail}); update the driver or choose another adapter"
    )]
    Open {
        /// Name of the adapter.
        adapter: String,
        /// The driver's message.
        detail: String,
    },
    /// The given limit is too small for the kernels.
    #[error(
        "the storage binding limit must be at least {least} bytes, got {given}; raise it or leave it out"
    )]
    BindingLimit {
        /// The given limit in bytes.
        given: u64,
        /// The smallest accepted limit in bytes.
        least: u64,
    },
    /// A kernel does not compile for this device.
    #[error(
        "kernel {label:?} does not compile on this device: {detail}; fix its WGSL or use another adapter"
    )]
    Pipeline {
        /// The kernel's label.
        label: String,
        /// The message of the shader compiler or driver.
        detail: String,
    },
    /// The device was lost: a reset, a timeout of the operating system, or an unplugged card.
    #[error(
        "the device was lost ({detail}); resume from the last checkpoint with less work per submission"
    )]
    Lost {
        /// The driver's message.
        detail: String,
    },
    /// The device reported an error for work that was already submitted.
    #[error(
        "the device reported an error ({detail}); reduce the batch size if memory is short, or report a bug"
    )]
    Uncaptured {
        /// The reported message.
        detail: String,
    },
}
