#!/usr/bin/env bash
# tools/cargo-deny.sh ARGUMENT…: runs cargo-deny, building the pinned version into the cache when there is none.
set -euo pipefail
version=0.20.2

if command -v cargo-deny >/dev/null; then
    exec cargo-deny "$@"
fi
root=$BUILD_CACHE/cargo-deny-$version
if [ ! -x "$root/bin/cargo-deny" ]; then
    echo "building cargo-deny $version into $root; this takes minutes, once" >&2
    cargo install --quiet --locked cargo-deny --version "$version" --root "$root"
fi
exec "$root/bin/cargo-deny" "$@"
