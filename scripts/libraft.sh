#!/usr/bin/env bash
# libraft.sh PREFIX -- puts libraft 0.22.1 (its pure core, static) under PREFIX; does nothing if it is there.
#
# Debian 13 packages this version, Debian 12 an older one that commits entries of old terms by counting
# (docs/architecture.md). So both build the same static library from Debian 13's source package, with apt
# alone: a private apt configuration with a deb-src line made from this machine's own mirror.
set -euo pipefail

VERSION=0.22.1-1
prefix=$(realpath -m "${1:?usage: libraft.sh PREFIX}")
[ -e "$prefix/lib/pkgconfig/raft.pc" ] && exit 0

work=$(mktemp -d "${TMPDIR:-/tmp}/libraft.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists/partial,cache/archives/partial,source}
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -E '/debian/?$' | head -n 1)
[ -n "$mirror" ] || { echo "libraft.sh: no Debian mirror in this machine's apt sources" >&2; exit 1; }
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$work/sources.list"
apt_options=(
    -o "Dir::Etc::sourcelist=$work/sources.list" -o "Dir::Etc::sourceparts=-"
    -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o "APT::Sandbox::User=$(id -un)"
    -o "Acquire::Retries=3" -o "Acquire::Languages=none"
)
log="$work/log"
{
    apt-get "${apt_options[@]}" update
    (cd "$work/source" && apt-get "${apt_options[@]}" source --only-source "raft=$VERSION")
    cd "$work"/source/raft-*/
    autoreconf -i
    ./configure --disable-uv --without-lz4 --disable-fixture --disable-shared --enable-static \
        --prefix="$prefix" CFLAGS="-O2 -g"
    make -j"$(nproc)"
    make install
} >"$log" 2>&1 || { tail -n 30 "$log" >&2; echo "libraft.sh: building libraft $VERSION failed" >&2; exit 1; }
echo "libraft $VERSION: $prefix"
