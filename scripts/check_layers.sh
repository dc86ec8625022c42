#!/bin/sh
# check_layers.sh -- fails when a source file includes a layer that it must not know, or lies in none.
#
# Each line: a folder of src, then the folders it may include besides itself. The table of
# docs/architecture.md, in its order.
set -eu
cd "$(dirname "$0")/.."

layers() {
    cat <<'LAYERS'
base
ledger base
journal base
wal base
consensus base
http base
peer base
replica base ledger journal wal consensus peer
api base ledger http replica
node base ledger journal wal consensus http peer replica api
client base
bench base client
cli base node client bench
LAYERS
}

failed=0
for folder in src/*/; do
    layer=$(basename "$folder")
    if ! allowed=$(layers | grep -E "^$layer( |\$)"); then
        echo "src/$layer is no layer: name it in scripts/check_layers.sh" >&2
        failed=1
        continue
    fi
    pattern=$(echo "$allowed" | tr ' ' '|')
    # Ours are in quotes and begin with their layer; <…> is for what others wrote.
    if grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' --include='*.[ch]' "$folder" |
        grep -vE "\"($pattern)/[^/\"]+\"" >&2; then
        echo "src/$layer may include only: $allowed" >&2
        failed=1
    fi
done
for file in src/*.[ch]; do
    if [ -e "$file" ]; then
        echo "$file lies in no layer" >&2
        failed=1
    fi
done
exit $failed
