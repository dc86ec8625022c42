#!/usr/bin/env bash
# packages.sh build|test -- installs the Debian packages that building, or also testing, needs.
#
# Works on a fresh Debian 12 or 13, asks nothing, and calls apt only if a package is missing, so that a
# second run takes no time.
set -euo pipefail

build=(gcc libc6-dev meson ninja-build pkgconf libuv1-dev libjansson-dev libssl-dev libinih-dev)
libraft=(autoconf automake libtool make dpkg-dev patch xz-utils ca-certificates) # scripts/libraft.sh
tests=(
    libcmocka-dev clang clang-format clang-tidy libclang-rt-dev # unit tests, fuzz targets, lint
    python3-pytest python3-hypothesis curl procps               # tests/e2e
    strace xfsprogs e2fsprogs mount                             # tests/fault
)

set_name=${1:-}
case $set_name in
build) wanted=("${build[@]}" "${libraft[@]}") ;;
test)
    # Node's HTTP parser, which judges ours: sources on Debian 12, a library since.
    debian=$(. /etc/os-release && echo "${VERSION_ID:-}")
    if [ "$debian" = 12 ]; then llhttp=node-llhttp; else llhttp=libllhttp-dev; fi
    wanted=("${build[@]}" "${libraft[@]}" "${tests[@]}" "$llhttp")
    ;;
*)
    echo "usage: scripts/packages.sh build|test" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null; then
    echo "packages.sh: this is no Debian; what its packages hold must be there: ${wanted[*]}" >&2
    exit 0
fi
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
missing=()
for package in "${wanted[@]}"; do
    [[ $'\n'$installed$'\n' == *$'\n'"installed $package"$'\n'* ]] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "packages.sh: install these as root: apt-get install ${missing[*]}" >&2
        exit 1
    }
    as_root=(sudo)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt_get() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get \
        -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@" </dev/null >>"$log" 2>&1
}
echo "installing ${#missing[@]} Debian packages: ${missing[*]}" >&2
if ! { apt_get update && apt_get install -y --no-install-recommends "${missing[@]}"; }; then
    tail -n 30 "$log" >&2
    echo "packages.sh: apt-get failed" >&2
    exit 1
fi
