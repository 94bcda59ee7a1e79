//! The card that belongs to an adapter or a name.

use wattgrad::internals::energy::{DeviceKind, Meter, MeterOptions, MeteredDevice, Status};

use crate::stand_in::{CARD, Card, StandIn};
use crate::{discrete, only, refused, report, window};

#[test]
fn matches_the_card_by_pci_address() {
    let cards = [
        Card {
            watts: 50.0,
            ..CARD
        },
        Card {
            bus: "00000000:81:00.0",
            watts: 400.0,
            ..CARD
        },
    ];
    let stand_in = StandIn::with(&cards, &[]);
    let row = only(window(&stand_in.meter(Some(&discrete(Some("0000:81:00.0")))), 0.5).0);
    assert_eq!(row.source, "nvml:1");
    let watts = row.joules.unwrap() / row.seconds.unwrap();
    assert!((watts - 400.0).abs() < 40.0, "{watts}");
    // Without an adapter each card is a row of its own.
    let rows = window(&stand_in.meter(None), 0.5).0;
    let names: Vec<_> = rows.iter().map(|row| row.source.as_str()).collect();
    assert_eq!(names, ["nvml:0", "nvml:1"]);
    assert!(rows[0].joules.unwrap() < rows[1].joules.unwrap() / 4.0);
    assert!(rows.iter().all(|row| row.covers.is_none()));
}

#[test]
fn never_guesses_the_card_of_an_adapter() {
    let stand_in = StandIn::of(CARD);
    let other = only(window(&stand_in.meter(Some(&discrete(Some("0000:02:00.0")))), 0.1).0);
    refused(&other, "no card at 0000:02:00.0");
    assert_eq!(other.source, "nvml");
    refused(
        &only(window(&stand_in.meter(Some(&discrete(Some("0001:01:00.0")))), 0.1).0),
        "no card at 0001:01:00.0",
    );
    refused(
        &only(window(&stand_in.meter(Some(&discrete(None))), 0.1).0),
        "no PCI address",
    );
    refused(
        &only(window(&stand_in.meter(Some(&discrete(Some("")))), 0.1).0),
        "no PCI address",
    );
    refused(
        &only(window(&stand_in.meter(Some(&discrete(Some("slot 1")))), 0.1).0),
        "invalid PCI address",
    );
    let llvmpipe = MeteredDevice {
        pci_id: None,
        kind: DeviceKind::Cpu,
        name: "llvmpipe".into(),
    };
    refused(
        &only(window(&stand_in.meter(Some(&llvmpipe)), 0.1).0),
        "is the processor",
    );
    let twins = StandIn::with(&[CARD, CARD], &[]);
    refused(
        &only(window(&twins.meter(Some(&discrete(Some("0000:01:00.0")))), 0.1).0),
        "2 cards at",
    );
}

#[test]
fn selects_one_card_by_name() {
    let stand_in = StandIn::with(
        &[
            CARD,
            Card {
                bus: "00000000:02:00.0",
                ..CARD
            },
        ],
        &[],
    );
    let named = |name: &str| {
        let options = MeterOptions {
            selection: name.parse().unwrap(),
            nvml_library: Some(stand_in.library.clone()),
            ..Default::default()
        };
        report(&Meter::open(&options, None).unwrap())
    };
    let second = named("nvml:1");
    assert_eq!(
        (second.source.as_str(), second.status),
        ("nvml:1", Status::Measured)
    );
    let third = named("nvml:2");
    assert_eq!(
        (third.source.as_str(), third.status),
        ("nvml:2", Status::Unavailable)
    );
    assert!(third.reason.unwrap().contains("nvml:0, nvml:1"));
}
