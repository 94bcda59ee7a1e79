//! Cards that other processes use too.

use std::process::Command;

use wattgrad::internals::energy::Status;

use crate::stand_in::{CARD, Card, StandIn};
use crate::{discrete, only, report, window};

#[test]
fn card_used_by_another_process_is_shared() {
    // Process 1 is never a child of this process.
    let other = StandIn::with(&[CARD], &["-DGRAPHICS=1"]);
    let target = discrete(Some("0000:01:00.0"));
    let row = only(window(&other.meter(Some(&target)), 0.3).0);
    assert_eq!(row.status, Status::Shared, "{row:?}");
    assert!(row.joules.is_some() && row.ci_low.is_some());
    assert!(row.reason.unwrap().contains("process 1 also uses the card"));
    assert_eq!(report(&other.meter(Some(&target))).status, Status::Shared);
    // Without an adapter the card itself is measured, whoever uses it.
    let row = only(window(&other.meter(None), 0.3).0);
    assert_eq!((row.status, row.reason), (Status::Measured, None));
    // This process and its children are the run.
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let own = format!("-DCOMPUTE={},{}", std::process::id(), child.id());
    let row = only(window(&StandIn::with(&[CARD], &[&own]).meter(Some(&target)), 0.3).0);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(row.status, Status::Measured, "{row:?}");
}

#[test]
fn card_split_by_mig_or_vgpu_is_shared() {
    let stand_in = StandIn::of(Card { mig: 1, ..CARD });
    let meter = stand_in.meter(Some(&discrete(Some("0000:01:00.0"))));
    assert_eq!(report(&meter).status, Status::Shared);
    let row = only(window(&meter, 0.3).0);
    assert_eq!(row.status, Status::Shared);
    assert!(row.joules.is_some_and(|joules| joules > 0.0) && row.ci_low.is_some());
    assert_eq!(
        row.measured(),
        None,
        "shared joules do not belong to this run"
    );
    assert!(
        row.reason
            .as_deref()
            .is_some_and(|reason| reason.contains("all of its instances"))
    );
    assert_eq!(serde_json::to_value(&row).unwrap()["status"], "shared");
    // A card that a host splits by vGPU (mode 3) or a part of one (2) is shared; a card passed through whole (1) is not.
    for (virtual_mode, status) in [
        (3, Status::Shared),
        (2, Status::Shared),
        (1, Status::Measured),
    ] {
        let card = StandIn::of(Card {
            virtual_mode,
            ..CARD
        });
        assert_eq!(report(&card.meter(None)).status, status, "{virtual_mode}");
    }
    // MIG that is off changes nothing.
    let off = StandIn::of(Card { mig: 0, ..CARD });
    assert_eq!(report(&off.meter(None)).status, Status::Measured);
}
