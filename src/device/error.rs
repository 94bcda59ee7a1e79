//! What can go wrong between the program and a graphics device.

/// An error of the device floor; each message is one sentence that ends with a way out.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The system offers no adapter at all.
    #[error("no graphics adapter was found: {remedy}")]
    NoAdapter {
        /// How to get one on this system.
        remedy: &'static str,
    },
    /// No adapter answers to the given name, index or PCI address.
    #[error(
        "no adapter matches {wanted:?}; choose by index, part of a name or PCI address from: {available}"
    )]
    UnknownAdapter {
        /// What was asked for.
        wanted: String,
        /// The adapters there are, `index: name`, separated by commas.
        available: String,
    },
    /// The given part of a name belongs to several adapters.
    #[error("{wanted:?} matches several adapters, {matches}; give the index instead")]
    AmbiguousAdapter {
        /// What was asked for.
        wanted: String,
        /// The adapters it matches, `index: name`, separated by commas.
        matches: String,
    },
    /// The adapter exists but its driver refused to open a device.
    #[error(
        "the driver of {adapter:?} opened no device ({detail}); update the driver or choose another adapter"
    )]
    Open {
        /// Name of the adapter.
        adapter: String,
        /// What the driver said.
        detail: String,
    },
    /// A limit that no kernel could live with.
    #[error(
        "a storage binding limit of {given} bytes is below the least usable {least}; raise it or leave it out"
    )]
    BindingLimit {
        /// What was asked for, in bytes.
        given: u64,
        /// The least that is accepted, in bytes.
        least: u64,
    },
    /// A kernel did not become a pipeline.
    #[error(
        "kernel {label:?} was refused by the device: {detail}; run it on another adapter or mend its WGSL"
    )]
    Pipeline {
        /// The kernel's label.
        label: String,
        /// What the shader compiler or driver said.
        detail: String,
    },
    /// The device went away while working: a reset, a timeout of the operating system, or an unplugged card.
    #[error(
        "the device was lost ({detail}); resume from the last checkpoint with less work per submission"
    )]
    Lost {
        /// What the driver said.
        detail: String,
    },
    /// The device reported an error for work that was already handed over.
    #[error(
        "the device reported an error ({detail}); reduce the batch size if memory is short, or report a bug"
    )]
    Uncaptured {
        /// What was reported.
        detail: String,
    },
}
