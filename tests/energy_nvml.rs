//! NVML through a stand-in library that the test compiles: what a card says, and what the meter makes of it.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wattgrad::energy::{
    Covers, Energy, Meter, MeterOptions, Method, Scope, Selection, SourceReport, Status, Target,
    TargetKind,
};

const AMPERE: u32 = 7;
const PASCAL: u32 = 4;
const NOT_SUPPORTED: i32 = 3;
const NO_PERMISSION: i32 = 4;
const DRIVER_NOT_LOADED: i32 = 9;

/// One card of the stand-in: 200 W, a tick of 20 ms, unless the test says otherwise.
#[derive(Clone)]
struct Card {
    bus: &'static str,
    architecture: u32,
    mig: i32,
    handle: i32,
    energy: i32,
    behaviour: &'static str,
    watts: f64,
    tick: f64,
}

const CARD: Card = Card {
    bus: "00000000:01:00.0",
    architecture: AMPERE,
    mig: -1,
    handle: 0,
    energy: 0,
    behaviour: "STEADY",
    watts: 200.0,
    tick: 0.02,
};

/// A stand-in library on disk, for as long as it lives.
struct StandIn {
    _folder: TempDir,
    library: PathBuf,
}

impl StandIn {
    fn with(cards: &[Card], defines: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("libnvidia-ml.so.1");
        let list: Vec<String> = cards
            .iter()
            .map(|card| {
                let Card { bus, architecture, mig, handle, energy, behaviour, watts, tick } = card;
                format!("{{\"{bus}\",{architecture},{mig},{handle},{energy},{behaviour},{watts:?},{tick:?}}}")
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

    fn of(card: Card) -> Self {
        Self::with(&[card], &[])
    }

    fn meter(&self, target: Option<&Target>) -> Meter {
        let options = MeterOptions {
            selection: Selection::Named("nvml".into()),
            nvml_library: Some(self.library.clone()),
            ..Default::default()
        };
        Meter::open(&options, target).unwrap()
    }
}

fn discrete(pci_id: Option<&str>) -> Target {
    Target {
        pci_id: pci_id.map(str::to_owned),
        kind: TargetKind::Discrete,
        name: "Stand-in card".into(),
    }
}

/// The rows of a window around `seconds` of sleep, and how long it really was at most.
fn window(meter: &Meter, seconds: f64) -> (Vec<Energy>, f64) {
    let began = Instant::now();
    let (_, rows) = meter.measure(|| sleep(Duration::from_secs_f64(seconds)));
    (rows, began.elapsed().as_secs_f64())
}

fn only(rows: Vec<Energy>) -> Energy {
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.into_iter().next().unwrap()
}

fn refused(row: &Energy, with: &str) {
    assert_eq!(row.status, Status::Unavailable, "{row:?}");
    assert_eq!(row.joules, None, "{row:?}");
    assert_eq!(row.joules_low, None, "{row:?}");
    assert!(
        row.reason
            .as_deref()
            .is_some_and(|reason| reason.contains(with)),
        "`{with}` is not in {row:?}"
    );
    let json = serde_json::to_value(row).unwrap();
    assert!(json.get("joules").is_none(), "{json}");
    assert_eq!(json["status"], "unavailable");
}

fn report(meter: &Meter) -> SourceReport {
    let reports = meter.sources();
    assert_eq!(reports.len(), 1, "{reports:?}");
    reports.into_iter().next().unwrap()
}

#[test]
fn joules_are_the_cards_watts_times_the_window() {
    let stand_in = StandIn::of(CARD);
    let meter = stand_in.meter(Some(&discrete(Some("0000:01:00.0"))));
    let (rows, most_seconds) = window(&meter, 1.0);
    let row = only(rows);
    assert_eq!(
        (row.source.as_str(), row.scope, row.method),
        ("nvml:0", Scope::Board, Method::Counter)
    );
    assert_eq!(
        (row.status, row.covers),
        (Status::Measured, Some(Covers::Adapter))
    );
    let (joules, seconds) = (row.joules.unwrap(), row.seconds.unwrap());
    assert!((1.0..=most_seconds).contains(&seconds), "{seconds}");
    // The counter of the stand-in lags by one tick of 4 J at most, at either edge, and a read may be interrupted.
    let reads: f64 = row
        .readings
        .iter()
        .map(|reading| reading.read_seconds / 2.0)
        .sum();
    assert!(
        (joules - 200.0 * seconds).abs() <= 4.0 + 0.1 + 200.0 * reads,
        "{joules} J in {seconds} s"
    );
    let tick = row.tick_seconds.unwrap();
    assert!((0.019..0.2).contains(&tick), "{tick}");
    let off = row.repeatability().unwrap().half();
    assert!(
        (joules - 200.0 * seconds).abs() <= off && off >= 2.0 * 4.0 * 0.9,
        "{off}"
    );
    assert_eq!(row.measured().unwrap().joules(), joules);
    assert_eq!(row.assumed(), None);
    // The record suffices to compute the figure again.
    let (first, last) = (row.readings[0], row.readings[1]);
    assert_eq!(row.readings.len(), 2);
    assert!(((last.value - first.value) as f64 * 1e-3 - joules).abs() < 1e-9);
    assert!(last.at.unix - first.at.unix > 0.9 && first.at.unix > 1.6e9);
}

#[test]
fn a_record_is_read_back_as_it_was_written() {
    let stand_in = StandIn::of(CARD);
    let row = only(window(&stand_in.meter(None), 0.3).0);
    let json = serde_json::to_value(&row).unwrap();
    assert_eq!(json["method"], "counter");
    assert_eq!(json["status"], "measured");
    assert_eq!(json["scope"], "board");
    assert_eq!(json["readings"][0]["unit"], "mJ");
    assert!(json["readings"][0]["monotonic"].is_f64() && json["readings"][0]["unix"].is_f64());
    assert!(json.get("reason").is_none() && json.get("covers").is_none());
    assert_eq!(serde_json::from_value::<Energy>(json).unwrap(), row);
}

#[test]
fn the_card_is_the_one_at_the_adapters_address() {
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
fn an_adapter_without_its_card_is_never_given_the_first() {
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
        "cannot be read",
    );
    let llvmpipe = Target {
        pci_id: None,
        kind: TargetKind::Cpu,
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
fn a_counter_that_lies_gives_no_figure() {
    let stuck = StandIn::of(Card {
        behaviour: "STUCK",
        ..CARD
    });
    let meter = stuck.meter(None);
    assert!(report(&meter).reason.unwrap().contains("did not move"));
    let row = only(window(&meter, 0.3).0);
    refused(&row, "stood at 4711 mJ");
    assert_eq!(row.readings.len(), 2);
    let backwards = StandIn::of(Card {
        behaviour: "BACKWARDS",
        ..CARD
    });
    refused(&only(window(&backwards.meter(None), 0.3).0), "backwards");
    let zero = StandIn::of(Card {
        behaviour: "ZERO",
        ..CARD
    });
    refused(&only(window(&zero.meter(None), 0.1).0), "reads 0");
    let maximum = StandIn::of(Card {
        behaviour: "MAXIMUM",
        ..CARD
    });
    refused(&only(window(&maximum.meter(None), 0.1).0), "type's maximum");
}

#[test]
fn a_window_below_two_ticks_gives_no_figure() {
    let slow = StandIn::of(Card { tick: 0.1, ..CARD });
    let meter = slow.meter(None);
    let row = only(window(&meter, 0.05).0);
    refused(&row, "shorter than two of the counter's ticks");
    assert!(
        row.remedy
            .as_deref()
            .is_some_and(|remedy| remedy.contains("longer window"))
    );
}

#[test]
fn a_tick_too_slow_to_be_seen_is_said() {
    let slow = StandIn::of(Card { tick: 0.4, ..CARD });
    let meter = slow.meter(None);
    refused(
        &only(window(&meter, 0.5).0),
        "no tick of the counter was seen",
    );
    let row = only(window(&meter, 1.3).0);
    assert_eq!(
        (row.status, row.joules_low, row.tick_seconds),
        (Status::Measured, None, None)
    );
    assert!(row.joules.is_some_and(|joules| joules > 0.0));
    assert!(
        row.reason
            .as_deref()
            .is_some_and(|reason| reason.contains("not known")),
        "{row:?}"
    );
}

#[test]
fn a_card_lost_within_the_window_gives_no_figure() {
    let stand_in = StandIn::of(Card {
        behaviour: "LOST",
        ..CARD
    });
    let row = only(window(&stand_in.meter(None), 1.2).0);
    refused(&row, "lost within the window");
    refused(&row, "fallen off the bus");
}

#[test]
fn why_a_card_has_no_counter_is_told_apart() {
    let none = Card {
        energy: NOT_SUPPORTED,
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
    assert!(row.remedy.is_some());
    let old = StandIn::with(&[CARD], &["-DENERGY_ABSENT"]);
    let row = only(window(&old.meter(None), 0.1).0);
    refused(&row, "too old");
    assert!(
        row.remedy
            .as_deref()
            .is_some_and(|remedy| remedy.contains("newer NVIDIA driver"))
    );
}

#[test]
fn a_card_split_by_mig_is_shared() {
    let stand_in = StandIn::of(Card { mig: 1, ..CARD });
    let meter = stand_in.meter(Some(&discrete(Some("0000:01:00.0"))));
    assert_eq!(report(&meter).status, Status::Shared);
    let row = only(window(&meter, 0.3).0);
    assert_eq!(row.status, Status::Shared);
    assert!(row.joules.is_some_and(|joules| joules > 0.0) && row.joules_low.is_some());
    assert_eq!(row.measured(), None, "shared joules are not this run's");
    assert!(
        row.reason
            .as_deref()
            .is_some_and(|reason| reason.contains("every instance"))
    );
    assert_eq!(serde_json::to_value(&row).unwrap()["status"], "shared");
    // MIG that is off takes nothing away.
    let off = StandIn::of(Card { mig: 0, ..CARD });
    assert_eq!(report(&off.meter(None)).status, Status::Measured);
}

#[test]
fn what_a_user_may_not_do_comes_with_its_remedy() {
    let denied = |row: &Energy| {
        refused(row, "this user may not");
        assert!(
            row.remedy
                .as_deref()
                .is_some_and(|remedy| remedy.contains("/dev/nvidia")),
            "{row:?}"
        );
    };
    let counter = StandIn::of(Card {
        energy: NO_PERMISSION,
        ..CARD
    });
    denied(&only(window(&counter.meter(None), 0.1).0));
    let handle = StandIn::of(Card {
        handle: NO_PERMISSION,
        ..CARD
    });
    denied(&only(window(&handle.meter(None), 0.1).0));
    // The card that may be the adapter's cannot be looked at: no other is taken for it.
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
    assert_eq!(row.remedy.as_deref(), Some("sudo modprobe nvidia"));
}

#[test]
fn a_missing_or_wrong_library_is_a_row() {
    let options = |path: &Path| MeterOptions {
        selection: Selection::Named("nvml".into()),
        nvml_library: Some(path.to_owned()),
        ..Default::default()
    };
    let absent = Meter::open(&options(Path::new("/nowhere/libnvidia-ml.so.1")), None).unwrap();
    let row = only(window(&absent, 0.05).0);
    refused(&row, "/nowhere/libnvidia-ml.so.1 cannot be loaded");
    assert!(
        row.remedy
            .as_deref()
            .is_some_and(|remedy| remedy.contains("WATTGRAD_NVML"))
    );
    let wrong = StandIn::with(&[CARD], &["-DSHUTDOWN_ABSENT"]);
    refused(&only(window(&wrong.meter(None), 0.05).0), "not NVML");
}

#[test]
fn one_card_can_be_asked_for_by_name() {
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
