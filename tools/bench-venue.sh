#!/usr/bin/env bash
# tools/bench-venue.sh: the venue end to end, on a disk that is waited for and without request limits.
#
# First what it answers at most, signed orders beside pings on the same server, and its latency under 500 requests a
# second; then the same with a thousand sockets of five streams each, first all of them reading, then a hundred of
# them stuck; at the end an audit of what that left.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --locked --release --package emporion
target=$(cargo metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
emporion=$target/release/emporion
# Beside the build, because a temporary folder is often not on a disk.
folder=$(mktemp -d "$target/bench-venue.XXXXXX")

export EMPORION_HTTP__CONNECTIONS_PER_NETWORK_MAX=0
"$emporion" serve --listen 127.0.0.1:0 --data-dir "$folder/data" --rate-limits off \
    --ready-file "$folder/ready.json" 2> "$folder/log" &
server=$!
trap 'kill "$server" 2> /dev/null; wait "$server" || true; rm -rf "$folder"' EXIT
until [ -s "$folder/ready.json" ]; do
    kill -0 "$server" 2> /dev/null || { cat "$folder/log" >&2; exit 1; }
    sleep 0.1
done

"$emporion" bench --data-dir "$folder/data" --rate 500 --duration 30 --capacity 5
"$emporion" bench --data-dir "$folder/data" --rate 500 --duration 60 --sockets 1000 --stuck 100
"$emporion" audit --data-dir "$folder/data"
