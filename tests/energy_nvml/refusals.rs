//! Reasons why a card or the library is unavailable.

use std::path::Path;

use wattgrad::internals::energy::{Meter, MeterOptions, Selection, SourceResult};

use crate::stand_in::{
    CARD, Card, DRIVER_NOT_LOADED, NO_PERMISSION, NOT_SUPPORTED, PASCAL, StandIn,
};
use crate::{discrete, only, refused, window};

#[test]
fn reports_why_a_card_has_no_counter() {
    let none = Card {
        energy: NOT_SUPPORTED,
        power: NOT_SUPPORTED,
        instant: NOT_SUPPORTED,
        ..CARD
    };
    let pascal = StandIn::of(Card {
        architecture: PASCAL,
        ..none.clone()
    });
    refused(
        &only(window(&pascal.meter(None), 0.1).0),
        "older than Volta",
    );
    let hidden = StandIn::of(none.clone());
    refused(
        &only(window(&hidden.meter(None), 0.1).0),
        "shows no energy counter",
    );
    let instance = StandIn::of(Card { mig: 1, ..none });
    let row = only(window(&instance.meter(None), 0.1).0);
    refused(&row, "MIG is on");
    assert!(row.fix.is_some());
    let dark = Card {
        power: NOT_SUPPORTED,
        instant: NOT_SUPPORTED,
        ..CARD
    };
    let old = StandIn::with(&[dark], &["-DENERGY_ABSENT"]);
    let row = only(window(&old.meter(None), 0.1).0);
    refused(&row, "too old");
    assert!(
        row.fix
            .as_deref()
            .is_some_and(|fix| fix.contains("newer NVIDIA driver"))
    );
}

#[test]
fn denied_permissions_have_a_fix() {
    let denied = |row: &SourceResult| {
        refused(row, "permission denied");
        assert!(
            row.fix
                .as_deref()
                .is_some_and(|fix| fix.contains("/dev/nvidia")),
            "{row:?}"
        );
    };
    let counter = StandIn::of(Card {
        energy: NO_PERMISSION,
        power: NO_PERMISSION,
        instant: NO_PERMISSION,
        ..CARD
    });
    denied(&only(window(&counter.meter(None), 0.1).0));
    let handle = StandIn::of(Card {
        handle: NO_PERMISSION,
        ..CARD
    });
    denied(&only(window(&handle.meter(None), 0.1).0));
    // The card that may be the adapter is not accessible: no other is used instead.
    let other = StandIn::with(
        &[
            CARD,
            Card {
                handle: NO_PERMISSION,
                bus: "00000000:02:00.0",
                ..CARD
            },
        ],
        &[],
    );
    denied(&only(
        window(&other.meter(Some(&discrete(Some("0000:02:00.0")))), 0.1).0,
    ));
    let start = StandIn::with(&[CARD], &[&format!("-DINIT={NO_PERMISSION}")]);
    denied(&only(window(&start.meter(None), 0.1).0));
    let unloaded = StandIn::with(&[CARD], &[&format!("-DINIT={DRIVER_NOT_LOADED}")]);
    let row = only(window(&unloaded.meter(None), 0.1).0);
    refused(&row, "driver is not loaded");
    assert_eq!(row.fix.as_deref(), Some("sudo modprobe nvidia"));
}

#[test]
fn reports_a_missing_or_wrong_library() {
    let options = |path: &Path| MeterOptions {
        selection: Selection::Named("nvml".into()),
        nvml_library: Some(path.to_owned()),
        ..Default::default()
    };
    let absent = Meter::open(&options(Path::new("/nowhere/libnvidia-ml.so.1")), None).unwrap();
    let row = only(window(&absent, 0.05).0);
    refused(&row, "/nowhere/libnvidia-ml.so.1 cannot be loaded");
    assert!(
        row.fix
            .as_deref()
            .is_some_and(|fix| fix.contains("WATTGRAD_NVML"))
    );
    let wrong = StandIn::with(&[CARD], &["-DSHUTDOWN_ABSENT"]);
    refused(&only(window(&wrong.meter(None), 0.05).0), "not NVML");
}
