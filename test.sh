#!/usr/bin/env bash
# test.sh [lint|unit|fuzz|e2e|fault]... -- installs, builds and runs every test, or the parts that are named.
#
# The last line counts: "N passed, M failed". The exit status is 0 only if nothing failed.
set -euo pipefail
root=$(cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")" && pwd)

for part in "$@"; do
    case $part in
    lint | unit | fuzz | e2e | fault) ;;
    --help | -h)
        sed -n '2,4s/^# \?//p' "$root/test.sh"
        exit 0
        ;;
    *)
        echo "test.sh: unknown part \"$part\"; the parts are lint, unit, fuzz, e2e and fault" >&2
        exit 2
        ;;
    esac
done
"$root/scripts/packages.sh" test
# Debian's own Python, which has the packages; another may be first in the path.
exec /usr/bin/python3 "$root/scripts/test_all.py" "$@"
