#!/usr/bin/env bash
# tools/test-rust.sh: every Rust test of the workspace, with nextest where it is installed, beside one PostgreSQL, one
# Redis, one Redis cluster and one SQS emulator for all of them.
set -euo pipefail
cd "$(dirname "$0")/.."
parts=${CARGO_TARGET_DIR:-target}/debug/parts

# Built with the tests, so that nothing is built twice: a package by itself has its dependencies with other features.
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --locked --workspace --no-run
    "$parts" -- cargo nextest run --locked --workspace --no-fail-fast
else
    cargo test --locked --workspace --no-run --lib --bins --tests
    "$parts" -- cargo test --locked --workspace --no-fail-fast --lib --bins --tests
fi
