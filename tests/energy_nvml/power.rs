//! Cards with power only.

use wattgrad::internals::energy::{Method, Status};

use crate::stand_in::{AMPERE, CARD, Card, GA100, GA102, NOT_SUPPORTED, PASCAL, StandIn};
use crate::{only, refused, report, window};

#[test]
fn integrates_the_power_of_cards_without_counter() {
    let power_only = |architecture, device| Card {
        energy: NOT_SUPPORTED,
        instant: NOT_SUPPORTED,
        architecture,
        device,
        ..CARD
    };
    let old = StandIn::of(power_only(PASCAL, 0x1b06_10de));
    let meter = old.meter(None);
    let found = report(&meter);
    assert_eq!(
        (found.status, found.method),
        (Status::Measured, Method::IntegratedPower)
    );
    assert!(found.reason.unwrap().contains("older than Volta"));
    let row = only(window(&meter, 1.5).0);
    assert_eq!(
        (row.source.as_str(), row.method, row.status),
        ("nvml:0", Method::IntegratedPower, Status::Measured)
    );
    let truth = 200.0 * row.seconds.unwrap();
    assert!(row.ci().unwrap().holds(truth), "{row:?}");
    assert!(
        row.notes
            .iter()
            .any(|note| note.contains("older than Volta"))
    );
    assert!(
        row.readings
            .iter()
            .all(|reading| reading.unit.symbol() == "mW")
    );
    // The usual power of Ampere averages over a second, but not that of GA100.
    let laptop = StandIn::of(power_only(AMPERE, GA102));
    let row = only(window(&laptop.meter(None), 1.5).0);
    refused(&row, "ten averaging times of the sensor (1.000 s each)");
    assert!(row.notes.iter().any(|note| note.contains("laptop card")));
    let a100 = StandIn::of(power_only(AMPERE, GA100));
    let row = only(window(&a100.meter(None), 1.5).0);
    assert_eq!(row.status, Status::Measured, "{row:?}");
}

#[test]
fn rejects_invalid_power() {
    for value in ["0", "0xffffffffu"] {
        let card = Card {
            energy: NOT_SUPPORTED,
            architecture: PASCAL,
            ..CARD
        };
        let stand_in = StandIn::with(&[card], &[&format!("-DMILLIWATTS={value}")]);
        refused(
            &only(window(&stand_in.meter(None), 0.1).0),
            "older than Volta",
        );
    }
}
