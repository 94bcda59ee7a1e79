# Sourced by the scripts beside it: finds what a build needs, and installs what is missing after saying so.
# Works in any POSIX-like bash, with or without a terminal, as root or with sudo.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PATH="$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin"

# Mesa's layer that looks for a display complains where there is none; adapters are chosen by us.
export NODEVICE_SELECT="${NODEVICE_SELECT:-1}"

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
on_linux() { [ "$(uname -s)" = Linux ]; }

# The features a developer's build has: RAPL can be read on Linux only.
features() { if on_linux; then echo rapl; else echo default; fi; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif have sudo; then sudo "$@"
    else die "this needs root: run it as root, or install sudo: $*"
    fi
}

# install WHAT APT DNF PACMAN: the packages of the first manager there is; `-` where it has none.
install() {
    local what=$1 apt=$2 dnf=$3 pacman=$4 packages
    if have apt-get; then packages=$apt
    elif have dnf; then packages=$dnf
    elif have pacman; then packages=$pacman
    else say "no apt-get, dnf or pacman here: install $what by hand"; return 1
    fi
    [ "$packages" != - ] || { say "no package of $what is known here: install it by hand"; return 1; }
    say "installing $what: $packages"
    # shellcheck disable=SC2086 # a list of names
    if have apt-get; then
        # Lists may be missing altogether on a fresh machine; without a network those there are may still do.
        as_root apt-get -qq update >&2 || say "the package lists could not be refreshed; going on with those there are"
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $packages >&2
    elif have dnf; then as_root dnf -q -y install $packages >&2
    else as_root pacman -Sy --noconfirm --needed $packages >&2
    fi
}

# The oldest rustc that Cargo.toml allows, and whether $1 is at least $2.
least_rust() { sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml"; }
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }
rust_version() { rustc --version 2>/dev/null | awk '{ print $2 }'; }

need_linker() {
    have cc && return
    on_linux || die "no C compiler: run xcode-select --install"
    install "a C compiler (rustc links with it)" "gcc libc6-dev" "gcc" "gcc" || die "no C compiler"
}

need_rust() {
    local least now
    least=$(least_rust)
    now=$(rust_version)
    if have cargo && [ -n "$now" ] && at_least "$now" "$least"; then return; fi
    if [ -n "$now" ] && have rustup; then
        say "installing Rust's stable toolchain: rustc is $now, $least or later is needed"
        rustup toolchain install stable --profile minimal >&2
        export RUSTUP_TOOLCHAIN=stable
    else
        say "installing Rust by rustup (https://rustup.rs): ${now:+rustc is $now, }$least or later is needed"
        have curl || install "curl" "curl ca-certificates" "curl" "curl" || die "no curl to fetch rustup with"
        curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --no-modify-path >&2
        PATH="${CARGO_HOME:-${HOME:-/root}/.cargo}/bin:$PATH"
    fi
    at_least "$(rust_version)" "$least" || die "rustc is still $(rust_version): update Rust to $least or later"
}

need_component() {
    local command=$1 component=$2
    cargo "$command" --version >/dev/null 2>&1 && return
    say "installing Rust's $component"
    rustup component add "$component" >&2 || die "no $component: install it beside cargo"
}

# A Vulkan driver is a loader and at least one manifest of a driver.
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

# macOS has Metal, and on Linux Mesa brings a driver that runs on the processor where there is no GPU.
need_vulkan() {
    on_linux || return 0
    has_vulkan && return
    install "a Vulkan driver" "libvulkan1 mesa-vulkan-drivers" "vulkan-loader mesa-vulkan-drivers" \
        "vulkan-icd-loader vulkan-swrast" || die "no Vulkan driver"
}

need_spirv_val() {
    have spirv-val && return
    install "spirv-val (examines the SPIR-V that kernels become)" spirv-tools spirv-tools spirv-tools ||
        say "going on without spirv-val: SPIR-V is written and not examined"
}
