#!/usr/bin/env bash
# tools/demo.sh PROFILE LISTEN DATA_DIR ENV_FILE: starts a demo venue and says where it is.
#
# The server takes this process over, so Ctrl-C reaches it directly and its exit code is the script's. A
# helper in the background waits for the ready file, prints the address and the first demo account's key,
# and writes them to ENV_FILE, which the README's blocks read.
set -euo pipefail
cd "$(dirname "$0")/.."
profile=$1 listen=$2 data_dir=$3 env_file=$4

scratch=$(mktemp -d)
ready=$scratch/ready.json

# The first text under a name in the ready file.
ready_value() {
    grep -o "\"$1\" *: *\"[^\"]*\"" "$ready" | sed -n 1p | cut -d '"' -f 4
}

announce() {
    local server=$1
    until [ -s "$ready" ]; do
        kill -0 "$server" 2>/dev/null || { rm -rf "$scratch"; return; }
        sleep 0.1
    done
    local url key secret
    url=$(ready_value rest) key=$(ready_value apiKey) secret=$(ready_value secretKey)
    (
        umask 077
        printf 'DEMO_URL=%s\nDEMO_API_KEY=%s\nDEMO_SECRET_KEY=%s\n' "$url" "$key" "$secret" > "$env_file.new"
    )
    mv "$env_file.new" "$env_file"
    rm -rf "$scratch"
    printf '\nEmporion is ready.\n\n  URL     %s\n  key     %s\n  secret  %s\n\n' "$url" "$key" "$secret"
    printf '%s holds these three for the blocks of the README. Ctrl-C stops the venue; %s keeps its data.\n\n' \
        "$env_file" "$data_dir"
}

announce $$ &
exec cargo run --quiet --locked --profile "$profile" --package emporion -- \
    serve --demo --listen "$listen" --data-dir "$data_dir" --ready-file "$ready"
