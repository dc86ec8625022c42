#!/usr/bin/env bash
# run.sh -- from a fresh clone to a running bank: installs, builds, makes a bank if there is none, serves it.
set -euo pipefail
root=$(cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")" && pwd)

usage() {
    cat <<'HELP'
usage: ./run.sh [options]

Installs what is missing, builds crebito, makes a new bank if there is none, and serves it until
Ctrl-C.

  --port N     port to listen on, 1 to 65535 (default 9999)
  --data DIR   directory of all data (default $CREBITO_DATA, else data/ beside run.sh)
  --nodes N    nodes to start; only 1 for now
  --fresh      delete the bank in the data directory first: all its accounts and transactions
  --detach     return once it is ready; it goes on, and writes to a log file in the data directory
  --stop       stop what --detach started, and return when it has ended
  --help       this

examples:
  ./run.sh
  ./run.sh --port 8080 --data /var/lib/bank --detach
  ./run.sh --data /var/lib/bank --stop
HELP
}

fail() {
    echo "run.sh: $1" >&2
    exit "${2:-1}"
}

port=9999
data=${CREBITO_DATA:-$root/data}
nodes=1
fresh=no
mode=foreground
while [ $# -gt 0 ]; do
    case $1 in
    --port | --data | --nodes)
        [ $# -ge 2 ] || fail "$1 needs a value; ./run.sh --help says more" 2
        printf -v "${1#--}" %s "$2"
        shift
        ;;
    --port=* | --data=* | --nodes=*)
        name=${1%%=*}
        printf -v "${name#--}" %s "${1#*=}"
        ;;
    --fresh) fresh=yes ;;
    --detach) mode=detach ;;
    --stop) mode=stop ;;
    --help | -h)
        usage
        exit 0
        ;;
    *) fail "unknown option \"$1\"; ./run.sh --help lists them" 2 ;;
    esac
    shift
done
[[ $port =~ ^[1-9][0-9]{0,4}$ ]] && [ "$port" -le 65535 ] || fail "--port is a number from 1 to 65535, not \"$port\"" 2
[[ $nodes =~ ^[1-9][0-9]*$ ]] || fail "--nodes is a number, not \"$nodes\"" 2
[ "$nodes" = 1 ] || fail "--nodes $nodes: only one node can be started for now" 2
[ -n "$data" ] || fail "--data must name a directory" 2

data=$(realpath -m -- "$data")
bank=$data/node-1
log=$data/node-1.log
pid_file=$data/node-1.pid
binary=$root/build/release/crebito

# The process id of the detached node if it still runs. A number alone proves nothing: ids are used again,
# and an ended process that nobody waits for keeps its own. Its command line is empty then.
running_pid() {
    local pid arguments=()
    pid=$(cat "$pid_file" 2>/dev/null) || return 1
    [[ $pid =~ ^[0-9]+$ ]] || return 1
    mapfile -d '' -t arguments 2>/dev/null <"/proc/$pid/cmdline" || return 1
    [ "${arguments[1]:-}" = serve ] && [ "${arguments[2]:-}" = "$bank" ] || return 1
    echo "$pid"
}

stop() {
    local pid waited=0
    if ! pid=$(running_pid); then
        echo "crebito: nothing is running for $data"
        rm -f "$pid_file"
        return 0
    fi
    kill -TERM "$pid"
    while running_pid >/dev/null; do
        [ $((waited += 1)) -le 1200 ] || fail "process $pid has not ended within 60 s; see $log"
        sleep 0.05
    done
    rm -f "$pid_file"
    echo "crebito: stopped"
}

# Deletes the bank, and only a bank: never what somebody else put into the directory.
wipe() {
    if [ -e "$bank" ]; then
        [ -d "$bank/log" ] && [ -d "$bank/journal" ] || fail "--fresh: $bank is no bank; nothing was deleted"
        (
            exec 8<"$bank"
            if [ -e "$bank/lock" ]; then exec 8<"$bank/lock"; fi
            flock -n 8 || fail "--fresh: a node is running on $bank; stop it first"
            rm -rf -- "$bank"
        )
    elif [ -n "$(find "$data" -mindepth 1 -maxdepth 1 ! -name 'node-1.*' 2>/dev/null)" ]; then
        fail "--fresh: $data holds no bank but other files; nothing was deleted, name another by --data"
    fi
}

# Curl lines for a first credit, debit and statement.
show_usage() {
    local headers="-H 'Content-Type: application/json'"
    cat <<USAGE
  credit:    curl -s $1/clientes/1/transacoes $headers -d '{"valor": 1000, "tipo": "c", "descricao": "toma"}'
  debit:     curl -s $1/clientes/1/transacoes $headers -d '{"valor": 400, "tipo": "d", "descricao": "devolve"}'
  statement: curl -s $1/clientes/1/extrato
USAGE
}

# Passes on what the node says. Lives as long as its output: a signal to the terminal's group is for the node.
announce() {
    trap '' INT TERM HUP
    local line
    while IFS= read -r line; do
        printf '%s\n' "$line"
        case $line in
        "crebito: ready on "*) show_usage "${line##* }" ;;
        esac
    done
}

detach() {
    local size pid line
    touch -- "$log"
    size=$(stat -c %s "$log")
    setsid "$binary" serve "$bank" --listen "127.0.0.1:$port" </dev/null >>"$log" 2>&1 &
    pid=$!
    echo "$pid" >"$pid_file"
    until line=$(grep -m 1 '^crebito: ready on ' < <(tail -c +$((size + 1)) "$log")); do
        if ! kill -0 "$pid" 2>/dev/null; then
            rm -f "$pid_file"
            tail -c +$((size + 1)) "$log" | tail -n 5 >&2
            fail "the node ended before it was ready; see $log"
        fi
        sleep 0.02
    done
    echo "$line"
    show_usage "${line##* }"
    printf "  stop:      %q --data %q --stop\n" "$0" "$data"
}

if [ "$mode" = stop ]; then
    stop
    exit 0
fi
if pid=$(running_pid); then
    fail "it is already running for $data as process $pid; ./run.sh --stop stops it"
fi
if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    fail "port $port is taken by another program; stop that, or choose another by --port"
fi
"$root/scripts/packages.sh" build
"$root/scripts/build.sh" release
[ "$fresh" = no ] || wipe
mkdir -p -- "$data"
[ -e "$bank" ] || "$binary" init "$bank"
if [ "$mode" = detach ]; then
    detach
else
    exec "$binary" serve "$bank" --listen "127.0.0.1:$port" > >(announce)
fi
