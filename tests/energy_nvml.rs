//! NVML through a stand-in library that the test compiles: what a card says, and what the meter makes of it.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wattgrad::energy::{
    Covers, Energy, Grade, Meter, MeterOptions, Method, Scope, Selection, SourceReport, Status,
    Target, TargetKind,
};

const AMPERE: u32 = 7;
const TURING: u32 = 6;
const PASCAL: u32 = 4;
/// PCI device (and vendor) of a chip GA102 and of GA100.
const GA102: u32 = 0x2204_10de;
const GA100: u32 = 0x20b0_10de;
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
    power: i32,
    instant: i32,
    device: u32,
    virtual_mode: i32,
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
    power: 0,
    instant: 0,
    device: GA102,
    virtual_mode: 0,
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
                    tick,
                } = card;
                format!(
                    "{{\"{bus}\",{architecture},{mig},{handle},{energy},{power},{instant},{device},{virtual_mode},\
                     {behaviour},{watts:?},{tick:?}}}"
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
    // The counter of the stand-in shows what was drawn up to its last tick of 4 J, and no more is known at either edge.
    let truth = 200.0 * seconds;
    assert!(
        (joules - truth).abs() <= 2.0 * 4.0,
        "{joules} J in {seconds} s"
    );
    assert!(row.repeatability().unwrap().holds(truth), "{row:?}");
    assert!(row.repeatability().unwrap().half() < 0.05 * truth);
    let (low, high) = (row.absolute_low.unwrap(), row.absolute_high.unwrap());
    assert!(
        low <= truth * 0.91 && high >= truth * 1.09,
        "{low} to {high}"
    );
    let tick = row.tick_seconds.unwrap();
    assert!((0.018..0.03).contains(&tick), "{tick}");
    assert_eq!(row.grade, Some(Grade::B), "uncalibrated");
    assert_eq!(row.measured().unwrap().joules(), joules);
    assert_eq!(row.assumed(), None);
    // The record holds the readings of both rolls, from which the figure can be computed again.
    let (first, last) = (row.readings[0], row.readings[row.readings.len() - 1]);
    assert!(last.at.monotonic - first.at.monotonic > seconds);
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
    assert!(row.readings.len() > 2);
    let backwards = StandIn::of(Card {
        behaviour: "BACKWARDS",
        ..CARD
    });
    refused(&only(window(&backwards.meter(None), 0.3).0), "backwards");
    let dark = Card {
        power: NOT_SUPPORTED,
        instant: NOT_SUPPORTED,
        ..CARD
    };
    let zero = StandIn::of(Card {
        behaviour: "ZERO",
        ..dark.clone()
    });
    refused(&only(window(&zero.meter(None), 0.1).0), "reads 0");
    let maximum = StandIn::of(Card {
        behaviour: "MAXIMUM",
        ..dark
    });
    refused(&only(window(&maximum.meter(None), 0.1).0), "type's maximum");
}

#[test]
fn a_window_below_a_tick_gives_no_figure() {
    let slow = StandIn::of(Card { tick: 0.1, ..CARD });
    let meter = slow.meter(None);
    let row = only(window(&meter, 0.03).0);
    refused(&row, "too few of the instrument's ticks");
    assert!(
        row.remedy
            .as_deref()
            .is_some_and(|remedy| remedy.contains("longer window"))
    );
}

#[test]
fn a_slow_tick_makes_a_wide_interval() {
    let slow = StandIn::of(Card { tick: 0.4, ..CARD });
    let row = only(window(&slow.meter(None), 1.7).0);
    let truth = 200.0 * row.seconds.unwrap();
    let interval = row.repeatability().unwrap();
    assert!(interval.holds(truth), "{truth} J: {row:?}");
}

#[test]
fn slow_reads_lie_within_the_interval() {
    let slow = StandIn::with(&[CARD], &["-DLATENCY=0.005"]);
    let row = only(window(&slow.meter(None), 1.0).0);
    let truth = 200.0 * row.seconds.unwrap();
    assert!(row.repeatability().unwrap().holds(truth), "{row:?}");
    assert!(
        row.readings
            .iter()
            .all(|reading| reading.read_seconds >= 0.005)
    );
}

#[test]
fn a_counter_that_fails_midway_gives_way_to_power() {
    let faults = [
        ("STICKS", "it has stopped"),
        ("REVERSES", "backwards"),
        ("ZEROES", "reads 0"),
        ("CONSTANT", "backwards"),
        ("UNDERFLOWS", "jumped"),
        ("FORBIDDEN", "this user may not"),
    ];
    for (behaviour, with) in faults {
        let stand_in = StandIn::of(Card {
            behaviour,
            architecture: TURING,
            ..CARD
        });
        let rows = window(&stand_in.meter(None), 2.0).0;
        assert_eq!(rows.len(), 2, "{behaviour}: {rows:?}");
        refused(&rows[0], with);
        assert_eq!(
            (rows[0].method, rows[1].method),
            (Method::Counter, Method::IntegratedPower)
        );
        assert_eq!(
            (rows[1].source.as_str(), rows[1].status),
            ("nvml:0", Status::Measured)
        );
        let truth = 200.0 * rows[1].seconds.unwrap();
        let joules = rows[1].joules.unwrap();
        assert!((joules / truth - 1.0).abs() < 0.02, "{joules} for {truth}");
        assert!(rows[1].repeatability().unwrap().holds(truth));
        assert_eq!(rows[1].grade, Some(Grade::C), "uncalibrated power");
    }
}

#[test]
fn a_card_that_goes_midway_takes_both_with_it() {
    for (behaviour, with, remedy) in [
        ("UNLOADED", "driver is not loaded", "sudo modprobe nvidia"),
        ("LOST", "fallen off the bus", "restart the machine"),
    ] {
        let stand_in = StandIn::of(Card {
            behaviour,
            architecture: TURING,
            ..CARD
        });
        let row = only(window(&stand_in.meter(None), 2.0).0);
        refused(&row, "lost within the window");
        refused(&row, with);
        assert_eq!(row.remedy.as_deref(), Some(remedy));
        assert!(!row.readings.is_empty());
    }
}

#[test]
fn a_counter_that_is_zero_from_the_start_leaves_power() {
    let stand_in = StandIn::of(Card {
        behaviour: "ZERO",
        architecture: TURING,
        ..CARD
    });
    let rows = window(&stand_in.meter(None), 1.2).0;
    refused(&rows[0], "reads 0");
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!(
        (rows[1].method, rows[1].status),
        (Method::IntegratedPower, Status::Measured)
    );
}

#[test]
fn a_counter_far_from_its_power_is_graded_down() {
    let stand_in = StandIn::with(
        &[Card {
            architecture: TURING,
            ..CARD
        }],
        &["-DMILLIWATTS=(150000+ticks(device)%2)"],
    );
    let row = only(window(&stand_in.meter(None), 1.5).0);
    assert_eq!((row.status, row.grade), (Status::Measured, Some(Grade::C)));
    assert!(
        row.notes.iter().any(|note| note.contains("disagree by +3")),
        "{:?}",
        row.notes
    );
}

#[test]
fn a_card_that_gives_power_only_is_integrated() {
    let power_only = |architecture, device| Card {
        energy: NOT_SUPPORTED,
        instant: NOT_SUPPORTED,
        architecture,
        device,
        ..CARD
    };
    let old = StandIn::of(power_only(PASCAL, 0x1b06_10de));
    let meter = old.meter(None);
    let told = report(&meter);
    assert_eq!(
        (told.status, told.method),
        (Status::Measured, Method::IntegratedPower)
    );
    assert!(told.reason.unwrap().contains("older than Volta"));
    let row = only(window(&meter, 1.5).0);
    assert_eq!(
        (row.source.as_str(), row.method, row.status),
        ("nvml:0", Method::IntegratedPower, Status::Measured)
    );
    let truth = 200.0 * row.seconds.unwrap();
    assert!(row.repeatability().unwrap().holds(truth), "{row:?}");
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
    refused(&row, "ten of the 1.000 s over which the sensor averages");
    assert!(row.notes.iter().any(|note| note.contains("laptop card")));
    let a100 = StandIn::of(power_only(AMPERE, GA100));
    let row = only(window(&a100.meter(None), 1.5).0);
    assert_eq!(row.status, Status::Measured, "{row:?}");
}

#[test]
fn power_that_is_no_figure_is_no_sensor() {
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

#[test]
fn the_cards_state_is_kept_beside_the_figure() {
    let row = only(window(&StandIn::of(CARD).meter(None), 0.3).0);
    assert_eq!(row.conditions.len(), 2, "before and after");
    for state in &row.conditions {
        assert_eq!((state.core_mhz, state.memory_mhz), (Some(1410), Some(9501)));
        assert_eq!(
            (state.celsius, state.limit_watts),
            (Some(71.0), Some(285.0))
        );
        assert_eq!(
            state.throttled_by,
            ["SW power cap", "SW thermal slowdown"],
            "an idle card is not held down"
        );
        assert_eq!(
            (
                state.power_violation_seconds,
                state.thermal_violation_seconds
            ),
            (Some(2.5), Some(0.125))
        );
    }
}

#[test]
fn another_process_on_the_card_makes_it_shared() {
    // Process 1 is never this one's child.
    let other = StandIn::with(&[CARD], &["-DGRAPHICS=1"]);
    let target = discrete(Some("0000:01:00.0"));
    let row = only(window(&other.meter(Some(&target)), 0.3).0);
    assert_eq!(row.status, Status::Shared, "{row:?}");
    assert!(row.joules.is_some() && row.joules_low.is_some());
    assert!(row.reason.unwrap().contains("process 1 uses the card too"));
    assert_eq!(report(&other.meter(Some(&target))).status, Status::Shared);
    // Whoever asks for the card itself, and not for a run's adapter, is given it.
    let row = only(window(&other.meter(None), 0.3).0);
    assert_eq!((row.status, row.reason), (Status::Measured, None));
    // This process and what it starts are the run.
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let own = format!("-DCOMPUTE={},{}", std::process::id(), child.id());
    let row = only(window(&StandIn::with(&[CARD], &[&own]).meter(Some(&target)), 0.3).0);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(row.status, Status::Measured, "{row:?}");
}

#[test]
fn why_a_card_has_no_counter_is_told_apart() {
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
    assert!(row.remedy.is_some());
    let dark = Card {
        power: NOT_SUPPORTED,
        instant: NOT_SUPPORTED,
        ..CARD
    };
    let old = StandIn::with(&[dark], &["-DENERGY_ABSENT"]);
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
    // So is one that a host splits by vGPU (mode 3), or that is such a part (2); all of it passed through (1) is not.
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
