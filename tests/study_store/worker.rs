//! A process that works on a made-up study: this test program, run again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wattgrad::internals::study::store::{HostLock, Identity, RunId, Store};
use wattgrad::internals::study::{Outcome, Purpose, RunRecord, SCHEMA};

const TASK: &str = "WATTGRAD_TEST_STORE";

pub fn id(number: usize) -> RunId {
    RunId::new(format!("lr=0.{number:03}@1")).unwrap()
}

/// A study of `runs` runs.
pub fn identity(runs: usize) -> Identity {
    Identity {
        name: "made-up".to_owned(),
        meaning: json!({ "base": { "lr": 0.1, "model": "mlp" }, "runs": runs }),
        text: "# made up\n".to_owned(),
        runs: (0..runs).map(id).collect(),
    }
}

/// The record of the run `id`: long enough to be cut in two, and a function of the run alone.
pub fn record(id: &RunId) -> RunRecord {
    RunRecord {
        schema: SCHEMA,
        id: id.to_string(),
        cell: "lr".to_owned(),
        seed: 1,
        purpose: Purpose::Main,
        outcome: Outcome::Failed,
        search: None,
        error: Some(id.as_str().repeat(2000)),
        overlap: false,
        record: None,
    }
}

/// The task of a worker.
#[derive(Clone)]
pub struct Task {
    pub folder: PathBuf,
    /// The file in which every worker of a test records what it begins and ends.
    pub trace: PathBuf,
    pub runs: usize,
    /// Duration of a run.
    pub work: Duration,
    /// Folder of a host lock to hold during a run.
    pub lock: Option<PathBuf>,
}

impl Task {
    /// A study of `runs` short runs in the folder `study` of `folder`.
    pub fn new(folder: &Path, runs: usize) -> Self {
        Self {
            folder: folder.join("study"),
            trace: folder.join("trace"),
            runs,
            work: Duration::from_millis(10),
            lock: None,
        }
    }

    pub fn work(&self, milliseconds: u64) -> Self {
        let work = Duration::from_millis(milliseconds);
        Self {
            work,
            ..self.clone()
        }
    }

    pub fn start(&self) -> Worker {
        let task = json!({
            "folder": self.folder, "trace": self.trace, "runs": self.runs, "lock": self.lock,
            "work": self.work.as_millis() as u64,
        });
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "worker", "--ignored", "--nocapture"])
            .env(TASK, task.to_string())
            .stdout(Stdio::null());
        Worker(command.spawn().unwrap())
    }

    /// Lines of the trace: the event, the run, the process.
    pub fn events(&self) -> Vec<(String, String, u32)> {
        let text = fs::read_to_string(&self.trace).unwrap_or_default();
        text.lines()
            .map(|line| {
                let words: Vec<&str> = line.split(' ').collect();
                (
                    words[0].to_owned(),
                    words[1].to_owned(),
                    words[2].parse().unwrap(),
                )
            })
            .collect()
    }

    /// Waits until the trace has `count` events of a name.
    pub fn wait_for(&self, name: &str, count: usize) {
        let began = Instant::now();
        while self.events().iter().filter(|event| event.0 == name).count() < count {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "no {name}: {:?}",
                self.events()
            );
            sleep(Duration::from_millis(2));
        }
    }
}

/// A worker, which is killed when the test ends.
pub struct Worker(pub Child);

impl Worker {
    pub fn signal(&self, signal: i32) {
        // SAFETY: a signal to a child that has not been waited for.
        assert_eq!(unsafe { libc::kill(self.0.id() as i32, signal) }, 0);
    }

    /// Sends SIGKILL; returns whether it was still running.
    pub fn kill(mut self) -> bool {
        let ran = self.0.try_wait().unwrap().is_none();
        self.0.kill().unwrap();
        self.0.wait().unwrap();
        ran
    }

    pub fn finish(mut self) {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < Duration::from_secs(90), "a worker hangs");
            sleep(Duration::from_millis(5));
        };
        assert!(status.success(), "{status}");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The worker's side: makes runs of the study until all are done.
pub fn work() {
    let task: Value = serde_json::from_str(&std::env::var(TASK).unwrap()).unwrap();
    let path = |key: &str| task[key].as_str().map(PathBuf::from);
    let mut trace = File::options()
        .create(true)
        .append(true)
        .open(path("trace").unwrap())
        .unwrap();
    let mut say = |what: &str, run: &RunId| {
        let line = format!("{what} {run} {}\n", std::process::id());
        trace.write_all(line.as_bytes()).unwrap();
    };
    let identity = identity(task["runs"].as_u64().unwrap() as usize);
    let store = Store::create_or_open(&path("folder").unwrap(), &identity).unwrap();
    while store.done().unwrap().len() < identity.runs.len() {
        let Some(mut claim) = store.claim_next(&identity.runs).unwrap() else {
            sleep(Duration::from_millis(20));
            continue;
        };
        let run = claim.run().clone();
        let lock = path("lock").map(|folder| {
            say("wait", &run);
            HostLock::wait_in(&folder, "test", |_| true).unwrap()
        });
        say("begin", &run);
        sleep(Duration::from_millis(task["work"].as_u64().unwrap()));
        say("end", &run);
        drop(lock);
        claim.save(&record(&run)).unwrap();
        say("saved", &run);
    }
}

/// The records in a folder, read without the store.
pub fn records(folder: &Path) -> BTreeMap<String, RunRecord> {
    let files = fs::read_dir(folder).unwrap();
    files
        .map(|entry| {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            let record: RunRecord = serde_json::from_slice(&bytes).unwrap();
            (record.id.clone(), record)
        })
        .collect()
}

/// Each run of the study has its record, and nothing else is left in the folder.
pub fn assert_complete(task: &Task) {
    let names = |folder: &str| {
        let mut names: Vec<String> = fs::read_dir(task.folder.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let plan: Vec<RunId> = (0..task.runs).map(id).collect();
    let files: Vec<String> = plan.iter().map(|run| format!("{run}.json")).collect();
    assert_eq!(names("runs"), files);
    let records = records(&task.folder.join("runs"));
    for run in &plan {
        assert_eq!(records[run.as_str()], record(run), "{run}");
    }
    for folder in ["interrupted", "duplicates", "damaged"] {
        assert_eq!(names(folder), Vec::<String>::new(), "{folder}");
    }
    assert_eq!(
        Store::open(&task.folder).unwrap().runs().unwrap().altered,
        []
    );
}
