# The commands a newcomer needs: `make demo` and `make test`. Each does its own set-up.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
CARGO_DENY_VERSION := 0.20.2
# The command line is linked statically where that can be done: it then starts in three quarters of the time. The daemon
# is not, because it looks up host names, for which glibc loads what the machine is configured to use.
STATIC := $(shell [ -e "$$(cc -print-file-name=libc.a 2>/dev/null)" ] && rustc -vV | grep -q '^host: .*-linux-gnu' \
  && echo '-C target-feature=+crt-static')

.PHONY: help build release demo test test-faults test-setup model deny check bench

help: ## Lists these targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 16

build: ## Builds both programs (debug).
	cargo build --locked --package deployer-cli --package deployer-daemon

release: ## Builds both programs (release).
	cargo build --locked --release --package deployer-daemon
	cargo rustc --locked --release --package deployer-cli --bin deployer -- $(STATIC)

demo: build ## Runs the main job on the embedded backend, in its own temporary home.
	@docs/demo/run target/debug

test-setup: ## Installs what the tests need: a Python environment, Node packages, a keyring service.
	@tests/setup

test: test-setup build ## Runs all tests.
	@if cargo nextest --version >/dev/null 2>&1; then \
	  cargo nextest run --workspace --locked --no-fail-fast; \
	  cargo test --workspace --locked --doc --quiet; \
	else \
	  cargo test --workspace --locked --no-fail-fast; \
	fi

test-faults: test-setup build ## Runs the first six rows of the fault table with the real times (some minutes).
	@if cargo nextest --version >/dev/null 2>&1; then \
	  DEPLOYER_TEST_REAL_TIMES=1 cargo nextest run --workspace --locked --no-fail-fast --test faults --test-threads 9 \
	    -E 'test(/^(kill|journal|pause)::/)'; \
	else \
	  DEPLOYER_TEST_REAL_TIMES=1 cargo test --workspace --locked --no-fail-fast --test faults -- \
	    --test-threads 9 kill:: journal:: pause::; \
	fi

model: ## Explores the lock protocol further than the tests do, and tells how far (docs/model.md).
	DEPLOYER_MODEL_BOUND=$${DEPLOYER_MODEL_BOUND:-large} cargo test --locked --release --package deployer-model -- --nocapture --test-threads 1

deny: ## Checks dependencies: licences, sources, who uses what, and advisories where their database can be had.
	@command -v cargo-deny >/dev/null || cargo install --locked cargo-deny --version $(CARGO_DENY_VERSION)
	@cargo deny --locked check bans licenses sources
	@if timeout 60 cargo deny fetch db >/dev/null 2>&1; then cargo deny --locked check advisories; \
	  else echo "skipped: the advisory database cannot be fetched from here, so advisories were not checked"; fi

check: ## Runs what CI runs.
	@.ci/run

bench: release ## Measures against the floor and the peers, in one run.
	@docs/bench/run target/release
