# The few commands of this project; `make` alone lists them. Only make and Python 3.11+ need to be there.

PYTHON ?= python3
JOBS ?= 2
ARGS ?=

export UV_PYTHON_DOWNLOADS := never

# A `uv` that runs, or one of our own; the system's Python is never written to.
UV := $(shell uv --version >/dev/null 2>&1 && command -v uv || echo .tools/bin/uv)
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test check types bench deploy-check deploy-check-full manifests lock audit fuzz licences clean

help: ## List the commands.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make the environment in .venv, as requirements.lock pins it; done again when that changes.

demo: $(READY) ## Kafka, Valkey, a shop's events and the worker, live. ARGS="--seconds 45 --json" for a summary.
	@$(BIN)/millrace demo $(ARGS)

# The kernels are compiled once, before the JOBS test processes start: they would all do it.
test: $(READY) ## Run all tests, on a real Kafka and a real Valkey. ARGS="tests/models -k drift" for some.
	@$(BIN)/python -m worker.warmup
	$(BIN)/pytest -n $(JOBS) $(ARGS)

check: $(READY) ## Lint, format, types and import rules; changes nothing.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo importlinter.toml

types: $(READY) ## Types alone.
	$(BIN)/mypy

bench: $(READY) ## Measure rates, latency and memory on this machine. ARGS="--json" for programs.
	@$(BIN)/millrace bench $(ARGS)

deploy-check: $(READY) ## Lint what is under deploy/, and hold it against schemas. Fetches its tools once; needs Go.
	@$(BIN)/python -m deploy.checks check

deploy-check-full: $(READY) ## The same, on a real Kubernetes API server, and build and run the image. Needs root, and Debian.
	@$(BIN)/python -m deploy.checks check --full

manifests: $(READY) ## Write deploy/manifests anew from the chart.
	@$(BIN)/python -m deploy.checks manifests

lock: $(UV) ## Bring requirements.lock in step with pyproject.toml. ARGS="--upgrade" for newer versions.
	$(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 --all-extras --group dev \
		$(ARGS) pyproject.toml -o requirements.lock

# --strict: a package of which the service knows nothing is a failure, not a line to overlook.
audit: $(READY) ## Ask for known weaknesses of all that requirements.lock pins. Needs the network.
	$(UV) tool run --python $(BIN)/python pip-audit==2.10.1 --strict --require-hashes --disable-pip \
		--progress-spinner off --requirement requirements.lock $(ARGS)

licences: $(READY) ## Write docs/licences.md anew.
	@$(BIN)/python -m deploy.licences

FUZZ_TOOLS ?= .tools/fuzz

fuzz: $(READY) ## Feed a decoder altered inputs, by atheris. ARGS="events_ga4 --seconds 60 --corpus /tmp/fuzz"
	@$(UV) pip install --quiet --python $(BIN)/python --target $(FUZZ_TOOLS) --require-hashes -r tests/fuzz/atheris.lock
	PYTHONPATH=.:$(FUZZ_TOOLS) $(BIN)/python -m tests.fuzz $(ARGS)

clean: ## Remove caches and builds; the environment stays.
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .benchmarks build dist
	find deploy models producers worker tests -name __pycache__ -prune -exec rm -rf {} +

# -- the environment ---------------------------------------------------------------------------------------------

define REQUIRE_PYTHON
import sys
version = sys.version_info
if version < (3, 11):
    sys.exit("Millrace needs Python 3.11 or newer, and %s is %d.%d. Name another: make PYTHON=python3.12"
             % (sys.executable, version[0], version[1]))
print(sys.executable)
endef
export REQUIRE_PYTHON

# --no-build-isolation: the build runs with the pinned hatchling, so nothing that is not in the lock is fetched.
$(READY): requirements.lock pyproject.toml | $(UV)
	@python=$$($(PYTHON) -c "$$REQUIRE_PYTHON") && \
		{ $(BIN)/python -c "" 2>/dev/null || $(UV) venv --clear --quiet --python "$$python" .venv; }
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.tools/bin/uv:
	@$(PYTHON) -c "$$REQUIRE_PYTHON" >/dev/null
	@rm -rf .tools
	$(PYTHON) -m venv .tools
	@awk '/^[^ #]/ {uv = /^uv==/} uv' requirements.lock > .tools/uv.lock
	@.tools/bin/python -m pip install --quiet --require-hashes --requirement .tools/uv.lock
