//! A process that works on a made-up study: this test program, run again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wattgrad::internals::study::store::{HostLock, Identity, LeaseTimes, RunId, Runner, State};

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

/// What the run `id` comes to: long enough to be cut in two, and a function of the run alone.
pub fn payload(id: &str) -> Value {
    let bytes = id.bytes().cycle().take(20_000);
    let sum: u64 = bytes.clone().zip(1..).map(|(b, i)| u64::from(b) * i).sum();
    json!({ "run": id, "sum": sum, "text": String::from_utf8(bytes.collect()).unwrap() })
}

/// What a worker is to do.
#[derive(Clone)]
pub struct Task {
    pub folder: PathBuf,
    /// Where every worker of a test writes what it begins and ends.
    pub trace: PathBuf,
    pub runs: usize,
    /// A run takes so long.
    pub work: Duration,
    pub times: LeaseTimes,
    /// The folder of a host lock to hold while a run lasts.
    pub lock: Option<PathBuf>,
    /// A name of the host of its own.
    pub host: Option<&'static str>,
}

impl Task {
    /// A study of `runs` short runs in the folder `study` of `folder`.
    pub fn new(folder: &Path, runs: usize) -> Self {
        Self {
            folder: folder.join("study"),
            trace: folder.join("trace"),
            runs,
            work: Duration::from_millis(10),
            times: LeaseTimes {
                lease: Duration::from_millis(600),
                renew: Duration::from_millis(150),
            },
            lock: None,
            host: None,
        }
    }

    pub fn work(&self, milliseconds: u64) -> Self {
        let work = Duration::from_millis(milliseconds);
        Self {
            work,
            ..self.clone()
        }
    }

    pub fn host(&self, host: &'static str) -> Self {
        let host = Some(host);
        Self {
            host,
            ..self.clone()
        }
    }

    pub fn start(&self) -> Worker {
        let mut command = match self.host {
            None => Command::new(std::env::current_exe().unwrap()),
            Some(host) => {
                let mut command = under(host);
                command.arg(std::env::current_exe().unwrap());
                command
            }
        };
        let task = json!({
            "folder": self.folder, "trace": self.trace, "runs": self.runs, "lock": self.lock,
            "work": self.work.as_millis() as u64, "lease": self.times.lease.as_millis() as u64,
            "renew": self.times.renew.as_millis() as u64,
        });
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

/// What runs a program on this kernel under another host name.
pub fn under(host: &str) -> Command {
    let root =
        fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
    let mut command = Command::new("unshare");
    command.arg(if root { "-u" } else { "-Uru" }).args([
        "sh",
        "-c",
        "hostname \"$0\" && exec \"$@\"",
        host,
    ]);
    command
}

/// A worker, which is killed at the latest when the test ends.
pub struct Worker(pub Child);

impl Worker {
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: a signal to a child that has not been waited for.
        assert_eq!(unsafe { libc::kill(self.0.id() as i32, signal) }, 0);
    }

    /// SIGKILL; whether it still ran.
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

/// The worker's side: runs of the study until none is left.
pub fn work() {
    let task: Value = serde_json::from_str(&std::env::var(TASK).unwrap()).unwrap();
    let path = |key: &str| task[key].as_str().map(PathBuf::from);
    let milliseconds = |key: &str| Duration::from_millis(task[key].as_u64().unwrap());
    let mut trace = File::options()
        .create(true)
        .append(true)
        .open(path("trace").unwrap())
        .unwrap();
    let mut say = |what: &str, run: &str| {
        let line = format!("{what} {run} {}\n", std::process::id());
        trace.write_all(line.as_bytes()).unwrap();
    };
    let identity = identity(task["runs"].as_u64().unwrap() as usize);
    let times = LeaseTimes {
        lease: milliseconds("lease"),
        renew: milliseconds("renew"),
    };
    let runner = Runner::create_or_open(&path("folder").unwrap(), &identity, &times).unwrap();
    loop {
        let Some(mut claim) = runner.claim_next(&identity.runs).unwrap() else {
            let states = runner.states().unwrap();
            if states.iter().all(|(_, state)| *state == State::Done) {
                return;
            }
            sleep(Duration::from_millis(20));
            continue;
        };
        let run = claim.run().to_string();
        let lock = path("lock").map(|folder| {
            say("wait", &run);
            HostLock::wait_in(&folder, "test", |_| true).unwrap()
        });
        say("begin", &run);
        sleep(milliseconds("work"));
        say("end", &run);
        drop(lock);
        claim.finish("reached", &payload(&run)).unwrap();
        say(if claim.lost() { "lost" } else { "kept" }, &run);
    }
}

/// The records in a folder as the files say, read without the store: run, payload and host.
pub fn records(folder: &Path) -> BTreeMap<String, (Value, String)> {
    let mut records = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let run = file["run"].as_str().unwrap().to_owned();
        let host = file["host"].as_str().unwrap().to_owned();
        records.insert(run, (file["payload"].clone(), host));
    }
    records
}

/// Each run of the study once, with what it comes to, and nothing else left in the folder.
pub fn assert_complete(task: &Task) {
    let names = |folder: &str| {
        let mut names: Vec<String> = fs::read_dir(task.folder.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let plan: Vec<String> = (0..task.runs)
        .map(|number| id(number).to_string())
        .collect();
    let files: Vec<String> = plan.iter().map(|run| format!("{run}.json")).collect();
    assert_eq!(names("runs"), files);
    let records = records(&task.folder.join("runs"));
    for run in &plan {
        assert_eq!(records[run].0, payload(run), "{run}");
    }
    for folder in ["leases", "locks"] {
        assert_eq!(names(folder), Vec::<String>::new(), "{folder}");
    }
    // Each line of the journal by itself; of every run one says that it is finished.
    let journal = fs::read_to_string(task.folder.join("journal.jsonl")).unwrap();
    let mut finished: Vec<String> = journal
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["event"] == "finished")
        .map(|line| line["run"].as_str().unwrap().to_owned())
        .collect();
    finished.sort();
    assert_eq!(finished, plan);
}
