# The verbs of this repository: `make help` lists them. A fresh machine needs Python 3.11 or newer, make and a package index.
# Another Python: make test PYTHON=python3.12. Arguments for the command behind a verb: make demo ARGS="--dir /tmp/news".

PYTHON ?= python3
ARGS   ?=

VENV   := .venv
BENCH  := .bench
PY     := $(VENV)/bin/python
PIP    := -m pip install --quiet --disable-pip-version-check --no-input
FAILED := { echo "make: the packages could not be installed; pip says above why (behind a mirror, set PIP_INDEX_URL)" >&2; exit 1; }

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install demo run test check browser format docs storm bench clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' Makefile

# -- what people run -----------------------------------------------------------------------------------------------------

install: $(VENV)/.base ## install into .venv; then: .venv/bin/aggregator --help

demo: $(VENV)/.base ## the whole main job, offline, in seconds
	@$(PY) -m aggregator demo $(ARGS)

run: $(VENV)/.base ## the daemon on feeds.yaml and config/ of this folder
	@$(PY) -m aggregator run $(ARGS)

# -- what engineers run --------------------------------------------------------------------------------------------------

# Bytecode is kept whatever the machine says: without it each of a hundred processes compiles the project anew, and each of pytest's
# rewrites every assertion.
test storm: export PYTHONDONTWRITEBYTECODE =

test: check ## check, then every test
	@$(PY) -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.dev ## format, lint, types, and the direction of imports
	@$(PY) -m ruff format --check --quiet . || { echo "make: 'make format' puts the layout right" >&2; exit 1; }
	@$(PY) -m ruff check --quiet .
	@$(PY) -m mypy
	@$(PY) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()' --no-logo

browser: node_modules/.packages ## install what tests/browser/ drives Chromium with; its tests are skipped without

format: $(VENV)/.dev ## lay the code out, and mend what can be mended without thought
	@$(PY) -m ruff format --quiet .
	@$(PY) -m ruff check --fix --quiet .

docs: $(VENV)/.dev ## write what is generated of docs/: commands.md, errors.md, schema.md
	@$(PY) -m tests.commands_page
	@$(PY) -m tests.errors_page
	@$(PY) -m tests.schema_page

storm: $(VENV)/.dev ## the tests with the big counts: minutes; a table at the end
	@AGGREGATOR_STORM=1 $(PY) -m pytest $(ARGS)

bench: $(VENV)/.dev $(BENCH)/.peers ## measure the promises of cost, peers beside us
	@$(PY) benchmarks/run.py --peers $(BENCH)/venv/bin/python $(ARGS)

clean: ## remove what the verbs above made; never var/
	@rm -rf $(VENV) $(BENCH) node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	@find aggregator tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# -- environments: one stamp file for each, as old as the last installation ----------------------------------------------------

$(PY):
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "make: there is no $(PYTHON) here; install Python 3.11 or newer, or name one: PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $(PYTHON) is older than 3.11; name a newer one: PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "make: $(PYTHON) comes without its venv module; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.base: pyproject.toml | $(PY)
	@echo "installing aggregator into $(VENV) (about half a minute, once)"
	@$(PY) $(PIP) -e . || $(FAILED)
	@touch $@

$(VENV)/.dev: pyproject.toml | $(PY)
	@echo "installing aggregator and the tools for its tests into $(VENV) (about a minute, once)"
	@$(PY) $(PIP) -e '.[dev]' || $(FAILED)
	@touch $@ $(VENV)/.base

node_modules/.packages: package.json .npmrc
	@command -v npm >/dev/null 2>&1 || { echo "make: there is no npm here; on Debian and Ubuntu: apt install nodejs npm chromium" >&2; exit 1; }
	@npm install --no-audit --no-fund --ignore-scripts --loglevel=error || { echo "make: the packages could not be installed; npm says above why (behind a mirror, set npm_config_registry)" >&2; exit 1; }
	@touch $@

# Peers are measured from an environment of their own: nothing of theirs is a dependency of ours.
$(BENCH)/.peers: benchmarks/peers.txt | $(PY)
	@echo "installing the peers of the benchmarks into $(BENCH)"
	@mkdir -p $(BENCH) && echo '*' > $(BENCH)/.gitignore
	@$(PY) -m venv --clear $(BENCH)/venv
	@$(BENCH)/venv/bin/python $(PIP) -r benchmarks/peers.txt || $(FAILED)
	@touch $@
