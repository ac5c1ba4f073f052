#!/usr/bin/env bash
# tools/test-clients.sh [PYTEST ARGUMENT…]: real third-party clients against the real binary, as one process and as
# services.
#
# Makes the Python environment that it needs in the cache, named after the Python and the pinned requirements,
# so that a change of either makes a new one.
set -euo pipefail
cd "$(dirname "$0")/.."
requirements=tests/clients/requirements.txt

environment() {
    local id
    id=$({ python3 --version; cat "$requirements"; } | sha256sum | cut -c 1-16)
    echo "$BUILD_CACHE/clients-$id"
}

# Several checkouts may share the cache: one builds, the others wait.
make_environment() {
    local env=$1
    mkdir -p "$BUILD_CACHE"
    exec 9> "$env.lock"
    flock 9
    if [ ! -e "$env/complete" ]; then
        echo "making a Python environment in $env" >&2
        python3 -m venv --clear "$env"
        "$env/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$requirements"
        touch "$env/complete"
    fi
    exec 9>&-
}

# The page is tested in a real browser. Where it cannot be installed, its tests say what to install.
install_browser() {
    command -v "${CHROMIUM:-chromium}" >/dev/null && return
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 0
    echo "installing chromium" >&2
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >&2
}

tools/packages.sh
# Debian keeps haproxy where only root looks.
PATH=$PATH:/usr/sbin
env=$(environment)
make_environment "$env"
install_browser
# As `make run` builds it: without what the Rust tests switch on in dependencies.
cargo build --locked --package emporion
cargo build --locked --package emporion-cluster
VENUE_BINARY=$(cargo metadata --locked --no-deps --format-version 1 |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/debug/emporion
export VENUE_BINARY
# Every wait of the tests is bounded; this bounds what they did not foresee.
exec timeout --kill-after=30s 30m "$env/bin/python" -m pytest -c tests/clients/pytest.ini tests/clients "$@"
