//! Criterion in joules, with the stand-in NVML library, whose counter adds the joules of each call.
#![cfg(unix)]

use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wattgrad::criterion::{Joules, JoulesError, Settings};
use wattgrad::internals::energy::{MeterOptions, Method, Selection};

/// Idle power of the card, so that its counter never stops; it is negligible beside the joules of a call.
const WATTS: f64 = 0.2;
/// The joules of a call.
const JOULES: f64 = 1.0;
const PERIOD: Duration = Duration::from_millis(5);
/// Set for the process that loses its card; criterion's output goes to the folder it names.
const LOSES: &str = "CRITERION_JOULES_LOSES";

/// A card of this behaviour that updates every 20 ms.
fn library(folder: &TempDir, behaviour: &str, define: &str) -> PathBuf {
    let library = folder.path().join("libnvidia-ml.so.1");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stand_in/nvml.c");
    let card = format!(
        "{{\"00000000:01:00.0\",7,-1,0,0,0,0,{},0,{behaviour},{WATTS:?},0.02}}",
        0x2204_10de_u32
    );
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .args([format!("-DCARDS={card}"), define.to_owned()])
        .arg(source)
        .status()
        .expect("a C compiler `cc`, which linking Rust needs as well");
    assert!(status.success(), "the stand-in library does not compile");
    library
}

fn options(library: PathBuf) -> MeterOptions {
    MeterOptions {
        selection: Selection::Named("nvml".into()),
        nvml_library: Some(library),
        ..Default::default()
    }
}

const SHORT: Settings = Settings {
    warm_up_seconds: 0.05,
    window_seconds: 0.4,
    windows: 10,
};

/// The stand-in's card, which adds joules on request.
struct Card(extern "C" fn(f64));

impl Card {
    /// Of the library that the meter opens.
    fn of(library: &Path) -> Self {
        let path = CString::new(library.to_str().unwrap()).unwrap();
        // SAFETY: the library is the stand-in, which stays open, and its function has this signature.
        unsafe {
            let library = libc::dlopen(path.as_ptr(), libc::RTLD_NOW);
            assert!(!library.is_null());
            let function = libc::dlsym(library, c"stand_in_takes".as_ptr());
            assert!(!function.is_null());
            Self(std::mem::transmute::<*mut libc::c_void, extern "C" fn(f64)>(function))
        }
    }

    /// A call of a period, or longer where the machine wakes it late, of [`JOULES`] whatever it lasts.
    fn call(&self) {
        sleep(PERIOD);
        (self.0)(JOULES);
    }
}

/// Benchmarks calls of the card in `library`; criterion saves its output under `folder`.
fn bench(joules: &Joules, library: &Path, folder: &Path) {
    let card = Card::of(library);
    let mut criterion = joules.criterion().output_directory(folder);
    let mut group = joules.group(&mut criterion, "step");
    // By default criterion resamples 100000 times, which takes longer than the windows.
    group.nresamples(2000);
    let mut metered = joules.metered("paced");
    group.bench_function(metered.id(), |bencher| {
        metered.iter(bencher, || card.call())
    });
    group.finish();
}

/// The files of the name below the folder.
fn find(folder: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(find(&path, name));
        } else if path.file_name().is_some_and(|file| file == name) {
            found.push(path);
        }
    }
    found
}

#[test]
fn measures_the_joules_of_a_closure() {
    let folder = tempfile::tempdir().unwrap();
    let library = library(&folder, "WORKED", "-DPLAIN");
    let options = options(library.clone());
    let joules = Joules::open(&options, None, SHORT).unwrap();
    assert_eq!(
        (joules.source(), joules.method()),
        ("nvml:0", Method::Counter)
    );
    assert_eq!(joules.id("mlp"), "mlp [nvml]");
    let out = tempfile::tempdir().unwrap();
    bench(&joules, &library, out.path());

    let saved = find(out.path(), "sample.json");
    let saved = saved
        .iter()
        .find(|path| path.parent().is_some_and(|p| p.ends_with("new")));
    let saved = saved.expect("criterion saves a sample");
    assert!(
        saved.to_string_lossy().contains("paced [nvml]"),
        "{saved:?}"
    );
    let sample: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(saved).unwrap()).unwrap();
    let numbers = |name: &str| -> Vec<f64> {
        let list = sample[name].as_array().unwrap();
        list.iter().map(|number| number.as_f64().unwrap()).collect()
    };
    let (iterations, joules) = (numbers("iters"), numbers("times"));
    assert_eq!(joules.len(), 10);
    // Flat samples; their number of iterations depends on the time of the one warm-up call.
    assert!(
        iterations.iter().all(|n| *n >= 1.0 && *n == iterations[0]),
        "{iterations:?}"
    );
    let each: Vec<f64> = joules.iter().zip(&iterations).map(|(j, n)| j / n).collect();
    let mean = each.iter().sum::<f64>() / each.len() as f64;
    assert!(
        (mean / JOULES - 1.0).abs() < 0.02,
        "{mean} J beside {JOULES} J"
    );
    assert!(each.windows(2).any(|pair| pair[0] != pair[1]), "{each:?}");
}

#[test]
fn lists_the_reasons_without_a_source() {
    let options = options(PathBuf::from("/nowhere/libnvidia-ml.so.1"));
    let why = Joules::open(&options, None, SHORT).err().unwrap();
    assert!(matches!(why, JoulesError::NoSource { .. }), "{why:?}");
    let text = why.to_string();
    assert!(
        text.starts_with("no energy source is available: nvml ("),
        "{text}"
    );
    assert!(!text.contains('\n'), "{text}");
}

#[test]
fn marks_assumed_joules_in_the_id() {
    let options = MeterOptions {
        selection: Selection::Named("cpu-time".into()),
        assume_watts_per_core: Some(10.0),
        ..Default::default()
    };
    let joules = Joules::open(&options, None, SHORT).unwrap();
    assert_eq!(joules.id("sum"), "sum [assumed]");
    let out = tempfile::tempdir().unwrap();
    let mut criterion = joules.criterion().output_directory(out.path());
    let mut group = joules.group(&mut criterion, "host");
    group.nresamples(2000);
    let mut metered = joules.metered("spin");
    group.bench_function(metered.id(), |bencher| {
        metered.iter(bencher, || {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(1) {}
        });
    });
    group.finish();
    let saved = find(out.path(), "estimates.json");
    let text = std::fs::read_to_string(saved.first().expect("a report")).unwrap();
    let estimates: serde_json::Value = serde_json::from_str(&text).unwrap();
    let joules = estimates["mean"]["point_estimate"].as_f64().unwrap();
    // 10 W on one core for 1 ms are 10 mJ; on a busy machine the core is had for a part of it, beside other tests of
    // this process more.
    assert!((0.001..0.05).contains(&joules), "{joules}");
}

#[test]
fn saves_nothing_if_the_card_is_lost() {
    let out = tempfile::tempdir().unwrap();
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "loses_its_card", "--nocapture", "--ignored"])
        .env(LOSES, out.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(1), "{text}");
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert!(
        lines[0].contains("paced [nvml]") && lines[0].contains("lost during the window"),
        "{text}"
    );
    assert!(find(out.path(), "sample.json").is_empty());
}

#[test]
#[ignore = "the other process of saves_nothing_if_the_card_is_lost"]
fn loses_its_card() {
    let Some(out) = std::env::var_os(LOSES) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let library = library(&folder, "LOST", "-DFAULT_AT=2.5");
    let options = options(library.clone());
    let joules = Joules::open(&options, None, SHORT).unwrap();
    bench(&joules, &library, Path::new(&out));
    // Exit code 101, not 1.
    panic!("the card was not lost");
}

#[test]
fn rejects_invalid_window_seconds() {
    for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let settings = Settings {
            window_seconds: seconds,
            ..SHORT
        };
        let why = Joules::open(&MeterOptions::default(), None, settings);
        assert!(
            matches!(why.err(), Some(JoulesError::Seconds { .. })),
            "{seconds}"
        );
    }
}
