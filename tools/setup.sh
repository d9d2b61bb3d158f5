#!/usr/bin/env bash
# Sets up what the testbed needs: system packages, the virtual environment, the embedded kernel.
#
#   tools/setup.sh python            what the checks need
#   tools/setup.sh python kernel     what a run needs (make setup)
#   tools/setup.sh python kernel browser vagrant iperf3    what the whole test suite needs
#
# Whatever is there already is left alone, so that a second call takes a fraction of a second. PYTHON
# names another interpreter than the system's. Every failure ends with one sentence on what to do.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly ROOT
readonly VENV=$ROOT/.venv
readonly STAMPS=$VENV/.stamps
readonly OS_RELEASE=${OS_RELEASE:-/etc/os-release}
readonly SUPPORTED="Debian 12 (bookworm) and Debian 13 (trixie) on x86-64"

# The build of the kernel, and what a run inside it finds of the host: Mininet's mnexec, ip, tc, ping.
readonly KERNEL_PACKAGES=(
    bc binutils bison flex gcc libc6-dev make patch tar util-linux xz-utils
    iproute2 iputils-ping mininet net-tools procps
)
# What the suite does without where apt does not have it; Debian 12 has it.
readonly OPTIONAL_PACKAGES=(vagrant)
readonly PACKAGE_MIB=1500 VENV_MIB=1500

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "setup: $1"
    say "  what to do: $2"
    exit 1
}

# ---- the system -------------------------------------------------------------------------------------

check_system() {
    local machine id version like name
    machine=$(uname -m)
    [[ $machine == x86_64 ]] ||
        fail "this machine is $machine; the embedded kernel runs on x86-64 only." "use $SUPPORTED."
    [[ -r $OS_RELEASE ]] ||
        fail "cannot tell which system this is ($OS_RELEASE is missing)." "use $SUPPORTED."
    id=$(os_field ID) version=$(os_field VERSION_ID) like=$(os_field ID_LIKE) name=$(os_field PRETTY_NAME)
    case "$id:$version" in
        debian:12 | debian:13) ;;
        *)
            if [[ " $id $like " != *" debian "* ]] || ! command -v apt-get dpkg-query > /dev/null; then
                fail "this system is ${name:-unknown}, which is not supported." "use $SUPPORTED."
            fi
            say "setup: warning: this system is ${name:-unknown}; supported are $SUPPORTED. Trying anyway."
            ;;
    esac
}

os_field() {
    (
        # shellcheck disable=SC1090
        . "$OS_RELEASE"
        printf '%s' "${!1:-}"
    )
}

need_disk() { # folder, MiB, purpose
    local folder=$1 free
    while [[ ! -d $folder ]]; do folder=$(dirname "$folder"); done
    free=$(df --output=avail -BM "$folder" | tail -n 1 | tr -dc 0-9)
    ((free >= $2)) ||
        fail "$3 takes $2 MiB, and $free MiB are free in $folder." "make room there, then run make again."
}

# ---- packages ---------------------------------------------------------------------------------------

available() { [[ -n $(apt-cache show --no-all-versions "$1" 2> /dev/null) ]]; }

has_kernel_source() { compgen -G '/usr/src/linux-source-*.tar.xz' > /dev/null && source_release > /dev/null; }

# The newest kernel source from 6.12 on: of those unpacked from packages, or of those that apt offers.
source_release() {
    newest_release < <(cd /usr/src && printf '%s\n' linux-source-*.tar.xz | sed 's/\.tar\.xz$//')
}

offered_source() {
    newest_release < <(apt-cache search --names-only '^linux-source-[0-9]+\.[0-9]+$' | cut -d ' ' -f 1)
}

newest_release() { # of package names on standard input
    local newest
    newest=$(sed -n 's/^linux-source-\([0-9][0-9]*\.[0-9][0-9]*\)$/\1/p' | sort -V | tail -n 1)
    [[ -n $newest && $(printf '%s\n' 6.12 "$newest" | sort -V | head -n 1) == 6.12 ]] || return 1
    printf 'linux-source-%s\n' "$newest"
}

missing_packages() {
    local installed package
    # dpkg-query fails if it does not know one of them, and still tells about the others.
    installed=" $(dpkg-query -W -f='${Package}:${db:Status-Status} ' "$@" 2> /dev/null || true)"
    for package in "$@"; do
        [[ $installed == *" $package:installed "* ]] || printf '%s\n' "$package"
    done
}

as_root() {
    if (($(id -u) == 0)); then
        "$@"
    else
        sudo "$@"
    fi
}

require_root_for() { # packages
    (($(id -u) == 0)) && return
    command -v sudo > /dev/null ||
        fail "packages are missing ($*), you are not root, and there is no sudo." \
            "as root: apt-get install --no-install-recommends $*; then run make again."
    # Without a terminal sudo cannot ask for a password, and would only say so after a while.
    [[ -t 0 ]] || sudo -n true 2> /dev/null ||
        fail "packages are missing ($*), and sudo needs a password but there is no terminal." \
            "as root: apt-get install --no-install-recommends $*; then run make again."
}

install_packages() {
    local wanted=("$@") missing offered=() package source
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    [[ " ${components[*]} " == *" kernel "* ]] && ! has_kernel_source && missing+=(linux-source-6.12)
    ((${#missing[@]})) || return 0
    require_root_for "${missing[@]}"
    need_disk /usr "$PACKAGE_MIB" "installing packages"
    say "==> System packages: ${missing[*]}"
    as_root apt-get -o DPkg::Lock::Timeout=300 update ||
        fail "apt-get update failed." "check the network and /etc/apt/sources.list*, then run make again."
    if [[ " ${missing[*]} " == *" linux-source-6.12 "* ]] && ! available linux-source-6.12; then
        source=$(offered_source) ||
            fail "apt offers no kernel source (linux-source-*) from 6.12 on." \
                "on Debian 12 add the bookworm-security archive to apt's sources; else use $SUPPORTED."
        missing=("${missing[@]/#linux-source-6.12/$source}")
    fi
    for package in "${missing[@]}"; do
        if available "$package"; then
            offered+=("$package")
        elif [[ " ${OPTIONAL_PACKAGES[*]} " == *" $package "* ]]; then
            say "setup: apt does not have $package here; the tests that need it are skipped."
        else
            fail "apt does not know the package $package." \
                "check the network, and that apt's sources have Debian's main archive; then run make again."
        fi
    done
    ((${#offered[@]})) || return 0
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
        install --yes --no-install-recommends "${offered[@]}" ||
        fail "apt-get could not install ${offered[*]}; its reason is above." \
            "check the network and the disk, then run make again: it goes on where it stopped."
}

# ---- stamps -----------------------------------------------------------------------------------------

# A stamp holds the hash of what a component was made from, so that only a change makes it anew.
stamp_of() { # component
    (
        cd "$ROOT"
        case $1 in
            python) sha256sum pyproject.toml && echo "$ROOT ${PYTHON:-system}" ;;
            kernel) sha256sum testbed/venue/uml/um.config testbed/venue/uml/patches/{*.patch,net/*/*.c} ;;
        esac
    ) | sha256sum
}

is_stamped() { [[ -f $STAMPS/$1 && $(head -n 1 "$STAMPS/$1") == "$(stamp_of "$1")" ]]; }

stamp() { # component, further lines
    mkdir -p "$STAMPS"
    { stamp_of "$1" && printf '%s\n' "${@:2}"; } > "$STAMPS/$1.new"
    mv "$STAMPS/$1.new" "$STAMPS/$1"
}

# ---- Python -----------------------------------------------------------------------------------------

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; }

# The system's own interpreter first: it lies where every user, and the embedded kernel, can read it.
choose_python() {
    local candidate
    for candidate in ${PYTHON:-/usr/bin/python3 python3.13 python3.12 python3.11}; do
        if is_new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    fail "Python 3.11 or later is needed; ${PYTHON:-/usr/bin/python3} is not that." \
        "install it, or name one: make setup PYTHON=/path/to/python3"
}

setup_python() {
    local python
    if is_stamped python && "$VENV/bin/python" -c '' 2> /dev/null; then return; fi
    python=$(choose_python)
    need_disk "$VENV" "$VENV_MIB" "the virtual environment"
    say "==> Virtual environment: $VENV, with $("$python" --version)"
    "$python" -m venv --clear "$VENV" ||
        fail "$python could not make a virtual environment; its reason is above." \
            "install the venv module that belongs to it (Debian: apt-get install python3-venv), then run make again."
    "$VENV/bin/python" -m pip install --disable-pip-version-check --editable "${ROOT}[dev]" ||
        fail "pip could not install the Python packages; its reason is above." \
            "check the network (a proxy goes into HTTPS_PROXY) and the disk, then run make again."
    stamp python
}

# ---- the kernel -------------------------------------------------------------------------------------

setup_kernel() {
    local built
    if is_stamped kernel && [[ -r $(sed -n 2p "$STAMPS/kernel") ]]; then return; fi
    say "==> Embedded kernel: a few minutes, once"
    "$VENV/bin/testbed" kernel build ||
        fail "the embedded kernel was not built; the reason is above." "mend that, then run make again."
    built=$("$VENV/bin/python" -c 'from testbed.venue import kernel; print(kernel.require().path)')
    stamp kernel "$built"
}

main() {
    components=("$@")
    local packages=() component
    [[ -n ${PYTHON:-} ]] || packages+=(python3-venv)
    for component in "${components[@]}"; do
        case $component in
            python) ;;
            kernel) packages+=("${KERNEL_PACKAGES[@]}") ;;
            browser) packages+=(chromium) ;;
            vagrant | iperf3) packages+=("$component") ;;
            *) fail "there is no component $component." "choose among python, kernel, browser, vagrant and iperf3." ;;
        esac
    done
    check_system
    install_packages "${packages[@]}"
    for component in "${components[@]}"; do
        case $component in
            python) setup_python ;;
            kernel) setup_kernel ;;
        esac
    done
}

[[ ${BASH_SOURCE[0]} != "$0" ]] || main "$@"
