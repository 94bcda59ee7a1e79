# Sourced by the other scripts: finds what a build needs, and installs what is missing after saying so.
# Works with or without a terminal, as root or with sudo.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PATH="$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin"

# Mesa's device-selection layer prints an error where there is no display; wattgrad selects adapters itself.
export NODEVICE_SELECT="${NODEVICE_SELECT:-1}"

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
on_linux() { [ "$(uname -s)" = Linux ]; }

# Features of a developer's build: RAPL exists on Linux only.
features() { if on_linux; then echo rapl; else echo default; fi; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif have sudo; then sudo "$@"
    else die "this needs root: run it as root, or install sudo: $*"
    fi
}

# install WHAT APT DNF PACMAN: installs with the first package manager found; `-` if that manager has no package.
install() {
    local what=$1 apt=$2 dnf=$3 pacman=$4 packages
    if have apt-get; then packages=$apt
    elif have dnf; then packages=$dnf
    elif have pacman; then packages=$pacman
    else say "found no apt-get, dnf or pacman: install $what manually"; return 1
    fi
    [ "$packages" != - ] || { say "no package of $what is known for this system: install it manually"; return 1; }
    say "installing $what: $packages"
    # shellcheck disable=SC2086 # a list of names
    if have apt-get; then
        # A fresh machine may have no package lists; without a network, existing lists may still work.
        as_root apt-get -qq update >&2 || say "could not refresh the package lists; continuing with the existing ones"
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $packages >&2
    elif have dnf; then as_root dnf -q -y install $packages >&2
    else as_root pacman -Sy --noconfirm --needed $packages >&2
    fi
}

# The minimum rustc of Cargo.toml, and whether $1 is at least $2.
minimum_rust() { sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml"; }
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }
rust_version() { rustc --version 2>/dev/null | awk '{ print $2 }'; }

need_linker() {
    have cc && return
    on_linux || die "no C compiler: run xcode-select --install"
    install "a C compiler (rustc links with it)" "gcc libc6-dev" "gcc" "gcc" || die "no C compiler"
}

need_rust() {
    local minimum now
    minimum=$(minimum_rust)
    now=$(rust_version)
    if have cargo && [ -n "$now" ] && at_least "$now" "$minimum"; then return; fi
    if [ -n "$now" ] && have rustup; then
        say "installing Rust's stable toolchain: rustc is $now, version $minimum or later is required"
        rustup toolchain install stable --profile minimal >&2
        export RUSTUP_TOOLCHAIN=stable
    else
        say "installing Rust with rustup (https://rustup.rs): ${now:+rustc is $now, }version $minimum or later is required"
        have curl || install "curl" "curl ca-certificates" "curl" "curl" || die "curl is required to download rustup"
        curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --no-modify-path >&2
        PATH="${CARGO_HOME:-${HOME:-/root}/.cargo}/bin:$PATH"
    fi
    at_least "$(rust_version)" "$minimum" || die "rustc is still $(rust_version): update Rust to $minimum or later"
}

need_component() {
    local command=$1 component=$2
    cargo "$command" --version >/dev/null 2>&1 && return
    say "installing Rust's $component"
    rustup component add "$component" >&2 || die "cargo has no $component: install it"
}

# Vulkan needs the loader and at least one driver manifest.
has_vulkan() {
    local folder
    [ -n "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] && return
    ldconfig -p 2>/dev/null | grep -q 'libvulkan\.so\.1' || /sbin/ldconfig -p 2>/dev/null | grep -q 'libvulkan\.so\.1' ||
        return 1
    for folder in /usr/share/vulkan/icd.d /usr/local/share/vulkan/icd.d /etc/vulkan/icd.d \
        "${HOME:-/root}/.local/share/vulkan/icd.d"; do
        compgen -G "$folder/*.json" >/dev/null && return
    done
    return 1
}

# macOS has Metal; on Linux, Mesa includes a driver that runs on the CPU.
need_vulkan() {
    on_linux || return 0
    has_vulkan && return
    install "a Vulkan driver" "libvulkan1 mesa-vulkan-drivers" "vulkan-loader mesa-vulkan-drivers" \
        "vulkan-icd-loader vulkan-swrast" || die "no Vulkan driver"
}

need_spirv_val() {
    have spirv-val && return
    install "spirv-val (validates the SPIR-V of the kernels)" spirv-tools spirv-tools spirv-tools ||
        say "continuing without spirv-val: SPIR-V is written but not validated"
}
