# lookalike: `make` lists what there is.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo install test check faults soak fuzz lock clean

# The first Python that fits; `make PYTHON=/path/to/python …` chooses another.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && exec echo "$$python"; done; echo python3)

BIN := .venv/bin
STAMP := .venv/installed

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
export PIP_NO_INPUT := 1

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: export LOOKALIKE_HOME := $(or $(LOOKALIKE_HOME),$(CURDIR)/.lookalike)
demo: $(STAMP) ## the whole way on real photographs; IMAGES=folder takes yours
	@$(BIN)/lookalike demo $(if $(IMAGES),--images "$(IMAGES)")

install: $(STAMP) ## the virtual environment in .venv alone

$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { \
		echo "lookalike needs Python 3.11, 3.12 or 3.13; $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo missing)." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.12 $(or $(MAKECMDGOALS),install)" >&2; \
		exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments: ensurepip or venv is missing." >&2; \
		echo "On Debian and Ubuntu: apt install python3-venv" >&2; \
		exit 1; }
	@echo "Installing $$(grep -c '==' requirements.lock) packages into .venv; the first time takes some minutes ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --require-hashes -r requirements.lock | $(PROGRESS)
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@
	@echo "Installed."

# One line that changes, on a terminal only.
PROGRESS = if test -t 1; then \
	awk '/^Collecting / { n += 1; printf "\r\033[K%4d %s", n, $$2 } \
	/^Installing / { printf "\r\033[Kunpacking ..." } { fflush() } END { printf "\r\033[K" }'; \
	else cat > /dev/null; fi

# Two processes, each with servers of its own: most tests wait for something, and few compute.
# A file stays in one process, so that what its tests share is made once. tests/conftest.py has the
# order of the files.
test: $(STAMP) ## all tests, against real servers that they start themselves
	@$(BIN)/pytest tests -n 2 --dist loadfile --no-loadscope-reorder

check: $(STAMP) ## what every commit passes: format, lint, types, imports, unit tests
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest --quiet tests/unit

faults: $(STAMP) ## 60,000 jobs and a hundred faults, 15 to 30 minutes; one JSON line at the end
	@$(BIN)/python -m tests.faults

soak: $(STAMP) ## memory under half an hour of steady load; MINUTES=5 for less
	@$(BIN)/python -m tests.soak --minutes $(or $(MINUTES),30)

fuzz: $(STAMP) ## 100,000 damaged pictures through the decoders; one JSON line; INPUTS=2000 for fewer
	@$(BIN)/python -m tests.fuzz --inputs $(or $(INPUTS),100000) --keep .fuzz

lock: ## write requirements.lock anew from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --no-annotate -q -o requirements.lock

clean: ## remove the environment, caches and the demo's data
	@# Root's data may lie where its server's account can enter: the link says where.
	test ! -L .lookalike/postgres/elsewhere || rm -rf "$$(readlink .lookalike/postgres/elsewhere)"
	rm -rf .venv .lookalike .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
