//! The stand-in library, compiled with the cards that a test describes.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use wattgrad::internals::energy::{Meter, MeterOptions, MeteredDevice, Selection};

pub const AMPERE: u32 = 7;

pub const TURING: u32 = 6;

pub const PASCAL: u32 = 4;

/// PCI device (and vendor) of a chip GA102 and of GA100.
pub const GA102: u32 = 0x2204_10de;

pub const GA100: u32 = 0x20b0_10de;

pub const NOT_SUPPORTED: i32 = 3;

pub const NO_PERMISSION: i32 = 4;

pub const DRIVER_NOT_LOADED: i32 = 9;

/// One card of the stand-in: 200 W, updated every 20 ms by default.
#[derive(Clone)]
pub struct Card {
    pub bus: &'static str,
    pub architecture: u32,
    pub mig: i32,
    pub handle: i32,
    pub energy: i32,
    pub power: i32,
    pub instant: i32,
    pub device: u32,
    pub virtual_mode: i32,
    pub behaviour: &'static str,
    pub watts: f64,
    pub update_interval: f64,
}

pub const CARD: Card = Card {
    bus: "00000000:01:00.0",
    architecture: AMPERE,
    mig: -1,
    handle: 0,
    energy: 0,
    power: 0,
    instant: 0,
    device: GA102,
    virtual_mode: 0,
    behaviour: "STEADY",
    watts: 200.0,
    update_interval: 0.02,
};

/// A stand-in library, deleted with this value.
pub struct StandIn {
    _folder: TempDir,
    pub library: PathBuf,
}

impl StandIn {
    pub fn with(cards: &[Card], defines: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("libnvidia-ml.so.1");
        let list: Vec<String> = cards
            .iter()
            .map(|card| {
                let Card {
                    bus,
                    architecture,
                    mig,
                    handle,
                    energy,
                    power,
                    instant,
                    device,
                    virtual_mode,
                    behaviour,
                    watts,
                    update_interval,
                } = card;
                format!(
                    "{{\"{bus}\",{architecture},{mig},{handle},{energy},{power},{instant},{device},{virtual_mode},\
                     {behaviour},{watts:?},{update_interval:?}}}"
                )
            })
            .collect();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stand_in/nvml.c");
        let status = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&library)
            .arg(format!("-DCARDS={}", list.join(",")))
            .args(defines)
            .arg(source)
            .status()
            .expect("a C compiler `cc`, which linking Rust needs as well");
        assert!(status.success(), "the stand-in library does not compile");
        Self {
            _folder: folder,
            library,
        }
    }

    pub fn of(card: Card) -> Self {
        Self::with(&[card], &[])
    }

    pub fn meter(&self, target: Option<&MeteredDevice>) -> Meter {
        let options = MeterOptions {
            selection: Selection::Named("nvml".into()),
            nvml_library: Some(self.library.clone()),
            ..Default::default()
        };
        Meter::open(&options, target).unwrap()
    }
}
