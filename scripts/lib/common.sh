# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors

# What scripts/run, scripts/test and their kin share. Sourced by bash; expects nothing but a Debian machine.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
release_flags=(-c release --static-swift-stdlib -Xswiftc -enforce-exclusivity=unchecked)

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# What every build links: SQLite, LMDB and hiredis.
build_packages=(libhiredis-dev liblmdb-dev libsqlite3-dev)

# Installs the Debian packages among the arguments that are missing, and asks the archive only then.
need_packages() {
    local package missing=()
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' \
            || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return
    echo "Installing ${missing[*]}"
    as_root apt-get update -q </dev/null
    # A run level of 1 keeps a package from starting its service.
    as_root env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null
}

need_swift() {
    if ! command -v swift >/dev/null; then
        echo "Swift 6.3 or later is needed: see https://www.swift.org/install/linux/" >&2
        exit 1
    fi
}

# Builds the broker, or another program, and prints nothing but what the build prints.
build_release() {
    swift build --package-path "$root" "${release_flags[@]}" --product "${1:-roost}"
}

release_binary() {
    echo "$root/.build/release/roost"
}
