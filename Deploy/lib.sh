# shellcheck shell=bash
# What the scripts of this folder share: the Debian packages, the Swift toolchain, and how to say what went wrong.
# Sourced, never run; the caller has set `-euo pipefail` and stands in the root of the repository.

# Numbers are written and read with a point and texts are sorted by bytes, whatever locale the caller has: under a locale
# with a decimal comma awk would read 5.6647 as 5 and print 5,0000. `cd` looks nowhere but where it is told.
export LC_ALL=C.UTF-8
unset LANGUAGE CDPATH

# The libraries that the build links against (docs of each: Package.swift), and nothing else.
build_packages=(pkg-config libuv1-dev libsodium-dev libzstd-dev libsqlite3-dev libopenblas-dev)

say() { printf '%s\n' "$*"; }

# One line a step, with the time since the script began.
step() { printf '\n[%2d:%02d] %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"; }

die() {
    printf 'error: %s\n' "$1" >&2
    shift
    (($# == 0)) || printf '       %s\n' "$@" >&2
    exit 1
}

# Which of the given Debian packages are not installed, one a line.
missing_packages() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || say "$package"
    done
}

# Installs those of the given packages that are missing: says so first, and says what to do where it may not.
install_packages() {
    local missing=() as_root=()
    command -v dpkg-query >/dev/null && command -v apt-get >/dev/null \
        || die "this is no Debian: apt-get and dpkg are missing" \
            "The mesh is built for Debian 12; elsewhere install the same libraries by hand: $*"
    mapfile -t missing < <(missing_packages "$@")
    if ((${#missing[@]} == 0)); then
        say "Debian packages: all there ($*)"
        return
    fi
    say "Debian packages that will be installed now: ${missing[*]}"
    if [ "$(id -u)" != 0 ]; then
        if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
            as_root=(sudo)
        else
            die "these Debian packages are missing, and this account may not install them: ${missing[*]}" \
                "As root run:  apt-get update && apt-get install --no-install-recommends ${missing[*]}" \
                "Then start this script again."
        fi
    fi
    local log
    log=$(mktemp)
    if ! { "${as_root[@]}" apt-get update \
        && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
            "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die "apt-get could not install ${missing[*]} (its last lines are above, all of them in $log)"
    fi
    rm -f "$log"
}

# Refuses where there is no Swift of at least 6.3, and says how to get one.
require_swift() {
    local found=none major=0 minor=0
    if command -v swift >/dev/null; then
        found=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
        IFS=. read -r major minor _ <<<"${found:-0.0}"
    fi
    if ((${major:-0} > 6 || (${major:-0} == 6 && ${minor:-0} >= 3))); then
        say "Swift: $found"
        return
    fi
    die "Swift 6.3 or later is needed; found: ${found:-unknown}" \
        "With swiftly (https://www.swift.org/install/linux):" \
        "    curl -O https://download.swift.org/swiftly/linux/swiftly-$(uname -m).tar.gz" \
        "    tar zxf swiftly-$(uname -m).tar.gz && ./swiftly init && swiftly install 6.3.1" \
        "Or unpack https://download.swift.org/swift-6.3.1-release/debian12/swift-6.3.1-RELEASE/swift-6.3.1-RELEASE-debian12.tar.gz" \
        "and put its usr/bin in PATH."
}
