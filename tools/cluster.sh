#!/usr/bin/env bash
# tools/cluster.sh up PROFILE DIR QUEUE RATE_LIMITS | down PROFILE DIR: starts the venue as services in DIR and leaves it
# running, or stops it.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin
command=$1 profile=$2 dir=$3
# The cluster is in the way of nobody's own venue: its processes take their config from their files alone.
for name in $(compgen -e EMPORION_ || true); do unset "$name"; done

if [ "$command" = down ]; then
    program=$dir/run/emporion-cluster
    [ -e "$program" ] || { echo "cluster-down: no cluster was started in $dir" >&2; exit 1; }
    "$program" down --dir "$dir"
    echo "The cluster in $dir is stopped; its logs are in $dir/log."
    exit
fi

folder=$profile
[ "$profile" = dev ] && folder=debug
target=${CARGO_TARGET_DIR:-target}/$folder
mkdir -p "$dir"
log=$dir/../$(basename "$dir").log
: > "$log"
setsid "$target/emporion-cluster" up --dir "$dir" --binary "$target/emporion" --queue "$4" --rate-limits "$5" \
    < /dev/null > "$log" 2>&1 &
supervisor=$!
# Ctrl-C while it starts ends it too.
trap 'kill "$supervisor" 2>/dev/null; wait "$supervisor" || true; exit 130' INT TERM
while ! grep -q '^The cluster answers' "$log"; do
    if ! kill -0 "$supervisor" 2>/dev/null; then
        tail -n 40 "$log" >&2
        exit 1
    fi
    sleep 0.2
done
trap - INT TERM
mv "$log" "$dir/log/supervisor.log"
ln -s "$(realpath "$target/emporion-cluster")" "$dir/run/emporion-cluster"
cat << EOF

$(cat "$dir/log/supervisor.log")

  $dir/ready.json        every process with its role, address and id
  $dir/emporion.toml     the config for commands, such as
                         $target/emporion account create --config $dir/emporion.toml --name alice --deposit USDT=100000
  $dir/log               what each process says

Stop it with: make cluster-down DIR=$dir
EOF
