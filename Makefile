# The project's commands. Each says what it does before it does it; `make` alone lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Where `make run` listens, keeps its data and writes its key, and with which Cargo profile it is built.
LISTEN ?= 127.0.0.1:8080
DATA_DIR ?= demo-data
DEMO_ENV ?= demo.env
PROFILE ?= release

# Where `make cluster` keeps everything, how its orders reach the sequencer (spill or always), how much clients may ask
# for (off, relaxed or binance), and what stands for SQS (ministack or twin).
DIR ?= .cluster
QUEUE ?= spill
RATE_LIMITS ?= off
LANES ?= ministack

# What `make bench-cluster` measures, such as "spill spike"; all of it if empty.
MEASUREMENTS ?=

# Tools and environments that the targets make for themselves; safe to delete at any time.
export BUILD_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/emporion

.PHONY: help run cluster cluster-down test lint bench bench-cluster

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build and start a demo venue, print its address, key and secret, and write them to demo.env
	@echo "run: building (profile $(PROFILE)), then a demo venue on $(LISTEN) with its data in $(DATA_DIR)/; Ctrl-C stops it"
	@cargo build --locked --profile $(PROFILE) --package emporion
	@exec tools/demo.sh $(PROFILE) $(LISTEN) $(DATA_DIR) $(DEMO_ENV)

cluster: ## Start the venue as services: PostgreSQL, Redis, an SQS emulator, haproxy, two processes of each role
	@echo "cluster: the packages it needs, then a build (profile $(PROFILE)), then the venue as services in $(DIR)/"
	@tools/packages.sh
	@cargo build --locked --profile $(PROFILE) --package emporion --package emporion-cluster
	@tools/cluster.sh up $(PROFILE) $(DIR) $(QUEUE) $(RATE_LIMITS) $(LANES)

cluster-down: ## Stop the venue that `make cluster` started in DIR
	@tools/cluster.sh down $(PROFILE) $(DIR)

test: ## Run the Rust tests, then real third-party clients and the README's blocks against the real binary
	@echo "test: Rust tests of the whole workspace"
	@tools/test-rust.sh
	@echo "test: CCXT, python-binance and the README's blocks against the real binary"
	@tools/test-clients.sh

lint: ## Check formatting, Clippy's and our own lints, licences, bans and sources of dependencies
	@echo "lint: formatting"
	@cargo fmt --all --check
	@echo "lint: Clippy, warnings are errors"
	@cargo clippy --locked --workspace --all-targets -- -D warnings
	@echo "lint: licences, bans and sources of dependencies"
	@tools/cargo-deny.sh --log-level warn check bans licenses sources
	@echo "lint: no path of anybody's machine in the tree"
	@! git grep --untracked -nIE '(^|[^[:alnum:]_./-])/(Users|home|root|work)/' -- .

bench: ## Measure engine, store and the whole venue on this machine; figures are ratios within one run
	@echo "bench: the engine beside published order books, and the store beside the disk"
	@cargo bench --locked --package emporion-bench
	@echo "bench: the venue end to end"
	@tools/bench-venue.sh

bench-cluster: ## Measure the venue as services under load: each way of orders, a spike, a takeover, the highest rate
	@echo "bench-cluster: several clusters one after the other (profile $(PROFILE)), about ten minutes"
	@tools/bench-cluster.sh $(PROFILE) $(MEASUREMENTS)
