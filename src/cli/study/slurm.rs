//! Slurm: the script of a job array, and the states of its tasks.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Serialize;

use crate::cli::failure::Failure;
use crate::study::{Job, Slurm};

/// What the script of a job array is made from.
pub struct Array<'a> {
    pub name: &'a str,
    pub slurm: &'a Slurm,
    pub tasks: &'a [u64],
    pub shards: u64,
    /// The folder of the study, the working directory and the program; absolute.
    pub folder: &'a Path,
    pub directory: &'a Path,
    pub program: PathBuf,
    /// Further options of `wattgrad study run`.
    pub more: &'a [String],
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    // Control characters were refused where the word was read.
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), |word| word.into_owned())
}

impl Array<'_> {
    /// The script. Each task becomes one `wattgrad study run` of its shard, which gets the signals of Slurm itself.
    pub fn script(&self) -> String {
        let slurm = self.slurm;
        let mut options = vec![format!("--job-name={}", self.name)];
        let most = slurm
            .parallel
            .map_or_else(String::new, |most| format!("%{most}"));
        options.push(format!("--array={}{most}", ranges(self.tasks)));
        let logs = self.folder.join("logs/%A_%a.log");
        options.push(format!("--output={}", quoted(&logs.display().to_string())));
        let directory = self.directory.display().to_string();
        options.push(format!("--chdir={}", quoted(&directory)));
        // A task that is requeued goes on in the same log; one that runs out of time is asked to end in time.
        options.extend(["--open-mode=append", "--requeue", "--signal=B:TERM@60"].map(String::from));
        let text = |flag: &str, value: &Option<String>| {
            value
                .as_ref()
                .map(|value| format!("--{flag}={}", quoted(value)))
        };
        let count = |flag: &str, value: Option<u64>| value.map(|n| format!("--{flag}={n}"));
        options.extend(text("partition", &slurm.partition));
        options.extend(text("account", &slurm.account));
        options.extend(text("time", &slurm.time));
        options.extend(slurm.gpus.map(|n| format!("--gres=gpu:{n}")));
        options.extend(count("cpus-per-task", slurm.cpus));
        options.extend(text("mem", &slurm.memory));
        options.extend(slurm.options.iter().cloned());
        let mut script = "#!/bin/bash\n".to_owned();
        for option in options {
            script += &format!("#SBATCH {option}\n");
        }
        script += "set -eu\n";
        for module in &slurm.modules {
            script += &format!("module load {}\n", quoted(module));
        }
        let container = slurm
            .container
            .as_ref()
            .map_or_else(String::new, |one| format!("{one} "));
        let file = self.folder.join("study.toml").display().to_string();
        let folder = self.folder.display().to_string();
        script += &format!(
            "exec {container}{} study run {} \\\n    --shard \"$SLURM_ARRAY_TASK_ID/{}\" --out {}/shard-\"$SLURM_ARRAY_TASK_ID\"",
            quoted(&self.program.display().to_string()),
            quoted(&file),
            self.shards,
            quoted(&folder)
        );
        for word in self.more {
            script += &format!(" {}", quoted(word));
        }
        script + "\n"
    }
}

/// Numbers as Slurm lists them: `1-4,7`.
fn ranges(numbers: &[u64]) -> String {
    let mut parts: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => parts.push((*number, *number)),
        }
    }
    let part = |(first, last): (u64, u64)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    parts.into_iter().map(part).collect::<Vec<_>>().join(",")
}

/// Submits a script; returns the number of the job.
pub fn submit(script: &Path) -> Result<String, Failure> {
    let output = Command::new("sbatch")
        .arg("--parsable")
        .arg(script)
        .output();
    let output = output.map_err(|error| {
        let remedy = "run this on a login node of the cluster, or print the script with --print";
        Failure::failed(format!("cannot run sbatch ({error}): {remedy}"))
    })?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().replace('\n', "; ");
    if !output.status.success() {
        let reason = said(&output.stderr);
        return Err(Failure::failed(format!(
            "sbatch refused the job ({reason}): change [slurm] in the study file; the script is {script:?}"
        )));
    }
    // `12` or `12;cluster`.
    let stdout = said(&output.stdout);
    let id = stdout.split(';').next().unwrap_or_default().trim();
    match !id.is_empty() && id.chars().all(|c| c.is_ascii_digit()) {
        true => Ok(id.to_owned()),
        false => Err(Failure::failed(format!(
            "sbatch printed {stdout:?} instead of the number of a job: check with squeue whether it was submitted"
        ))),
    }
}

/// A task of a job array, as Slurm knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Task {
    pub task: u64,
    pub job: String,
    /// In lower case, such as `running`, `pending`, `timeout`; `unknown` if Slurm does not know it any more.
    pub state: String,
    /// Why it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

impl Task {
    /// Whether it may still make runs.
    pub fn is_active(&self) -> bool {
        const ACTIVE: [&str; 9] = [
            "pending",
            "running",
            "requeued",
            "requeue_hold",
            "configuring",
            "completing",
            "suspended",
            "resizing",
            "stopped",
        ];
        ACTIVE.contains(&self.state.as_str())
    }
}

/// The newest state of every task of `jobs`, and what kept Slurm from answering.
pub fn tasks(jobs: &[Job]) -> (Vec<Task>, Vec<String>) {
    let mut notes = Vec::new();
    let ids: Vec<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
    let ids = ids.join(",");
    let mut ask = |program: &str, options: &[&str]| match lines(program, options, &ids) {
        Ok(lines) => lines,
        Err(note) => {
            notes.push(note);
            Vec::new()
        }
    };
    let mut found = parse(&ask("squeue", &["-h", "-r", "-o", "%F_%K|%T|%N|%r"]));
    let queued = |task: &Task, found: &[Task]| {
        found
            .iter()
            .any(|one| (one.task, &one.job) == (task.task, &task.job))
    };
    let ended = parse(&ask(
        "sacct",
        &["-n", "-P", "-X", "-o", "JobID,State,NodeList,Reason"],
    ));
    for task in ended {
        if !queued(&task, &found) {
            found.push(task);
        }
    }
    let mut newest: Vec<Task> = Vec::new();
    for job in jobs {
        for number in &job.tasks {
            let known = found
                .iter()
                .find(|one| (one.task, &one.job) == (*number, &job.id));
            let task = known.cloned().unwrap_or_else(|| Task {
                task: *number,
                job: job.id.clone(),
                state: "unknown".into(),
                reason: None,
                node: None,
            });
            newest.retain(|one| one.task != *number);
            newest.push(task);
        }
    }
    newest.sort_by_key(|task| task.task);
    (newest, notes)
}

fn lines(program: &str, options: &[&str], ids: &str) -> Result<Vec<String>, String> {
    let output = Command::new(program)
        .args(options)
        .args(["-j", ids])
        .output();
    let output = output.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            format!("{program} is not installed here: run this on a machine of the cluster")
        }
        _ => format!("cannot run {program} ({error})"),
    })?;
    if output.status.success() {
        let stdout = String::from_utf8_lossy(&output.stdout);
        return Ok(stdout.lines().map(str::to_owned).collect());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    // squeue forgets a job some minutes after its end.
    match stderr.contains("Invalid job id") {
        true => Ok(Vec::new()),
        false => Err(format!("{program}: {}", stderr.trim().replace('\n', "; "))),
    }
}

/// Lines of `12_3|RUNNING|node|reason`.
fn parse(lines: &[String]) -> Vec<Task> {
    let task = |line: &String| {
        let mut parts = line.trim().split('|');
        let (job, task) = parts.next()?.split_once('_')?;
        // `CANCELLED by 0`
        let state = parts.next()?.split_whitespace().next()?.to_lowercase();
        let mut text = || {
            let text = parts.next().map(str::trim)?;
            let says = !matches!(text, "" | "None" | "None assigned" | "(null)");
            says.then(|| text.to_owned())
        };
        let node = text();
        let reason = text().filter(|_| state == "pending");
        Some(Task {
            task: task.parse().ok()?,
            job: job.to_owned(),
            state,
            reason,
            node,
        })
    };
    lines.iter().filter_map(task).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_has_every_setting_and_survives_spaces() {
        let text = |text: &str| Some(text.to_owned());
        let slurm = Slurm {
            partition: text("gpu"),
            account: text("lab"),
            time: text("2:00:00"),
            memory: text("8G"),
            gpus: Some(1),
            cpus: Some(4),
            parallel: Some(3),
            options: vec!["--exclusive".into()],
            modules: vec!["cuda/12".into()],
            container: text("apptainer exec --nv image.sif"),
            ..Slurm::default()
        };
        let array = Array {
            name: "lr-batch",
            slurm: &slurm,
            tasks: &[1, 2, 3, 7],
            shards: 8,
            folder: Path::new("/data/my runs/out"),
            directory: Path::new("/home/me"),
            program: "/usr/bin/wattgrad".into(),
            more: &["--meter".into(), "cmd:read it".into()],
        };
        let script = array.script();
        for line in [
            "#!/bin/bash",
            "#SBATCH --job-name=lr-batch",
            "#SBATCH --array=1-3,7%3",
            "#SBATCH --output='/data/my runs/out/logs/%A_%a.log'",
            "#SBATCH --chdir=/home/me",
            "#SBATCH --requeue",
            "#SBATCH --partition=gpu",
            "#SBATCH --account=lab",
            "#SBATCH --time=2:00:00",
            "#SBATCH --gres=gpu:1",
            "#SBATCH --cpus-per-task=4",
            "#SBATCH --mem=8G",
            "#SBATCH --exclusive",
            "module load cuda/12",
        ] {
            assert!(script.lines().any(|one| one == line), "{line}: {script}");
        }
        let command = script.split("exec ").nth(1).unwrap();
        let words = shlex::split(
            &command
                .replace("\\\n", "")
                .replace("$SLURM_ARRAY_TASK_ID", "7"),
        );
        let expected = [
            "apptainer",
            "exec",
            "--nv",
            "image.sif",
            "/usr/bin/wattgrad",
            "study",
            "run",
            "/data/my runs/out/study.toml",
            "--shard",
            "7/8",
            "--out",
            "/data/my runs/out/shard-7",
            "--meter",
            "cmd:read it",
        ];
        let command = script.rsplit("exec apptainer").next().unwrap();
        let whole = format!(
            "apptainer{}",
            command
                .replace("\\\n", "")
                .replace("$SLURM_ARRAY_TASK_ID", "7")
        );
        assert!(words.is_some());
        assert_eq!(shlex::split(&whole).unwrap(), expected);
    }

    #[test]
    fn lines_of_squeue_and_sacct_become_tasks() {
        let lines = [
            "12_1|RUNNING|n1|None",
            "12_2|PENDING||Resources",
            "12_3|CANCELLED by 0|None assigned|None",
            "13|RUNNING|n1|None",
            "",
        ];
        let found = parse(&lines.map(String::from));
        let short: Vec<_> = found
            .iter()
            .map(|task| {
                (
                    task.task,
                    task.state.as_str(),
                    task.node.as_deref(),
                    task.reason.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            short,
            [
                (1, "running", Some("n1"), None),
                (2, "pending", None, Some("Resources")),
                (3, "cancelled", None, None)
            ]
        );
        assert!(found[0].is_active() && !found[2].is_active());
        assert_eq!(ranges(&[1, 2, 3, 5, 7, 8]), "1-3,5,7-8");
    }
}
