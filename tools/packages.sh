#!/usr/bin/env bash
# tools/packages.sh: installs the Debian packages that tests and the local cluster need and that are missing: as root
# without asking; anybody else is told the command. Debian's own PostgreSQL and Redis services are not started.
set -euo pipefail

packages=()
need() { packages+=("$@"); }
command -v cc >/dev/null || need gcc libc6-dev
command -v curl >/dev/null || need curl
command -v openssl >/dev/null || need openssl
command -v make >/dev/null || need make
python3 -c 'import ensurepip, venv' 2>/dev/null || need python3 python3-venv
compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || need postgresql
command -v redis-server >/dev/null || need redis-server
PATH=$PATH:/usr/sbin command -v haproxy >/dev/null || need haproxy
[ ${#packages[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null || { echo "missing, and this is no Debian: ${packages[*]}" >&2; exit 1; }
if [ "$(id -u)" != 0 ]; then
    echo "missing: ${packages[*]}; install with: sudo apt-get install --no-install-recommends ${packages[*]}" >&2
    exit 1
fi
# Debian asks this file before it starts a service that it has just installed.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
