#!/usr/bin/env bash
# tools/bench-cluster.sh PROFILE [MEASUREMENT...]: the venue as services under load, everything in a scratch folder that
# is removed at the end, and every process stopped.
#
# Measurements, all of them in this order if none is named:
#   spill      the mix at RATE through the load balancer, and which way the commands went
#   ministack  the same with every command over the lanes of MiniStack, after the lanes' own send -> receive time
#   twin       the same over the lanes' twin
#   spike      SPIKE on top of RATE; what became of every order and cancel is asked for afterwards
#   takeover   the same, and the leading sequencer is killed in the middle of the spike
#   highest    the highest rate at p99 < P99_MS ms, as a ratio to pings over the same path
#   embedded   the same of one process with its files
#
# Each prints a table and leaves OUT/MEASUREMENT.json (OUT is target/bench-results unless it is set);
# OUT/all.json holds all of them.
set -euo pipefail
cd "$(dirname "$0")/.."

RATE=${RATE:-500} DURATION=${DURATION:-60} SPIKE=${SPIKE:-20x10s} SPIKE_DURATION=${SPIKE_DURATION:-40}
P99_MS=${P99_MS:-100} STEP=${STEP:-10} CONNECTIONS=${CONNECTIONS:-4000}
mix=place=70,cancel=20,read=10
# Within this many seconds an order of a spike takes effect or is refused as late.
window=5

profile=${1:-release}
shift || true
measurements=("$@")
[ ${#measurements[@]} -gt 0 ] || measurements=(spill ministack twin spike takeover highest embedded)
for measurement in "${measurements[@]}"; do
    case $measurement in
        spill | ministack | twin | spike | takeover | highest | embedded) ;;
        *) echo "bench-cluster: there is no measurement \"$measurement\"; they are in $0" >&2; exit 2 ;;
    esac
done

tools/packages.sh
cargo build --locked --profile "$profile" --package emporion --package emporion-cluster
cargo build --locked --profile "$profile" --package emporion-sqs --example lanes_latency
target=$(cargo metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
export CARGO_TARGET_DIR=$target
built=$target/$([ "$profile" = dev ] && echo debug || echo "$profile")
emporion=$built/emporion
OUT=${OUT:-$target/bench-results}
mkdir -p "$OUT"
# Beside the build, because a temporary folder is often not on a disk; PostgreSQL, which does not run as root, must come in.
scratch=$(mktemp -d "$target/bench-cluster.XXXXXX")
chmod 755 "$scratch"
cluster='' server=''

stop() {
    if [ -n "$cluster" ]; then tools/cluster.sh down "$profile" "$cluster" > /dev/null || true; fi
    if [ -n "$server" ]; then kill "$server" 2> /dev/null || true; wait "$server" || true; fi
    cluster='' server=''
}
trap 'stop; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# up NAME QUEUE LANES: starts a cluster of that name, if it is not the one that runs.
up() {
    [ "$cluster" = "$scratch/$1" ] && return
    stop
    cluster=$scratch/$1
    tools/cluster.sh up "$profile" "$cluster" "$2" off "$3" > /dev/null
    # The first requests of a process are not those that are measured.
    "$emporion" bench --config "$cluster/emporion.toml" --mix $mix --rate 100 --duration 5 > /dev/null
}

# load NAME ARGUMENT...: one load on the cluster that runs.
load() {
    local name=$1
    shift
    echo "== $name"
    "$emporion" bench --config "$cluster/emporion.toml" --mix $mix --report "$OUT/$name.json" "$@"
}

# lanes NAME: how long one message takes through an empty queue of its own on what stands for the cluster's SQS.
lanes() {
    local endpoint url
    endpoint=$(sed -n 's/^endpoint = "\(.*\)"/\1/p' "$cluster/emporion.toml")
    url=$(curl --silent --show-error --fail "$endpoint/" --header 'Content-Type: application/x-amz-json-1.0' \
        --header 'X-Amz-Target: AmazonSQS.CreateQueue' \
        --header 'Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0' \
        --data '{"QueueName": "bench.fifo", "Attributes": {"FifoQueue": "true", "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}}' \
        | sed 's/.*"QueueUrl": *"\([^"]*\)".*/\1/')
    echo "== $1: the lanes alone"
    "$built/examples/lanes_latency" "$endpoint" "$url" | tee "$OUT/$1-lanes.txt"
}

# kill_leader FILE: once FILE is there and half of the spike is over, kills the sequencer that leads.
kill_leader() {
    local seconds=${SPIKE#*x} pid address
    until [ -e "$1" ]; do sleep 0.05; done
    sleep "$((${seconds%s} / 2))"
    while read -r pid address; do
        if curl --silent --max-time 2 "http://$address/metrics" | grep -q '^sequencer_leads 1$'; then
            kill -KILL "$pid"
            echo "killed the leading sequencer, process $pid"
            return
        fi
    done < <(awk -F'"' '/"address"/ { address = $4 } /"pid"/ { gsub(/[^0-9]/, ""); pid = $0 }
        /"role": "sequencer"/ { print pid, address }' "$cluster/ready.json")
    echo "bench-cluster: no sequencer leads" >&2
    return 1
}

spiking=(--rate "$RATE" --duration "$SPIKE_DURATION" --spike "$SPIKE" --connections "$CONNECTIONS" --recv-window $window --check)
searching=(--highest "$P99_MS" --rate "$RATE" --duration "$STEP" --connections "$CONNECTIONS")

for measurement in "${measurements[@]}"; do
    case $measurement in
        spill)
            up spill spill ministack
            load spill --rate "$RATE" --duration "$DURATION"
            ;;
        ministack | twin)
            up "always-$measurement" always "$measurement"
            lanes "$measurement"
            load "$measurement" --rate "$RATE" --duration "$DURATION"
            ;;
        spike)
            up spill spill ministack
            load spike "${spiking[@]}"
            ;;
        takeover)
            up spill spill ministack
            kill_leader "$scratch/spiking" &
            killing=$!
            load takeover "${spiking[@]}" --spike-file "$scratch/spiking"
            wait "$killing"
            rm "$scratch/spiking"
            ;;
        highest)
            up spill spill ministack
            load highest "${searching[@]}"
            ;;
        embedded)
            stop
            EMPORION_HTTP__CONNECTIONS_PER_NETWORK_MAX=0 "$emporion" serve --listen 127.0.0.1:0 \
                --data-dir "$scratch/embedded" --rate-limits off --ready-file "$scratch/embedded.json" \
                2> "$scratch/embedded.log" &
            server=$!
            until [ -s "$scratch/embedded.json" ]; do
                kill -0 "$server" 2> /dev/null || { cat "$scratch/embedded.log" >&2; exit 1; }
                sleep 0.1
            done
            echo "== embedded"
            "$emporion" bench --data-dir "$scratch/embedded" --mix $mix --report "$OUT/embedded.json" "${searching[@]}"
            ;;
    esac
done

# One object of all measurements, by name.
{
    separator='{'
    for measurement in "${measurements[@]}"; do
        printf '%s\n"%s": ' "$separator" "$measurement"
        cat "$OUT/$measurement.json"
        separator=,
    done
    printf '}\n'
} > "$OUT/all.json"
echo "The figures are in $OUT/all.json."
