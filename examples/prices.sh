#!/usr/bin/env bash
# Prints the best bid and ask of every symbol. Needs no key.
set -euo pipefail
. ./demo.env

curl --silent --show-error --fail-with-body "$DEMO_URL/api/v3/ticker/bookTicker" |
    grep -o '{[^}]*}' |
    sed 's/.*"symbol":"\([^"]*\)".*"bidPrice":"\([^"]*\)".*"askPrice":"\([^"]*\)".*/\1 \2 \3/' |
    while read -r symbol bid ask; do
        printf '%-10s %18s %18s\n' "$symbol" "$bid" "$ask"
    done
