# The commands a newcomer needs: `make demo` and `make test`. Each does its own set-up.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
CARGO_DENY_VERSION := 0.20.2
# A local AWS with a judge of IAM that is not ours (AGPL: a process of its own, nothing of it is linked or shipped).
FAKECLOUD_VERSION := 0.51.0
# The command line is linked statically, and for a fixed address, where that can be done: it then starts in two thirds of
# the time. Nothing in it is unsafe code, and it speaks to nobody but its own user's daemon. The daemon is linked as
# usual: it speaks to others, and it looks up host names, for which glibc loads what the machine is configured to use.
FIXED := -C relocation-model=static
STATIC := $(shell [ -e "$$(cc -print-file-name=libc.a 2>/dev/null)" ] && rustc -vV | grep '^host: .*-linux-gnu' >/dev/null \
  && echo '-C target-feature=+crt-static $(FIXED)')

# The addresses that a program corrects as it starts, in a tenth of the room: 2 MB less to read and to keep in memory.
PACKED := -C link-arg=-Wl,-z,pack-relative-relocs

# What is shipped runs on any Linux. Nothing in it tells where it was built.
TARGET ?= $(shell uname -m)-unknown-linux-musl
CARGO_HOME_DIRECTORY := $(or $(CARGO_HOME),$(HOME)/.cargo)
CARGO_CYCLONEDX_VERSION := 0.5.9
EPOCH = $(shell git log -1 --format=%ct)
REMAPPED := --remap-path-prefix=$(CURDIR)=. --remap-path-prefix=$(CARGO_HOME_DIRECTORY)=cargo
# What is needed first is linked first, by names that say all of a function (packaging/README.md).
ORDERED = $(shell command -v python3 >/dev/null && echo '-C linker-flavor=gcc -C linker=$(CURDIR)/packaging/order/link')
REPRODUCIBLE = CC_$(subst -,_,$(TARGET))=musl-gcc CFLAGS_$(subst -,_,$(TARGET))="-ffile-prefix-map=$(CARGO_HOME_DIRECTORY)=cargo" \
  RUSTFLAGS="-C symbol-mangling-version=v0 $(REMAPPED)" SOURCE_DATE_EPOCH=$(EPOCH)

.PHONY: help build programs shipped order release packages sbom docs pictures demo test test-faults test-admins test-iam test-setup test-samples test-editors vsix model deny check bench

help: ## Lists these targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 16

build: ## Builds both programs (debug).
	cargo build --locked --package deployer-cli --package deployer-daemon

programs: ## Builds both programs, optimised, for this machine.
	cargo build --locked --release --package deployer-daemon
	cargo rustc --locked --release --package deployer-cli --bin deployer -- $(STATIC)

release: packages sbom ## Builds what is shipped into target/dist: static programs, packages, checksums, a list of parts.
	@cd target/dist && rm -f SHA256SUMS && sha256sum -- * > .sums && mv .sums SHA256SUMS && cat SHA256SUMS

define static
@command -v musl-gcc >/dev/null || { echo "musl-gcc is missing: install musl-tools (Debian) or musl-gcc (Fedora)"; exit 1; }
rustup target add $(TARGET)
$(REPRODUCIBLE) cargo rustc --locked --release --target $(TARGET) --package deployer-daemon --bin deployerd -- $(PACKED) $(1)
$(REPRODUCIBLE) cargo rustc --locked --release --target $(TARGET) --package deployer-cli --bin deployer -- $(FIXED) $(1)
endef

shipped: ## Builds both programs as they are shipped: static, for any Linux.
	$(call static,$(ORDERED))

order: test-setup ## Records which functions the programs need first, for the linking of what is shipped.
	$(call static,-C strip=none)
	packaging/order/record target/$(TARGET)/release

packages: test-setup shipped ## Builds the archive, deb, rpm and formula of the static programs.
	rm -rf target/dist
	packaging/package target/$(TARGET)/release $(TARGET) target/dist

sbom: ## Lists what the programs are made of (CycloneDX).
	@command -v cargo-cyclonedx >/dev/null || cargo install --locked cargo-cyclonedx --version $(CARGO_CYCLONEDX_VERSION)
	@mkdir -p target/dist
	@for crate in cli daemon; do \
	  SOURCE_DATE_EPOCH=$(EPOCH) cargo cyclonedx --quiet --format json --target $(TARGET) \
	    --manifest-path $$crate/Cargo.toml --override-filename sbom; \
	  sed 's|$(CURDIR)|.|g' $$crate/sbom.json > target/dist/sbom-$$crate.cdx.json; \
	done
	@find . -name sbom.json -not -path './target/*' -delete

docs: build ## Makes the pages of docs/ that come from the programs.
	docs/reference/run target/debug docs

pictures: test-setup build ## Makes the pictures of docs/pictures from real runs.
	$(or $(DEPLOYER_TEST_VENV),.venv)/bin/python docs/pictures/make.py target/debug docs/pictures

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

test-admins: test-setup build ## Two admins make 1,000 changes to the same tenants, on each backend (some minutes).
	DEPLOYER_TEST_CHANGES=1000 cargo test --workspace --locked --test cases -- --nocapture tenant_admins::

test-iam: test-setup build ## Lets a judge of IAM that is not ours judge the policies; it is built first, once (half an hour).
	@[ -x "$${DEPLOYER_TEST_FAKECLOUD:-target/fakecloud/bin/fakecloud}" ] || { \
	  CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
	  CARGO_TARGET_DIR=target/fakecloud/build \
	    cargo install --locked --root target/fakecloud --version $(FAKECLOUD_VERSION) fakecloud && rm -rf target/fakecloud/build; }
	cargo test --workspace --locked --test cases -- --ignored isolation_judged::

vsix: ## Packages the extension for VS Code (editors/vscode/dist/deployer.vsix). Needs no network once its parts are installed.
	@cd editors/vscode && { [ -d node_modules ] || npm ci --silent --no-audit --no-fund; }
	@cd editors/vscode && npm run --silent generate && npm run --silent check && npm run --silent build && npm run --silent package

test-editors: test-setup build ## Runs the editors for real: VS Code in a browser, Neovim, a YAML language server.
	@tests/editors/setup
	@$(MAKE) --no-print-directory vsix
	@tests/editors/run
	@git diff --quiet HEAD -- editors proto tests/editors && .ci/editors > .ci/editors-passed || true

test-samples: test-setup build ## Compares templates of others, SAMPLES=DIRECTORY, through the product and directly.
	tests/samples/run target/debug $${SAMPLES:?make test-samples SAMPLES=DIRECTORY}

model: ## Explores the lock protocol further than the tests do, and tells how far (docs/model.md).
	DEPLOYER_MODEL_BOUND=$${DEPLOYER_MODEL_BOUND:-large} cargo test --locked --release --package deployer-model -- --nocapture --test-threads 1

deny: ## Checks dependencies: licences, sources, who uses what, and advisories where their database can be had.
	@command -v cargo-deny >/dev/null || cargo install --locked cargo-deny --version $(CARGO_DENY_VERSION)
	@cargo deny --locked check bans licenses sources
	@if timeout 60 cargo deny fetch db >/dev/null 2>&1; then cargo deny --locked check advisories; \
	  else echo "skipped: the advisory database cannot be fetched from here, so advisories were not checked"; fi

check: ## Runs what CI runs.
	@.ci/run

bench: ## Measures what is shipped (without musl-gcc: the plain release) against the floor and the peers, in one run.
	@if command -v musl-gcc >/dev/null; then \
	  $(MAKE) --no-print-directory shipped && docs/bench/run target/$(TARGET)/release; \
	else \
	  $(MAKE) --no-print-directory programs && docs/bench/run target/release; \
	fi
