//! Runs a test program again in a mount namespace of its own, where made-up files may take the place of the kernel's.

#[path = "../skip/mod.rs"]
mod skip;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

/// Names the scene that the program is to play.
pub const SCENE: &str = "WATTGRAD_TEST_SCENE";

fn root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// `program` in a namespace that the shell script `prepare` made ready; the script ends with 77 where it cannot.
fn unshared(prepare: &str, program: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command
        .arg(if root() { "-m" } else { "-Urm" })
        .args(["sh", "-c", &format!("{prepare}\nexec \"$@\""), "sh"])
        .args(program);
    command
}

/// What turns this program into one of a user without any right.
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

/// Plays one scene (the ignored test `scene` of this program, with [`SCENE`] set) behind `prepare`, started by `before`.
/// Where a namespace may not be made the test is skipped, and says so.
pub fn play(name: &str, prepare: &str, before: &[&str]) {
    let possible = unshared(prepare, &[before, &["true"]].concat())
        .output()
        .is_ok_and(|output| output.status.success());
    if !possible {
        skip::skipped(name, "no mount namespace can be made here (unshare -m)");
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
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.success() && said.contains(&format!("played {name}")),
        "{said}"
    );
}
