//! `wattgrad study submit --slurm`: against stand-ins of Slurm's programs, and on a Slurm of one node that the test starts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::namespace::skip::skipped;
use super::{RUNS, STUDY, folder, output, printed, records, run, wattgrad};

/// Programs that answer with the content of files beside them.
struct StandIn(tempfile::TempDir);

impl StandIn {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["sbatch", "squeue", "sacct"] {
            let path = folder.path().join(name);
            let here = folder.path().display();
            let script = format!(
                "#!/bin/sh\necho \"$@\" >> '{here}/{name}.asked'\ncat '{here}/{name}.says'\ncat '{here}/{name}.complains' >&2\n[ ! -s '{here}/{name}.complains' ]\n"
            );
            fs::write(&path, script).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            let stand_in = Self::says;
            stand_in(folder.path(), name, "", "");
        }
        Self(folder)
    }

    fn says(folder: &Path, name: &str, output: &str, complaint: &str) {
        fs::write(folder.join(format!("{name}.says")), output).unwrap();
        fs::write(folder.join(format!("{name}.complains")), complaint).unwrap();
    }

    fn answer(&self, name: &str, output: &str, complaint: &str) {
        Self::says(self.0.path(), name, output, complaint);
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", self.0.path().display());
        wattgrad(arguments).env("PATH", path).output().unwrap()
    }
}

fn parsed(output: &Output) -> Value {
    assert!(output.status.success(), "{}", printed(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_submitted_study_is_watched_and_what_is_left_is_submitted_again() {
    let (_folder, file, out) = folder();
    let text = format!("{STUDY}[slurm]\ntasks = 3\npartition = \"gpu\"\nmodules = [\"cuda/12\"]\n");
    fs::write(&file, text).unwrap();
    let slurm = StandIn::new();
    let at = out.to_str().unwrap();
    let submit = ["study", "submit", &file, "--slurm", "--out", at];

    let script = slurm.run(&[&submit[..], &["--print", "--", "--overlap"]].concat());
    let script = printed(&script);
    for part in [
        "#SBATCH --array=1-3\n",
        "#SBATCH --partition=gpu\n",
        "module load cuda/12\n",
        " --overlap\n",
    ] {
        assert!(script.contains(part), "{part}: {script}");
    }
    assert!(!out.exists(), "--print writes nothing");

    slurm.answer("sbatch", "", "invalid partition specified: gpu\n");
    let refused = slurm.run(&submit);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        printed(&refused).contains("invalid partition"),
        "{}",
        printed(&refused)
    );

    slurm.answer("sbatch", "77;cluster\n", "");
    let job = parsed(&slurm.run(&[&submit[..], &["--json"]].concat()));
    assert_eq!(
        (&job["job"]["id"], &job["schema"], &job["shards"]),
        (&"77".into(), &1.into(), &3.into())
    );
    assert!(
        fs::read_to_string(out.join("job.sh"))
            .unwrap()
            .contains("study run")
    );

    // One task runs, one waits, and Slurm has forgotten the third in squeue.
    slurm.answer(
        "squeue",
        "77_1|RUNNING|n1|None\n77_2|PENDING||Resources\n",
        "",
    );
    slurm.answer("sacct", "77_1|RUNNING|n1|None\n77_3|TIMEOUT|n2|None\n", "");
    let status = parsed(&slurm.run(&["study", "status", at, "--json"]));
    assert_eq!(
        (&status["schema"], &status["runs"], &status["done"]),
        (&1.into(), &RUNS.into(), &0.into())
    );
    let states: Vec<&str> = status["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["running", "pending", "timeout"]);
    assert_eq!(status["tasks"][1]["reason"], "Resources");
    let text = printed(&slurm.run(&["study", "status", at]));
    assert!(
        text.contains("pending (Resources)") && text.contains("1 task has ended"),
        "{text}"
    );
    let again = slurm.run(&submit);
    assert_eq!(again.status.code(), Some(2));
    assert!(
        printed(&again).contains("task 1 of job 77 is running"),
        "{}",
        printed(&again)
    );

    // The second shard is done; the others are submitted again.
    let shard = out.join("shard-2");
    let ended = output(&[
        "study",
        "run",
        &file,
        "--shard",
        "2/3",
        "--out",
        shard.to_str().unwrap(),
    ]);
    assert!(ended.status.success(), "{}", printed(&ended));
    slurm.answer(
        "squeue",
        "",
        "slurm_load_jobs error: Invalid job id specified\n",
    );
    slurm.answer(
        "sacct",
        "77_1|NODE_FAIL|n1|None\n77_3|TIMEOUT|n2|None\n",
        "",
    );
    slurm.answer("sbatch", "78\n", "");
    let job = parsed(&slurm.run(&[&submit[..], &["--json"]].concat()));
    assert_eq!(job["job"]["tasks"], serde_json::json!([1, 3]));
    let other = slurm.run(&[&submit[..], &["--tasks", "4"]].concat());
    assert!(
        printed(&other).contains("their number cannot change"),
        "{}",
        printed(&other)
    );

    // Without squeue nobody knows whether the last job has ended.
    slurm.answer(
        "squeue",
        "",
        "slurm_load_jobs error: Unable to contact slurm controller\n",
    );
    let blind = slurm.run(&submit);
    assert_eq!(blind.status.code(), Some(1));
    assert!(
        printed(&blind).contains("Unable to contact"),
        "{}",
        printed(&blind)
    );
    // The folder stands for those of its shards.
    let report = output(&["report", at]);
    assert!(report.status.success(), "{}", printed(&report));
}

#[test]
fn mistakes_in_the_slurm_table_are_reported_with_their_place() {
    let (_folder, file, out) = folder();
    for (line, part) in [
        ("tasks = 0", "tasks"),
        ("partition = 3", "partition"),
        ("options = [\"exclusive\"]", "start it with a dash"),
        ("queue = \"x\"", "queue"),
        ("time = \"1:00\\n\"", "line break"),
    ] {
        fs::write(&file, format!("{STUDY}[slurm]\n{line}\n")).unwrap();
        let refused = output(&[
            "study",
            "submit",
            &file,
            "--slurm",
            "--print",
            "--out",
            out.to_str().unwrap(),
        ]);
        assert_eq!(
            refused.status.code(),
            Some(2),
            "{line}: {}",
            printed(&refused)
        );
        assert!(
            printed(&refused).contains(part),
            "{line}: {}",
            printed(&refused)
        );
    }
    assert_eq!(output(&["study", "submit", &file]).status.code(), Some(2));
}

/// A Slurm of one node with two processors.
struct Slurm {
    folder: tempfile::TempDir,
    node: String,
}

impl Slurm {
    /// `None` where its programs are missing, and why.
    fn start() -> Result<Self, String> {
        for program in [
            "munged",
            "slurmctld",
            "slurmd",
            "sbatch",
            "squeue",
            "scontrol",
        ] {
            let found = Command::new("sh")
                .args(["-c", &format!("command -v {program}")])
                .output()
                .unwrap();
            if !found.status.success() {
                return Err(format!(
                    "slurm: {program} is not installed (Debian: slurm-wlm and munge)"
                ));
            }
        }
        // SAFETY: it has no preconditions.
        if unsafe { libc::geteuid() } != 0 {
            return Err("slurm: its daemons need root".into());
        }
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display().to_string();
        for name in ["state", "spool"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("munge.key"), [7u8; 128]).unwrap();
        fs::set_permissions(
            folder.path().join("munge.key"),
            fs::Permissions::from_mode(0o600),
        )
        .unwrap();
        let host = Command::new("hostname").arg("-s").output().unwrap();
        let node = String::from_utf8(host.stdout).unwrap().trim().to_owned();
        let port = || {
            std::net::TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port()
        };
        let (controller, daemon) = (port(), port());
        let config = format!(
            "ClusterName=wattgrad\nSlurmctldHost={node}(127.0.0.1)\nSlurmctldPort={controller}\nSlurmdPort={daemon}\n\
             AuthType=auth/munge\nAuthInfo=socket={at}/munge.sock,cred_expire=20\nCredType=cred/munge\nSlurmUser=root\nSlurmdUser=root\n\
             StateSaveLocation={at}/state\nSlurmdSpoolDir={at}/spool\nSlurmctldPidFile={at}/slurmctld.pid\n\
             SlurmdPidFile={at}/slurmd.pid\nSlurmctldLogFile={at}/slurmctld.log\nSlurmdLogFile={at}/slurmd.log\n\
             ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nSelectType=select/cons_tres\n\
             SelectTypeParameters=CR_CPU\nReturnToService=2\nMpiDefault=none\nKillWait=5\n\
             JobAcctGatherType=jobacct_gather/none\nNodeName={node} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN\n\
             PartitionName=all Nodes={node} Default=YES MaxTime=INFINITE State=UP\n"
        );
        fs::write(folder.path().join("slurm.conf"), config).unwrap();
        let slurm = Self { folder, node };
        let files = ["socket", "key-file", "pid-file", "log-file", "seed-file"];
        let names = [
            "munge.sock",
            "munge.key",
            "munge.pid",
            "munge.log",
            "munge.seed",
        ];
        let munge = files
            .iter()
            .zip(names)
            .map(|(flag, name)| format!("--{flag}={at}/{name}"));
        slurm.call(
            "munged",
            &[munge.collect(), vec!["--force".to_owned()]].concat(),
        );
        slurm.call("slurmctld", &["-c".to_owned()]);
        slurm.call("slurmd", &["-c".into(), "-N".into(), slurm.node.clone()]);
        slurm.until("the node is up", || {
            slurm.ask("sinfo", &["-h", "-o", "%T"]).contains("idle")
        });
        Ok(slurm)
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("SLURM_CONF", self.folder.path().join("slurm.conf"));
        command
            .env("WATTGRAD_LOCKS", self.folder.path())
            .env("WATTGRAD_METER", "none")
            .env_remove("WATTGRAD_ADAPTER")
            .stdin(Stdio::null());
        command
    }

    fn call(&self, program: &str, arguments: &[String]) {
        let ended = self.command(program).args(arguments).output().unwrap();
        assert!(ended.status.success(), "{program}: {}", printed(&ended));
    }

    fn ask(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.command(program).args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn wattgrad(&self, arguments: &[&str]) -> Output {
        let output = self
            .command(env!("CARGO_BIN_EXE_wattgrad"))
            .args(arguments)
            .output();
        output.unwrap()
    }

    fn until(&self, what: &str, mut done: impl FnMut() -> bool) {
        let began = Instant::now();
        while !done() {
            let log =
                fs::read_to_string(self.folder.path().join("slurmctld.log")).unwrap_or_default();
            assert!(began.elapsed() < Duration::from_secs(120), "{what}: {log}");
            sleep(Duration::from_millis(50));
        }
    }

    fn until_ended(&self) {
        self.until("every task ends", || {
            self.ask("squeue", &["-h"]).trim().is_empty()
        });
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name));
        for name in ["slurmd.pid", "slurmctld.pid", "munge.pid"] {
            if let Some(id) = read(name)
                .ok()
                .and_then(|text| text.trim().parse::<i32>().ok())
            {
                // SAFETY: it is the id of a process that this test started.
                unsafe { libc::kill(id, libc::SIGTERM) };
            }
        }
    }
}

/// What must not depend on how often tasks were killed: everything but times, devices and machines.
fn essence(folders: &[PathBuf]) -> Vec<Value> {
    let all = folders
        .iter()
        .flat_map(|folder| records(folder).into_values());
    let mut all: Vec<Value> = all
        .map(|run| {
            // The evaluation of a diverged run follows the steps that were in flight, whose number depends on the time.
            let diverged = run["outcome"] == "diverged";
            let points = run["record"]["evaluations"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let metrics = points
                .into_iter()
                .filter(|_| !diverged)
                .map(|point| point["metrics"].clone())
                .collect();
            let keys = ["id", "cell", "seed", "purpose", "outcome"].map(|key| run[key].clone());
            let steps = run["record"]["steps"].clone();
            Value::from(vec![Value::from(keys.to_vec()), steps, metrics])
        })
        .collect();
    all.sort_by_key(|run| run[0][0].to_string());
    all
}

#[test]
fn tasks_of_a_real_slurm_are_requeued_and_cancelled_and_make_every_run_once() {
    let slurm = match Slurm::start() {
        Ok(slurm) => slurm,
        Err(reason) => return skipped("tasks_of_a_real_slurm", &reason),
    };
    let (_folder, file, out) = folder();
    let whole = out.with_file_name("whole");
    let unbroken = run(&file, &whole);
    assert!(unbroken.status.success(), "{}", printed(&unbroken));

    let at = out.to_str().unwrap();
    let submit = [
        "study",
        "submit",
        &file,
        "--slurm",
        "--tasks",
        "3",
        "--out",
        at,
        "--",
        "--overlap",
    ];
    let job = slurm.wattgrad(&submit);
    assert!(job.status.success(), "{}", printed(&job));
    let shards: Vec<PathBuf> = (1..=3).map(|n| out.join(format!("shard-{n}"))).collect();
    let done = || {
        shards
            .iter()
            .map(|shard| records(shard).len())
            .sum::<usize>()
    };
    slurm.until("a run is done", || done() > 0);
    // One task is requeued and one is cancelled, at whatever they do.
    slurm.ask("scontrol", &["requeue", "1_1"]);
    // Slurm waits until the credential of the first start has expired.
    slurm.until("the task is requeued", || {
        let start = ["update", "JobId=1_1", "StartTime=now"];
        slurm.ask("scontrol", &start);
        !slurm
            .ask("squeue", &["-h", "-r", "-o", "%K %r"])
            .contains("1 BeginTime")
    });
    slurm.ask("scancel", &["1_2"]);
    let status = printed(&slurm.wattgrad(&["study", "status", at]));
    assert!(
        status.contains("runs done") && status.contains("task"),
        "{status}"
    );
    slurm.until_ended();
    slurm.wattgrad(&[&submit[..4], &["--out", at, "--", "--overlap"]].concat());
    slurm.until_ended();
    let logs = fs::read_dir(out.join("logs"))
        .unwrap()
        .map(|log| fs::read_to_string(log.unwrap().path()).unwrap());
    assert_eq!(done(), RUNS, "{}", logs.collect::<Vec<_>>().join("\n"));
    assert_eq!(essence(&shards), essence(&[whole]));
    let duplicates = shards
        .iter()
        .flat_map(|shard| fs::read_dir(shard.join("duplicates")).unwrap());
    assert_eq!(duplicates.count(), 0, "no run is made twice");
    let again = printed(&slurm.wattgrad(&submit));
    assert!(again.contains("every run is done"), "{again}");
}
