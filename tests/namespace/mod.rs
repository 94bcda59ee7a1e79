//! Runs a test program again in a new mount namespace, where made-up files can replace the kernel's.

#[path = "../skip/mod.rs"]
pub mod skip;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

/// Environment variable with the name of the scene to play.
pub const SCENE: &str = "WATTGRAD_TEST_SCENE";

fn root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// `program` in a namespace that the shell script `prepare` sets up; the script exits with 77 if it cannot.
fn unshared(prepare: &str, program: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command
        .arg(if root() { "-m" } else { "-Urm" })
        .args(["sh", "-c", &format!("{prepare}\nexec \"$@\""), "sh"])
        .args(program);
    command
}

/// The command prefix that drops all privileges.
pub fn ordinary_user() -> &'static [&'static str] {
    if root() {
        &[
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
        ]
    } else {
        &["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    }
}

/// Plays one scene (the ignored test `scene` of this program, with [`SCENE`] set) after `prepare`, with the command prefix
/// `before`. The test is skipped if no namespace can be created.
pub fn play(name: &str, prepare: &str, before: &[&str]) {
    let possible = unshared(prepare, &[before, &["true"]].concat())
        .output()
        .is_ok_and(|output| output.status.success());
    if !possible {
        skip::skipped(name, "no mount namespace can be created here (unshare -m)");
        return;
    }
    let me = std::env::current_exe().unwrap();
    let me = [
        me.to_str().unwrap(),
        "--exact",
        "scene",
        "--ignored",
        "--nocapture",
    ];
    let output = unshared(prepare, &[before, &me].concat())
        .env(SCENE, name)
        .output()
        .unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.success() && text.contains(&format!("played {name}")),
        "{text}"
    );
}
