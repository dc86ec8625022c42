#!/usr/bin/env bash
# build.sh release|debug|asan|fuzz -- builds into build/KIND, quietly, and only what has changed.
#
# release  what runs: build/release/crebito
# debug    the same for a debugger, with the unit tests
# asan     the same under the address and undefined-behaviour sanitizers, with the unit tests
# fuzz     the libFuzzer targets, by clang
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

kind=${1:-}
compiler=${CC:-cc}
case $kind in
release) options=(-Dbuildtype=release -Dtests=false) ;;
debug) options=(-Dbuildtype=debug) ;;
asan) options=(-Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false) ;;
fuzz)
    options=(-Dbuildtype=debugoptimized -Db_lundef=false -Dfuzz=true)
    compiler=clang
    ;;
*)
    echo "usage: scripts/build.sh release|debug|asan|fuzz" >&2
    exit 2
    ;;
esac

build="$root/build/$kind"
log="$build.log"
export CC=$compiler PKG_CONFIG_PATH="$root/build/libraft/lib/pkgconfig"
mkdir -p "$root/build"
exec 9>"$build.lock"
flock 9 # one build of a kind at a time

quietly() {
    if ! "$@" >"$log" 2>&1 9>&-; then
        grep -E 'error:|ERROR:|FAILED:' "$log" | head -n 20 >&2 || true
        tail -n 40 "$log" >&2
        echo "build.sh: $kind failed; all of it is in $log" >&2
        exit 1
    fi
}

quietly "$root/scripts/libraft.sh" "$root/build/libraft"
settings="$compiler ${options[*]}"
if [ ! -e "$build/build.ninja" ] || [ "$(cat "$build/settings" 2>/dev/null)" != "$settings" ]; then
    echo "building crebito ($kind)" >&2
    rm -rf "$build"
    quietly meson setup "$build" "$root" "${options[@]}"
    echo "$settings" >"$build/settings"
fi
quietly ninja -C "$build"
