# Everything a person does with this repository. `make help` lists it.

.DEFAULT_GOAL := help
.PHONY: help run setup setup-test setup-memory test check bench soak screenshots openapi clean

VENV := .venv
BIN := $(VENV)/bin
HOME_FOLDER ?= ./claude-home
PORT ?=
# Arguments for pytest, bench and soak, for example: make test ARGS='tests/runner/kernel -x'
ARGS ?=
# A suite that hangs is ended after so many seconds; it takes less than 720 on two cores.
TEST_SECONDS ?= 1000
COVERAGE ?= 1
# So many processes share the suite: what waits for programs in one leaves a processor to the other.
WORKERS ?= 2
CPU_INDEX := https://download.pytorch.org/whl/cpu

# The first Python that is new enough and can make environments; PYTHON=... overrides it.
PYTHON ?= $(shell for name in python3.11 python3 python3.12 python3.13 python3.14 python; do \
	"$$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo "$$name"; break; }; done)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
PIP = $(BIN)/python -m pip install --quiet --constraint constraints.txt

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.core ## Start everything; opens on http://127.0.0.1:8000 (PORT=... changes it)
	@test -d $(HOME_FOLDER) || $(BIN)/claude-runner init --demo --home $(HOME_FOLDER)
	@exec $(BIN)/claude-runner up --home $(HOME_FOLDER) $(if $(PORT),--port $(PORT))

setup: $(VENV)/.test ## Make the environment, with the program and the tools that check it

setup-test: $(VENV)/.test ## Install what the tests need beside Python: git, Node with npm packages, Chromium, systemd-analyze
	@.ci/setup-test

setup-memory: $(VENV)/.core ## Add the model library of the semantic memory (about 1.4 GB)
	@if ! command -v nvidia-smi >/dev/null 2>&1 && $(BIN)/python -c \
		"import urllib.request as r; r.urlopen('$(CPU_INDEX)/torch/', timeout=3).close()" 2>/dev/null; then \
		echo "no NVIDIA card here: taking PyTorch's CPU build"; \
		$(PIP) --extra-index-url $(CPU_INDEX) --editable '.[memory]'; \
	else \
		$(PIP) --editable '.[memory]'; \
	fi

test: setup-test ## Run the whole suite (COVERAGE=0: without measuring; ARGS=...: a part of it)
ifeq ($(COVERAGE)$(ARGS),1)
	@$(BIN)/coverage erase
	timeout --foreground --kill-after=10 $(TEST_SECONDS) $(BIN)/coverage run -m pytest --numprocesses $(WORKERS) --dist worksteal
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
else
	timeout --foreground --kill-after=10 $(TEST_SECONDS) $(BIN)/python -m pytest $(ARGS)
endif

check: $(VENV)/.test ## Format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.test ## Measure speed, with the full counts (ARGS='--json' for other programs)
	$(BIN)/python -m tests.bench $(ARGS)

soak: $(VENV)/.test ## Run for long under load and faults, with the full counts
	$(BIN)/python -m tests.soak $(ARGS)

screenshots: setup-test ## Take pictures of all pages, and the README's anew
	$(BIN)/python -m tests.screenshots build/screenshots
	cp build/screenshots/live-light.png config/pictures/live.png

openapi: $(VENV)/.core ## Write the API's description to build/openapi.json
	@mkdir -p build
	$(BIN)/python -m web.api.describe build/openapi.json

clean: ## Take away what these commands made, except the home
	rm -rf $(VENV) tests/node/node_modules .coverage .coverage.* htmlcov dist build
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './claude-home/*' -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with its venv module is needed and was not found;" \
		"install it (Debian, Ubuntu: apt-get install python3 python3-venv) or name one: make PYTHON=/path/to/python" >&2; \
		exit 1; }
	@echo "making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing the program"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.core
	@echo "installing the tools that check it"
	@$(PIP) --editable '.[test]'
	@touch $@
