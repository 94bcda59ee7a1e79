//! The program `wattgrad`: the library's first user.

use std::process::ExitCode;

fn main() -> ExitCode {
    quiet_wayland();
    wattgrad::internals::main()
}

/// Mesa's Vulkan layer asks Wayland for a display, and libwayland prints an error for each missing runtime folder, as on
/// every server. With a folder named where none is, it finds no display and says nothing.
fn quiet_wayland() {
    const FOLDER: &str = "XDG_RUNTIME_DIR";
    if cfg!(target_os = "linux") && std::env::var_os(FOLDER).is_none() {
        // SAFETY: the first thing in `main`, before any other thread exists.
        unsafe { std::env::set_var(FOLDER, "/nonexistent") };
    }
}
