# The two commands that a newcomer needs: `make demo` and `make test`. `make help` lists all.
PYTHON ?= python3
BIN := .venv/bin
PLUGINS := $(wildcard plugins/iqf-*)
READY := .venv/ready

.PHONY: help venv demo test alone check bench format constraints clean
.DEFAULT_GOAL := help

help: ## List these commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

venv: $(READY) ## Make the environment .venv with the core and every plugin, editable

# One install for core and plugins, so that they satisfy each other. uv takes seconds where pip takes
# a minute; where uv cannot be had, or cannot reach what pip's own configuration can, pip does it.
$(READY): pyproject.toml constraints.txt $(PLUGINS:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "IQF needs Python 3.11 or newer; %s is %s. Try: make PYTHON=python3.11 ..." % (sys.executable, sys.version.split()[0]))'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv || true
	$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --compile-bytecode -c constraints.txt \
		-e '.[demo,dev]' $(PLUGINS:%=-e ./%) \
	|| $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		-e '.[demo,dev]' $(PLUGINS:%=-e ./%)
	@touch $(READY)

demo: $(READY) ## Run the demonstration study: real pictures, compressed until a classifier suffers
	$(BIN)/iqf demo

test: $(READY) ## Run every test (about ten minutes on two cores)
	$(BIN)/python -m pytest -n 2 --dist worksteal

alone: $(READY) ## Try each plugin by itself: its wheel and the core's in a clean environment, its tests there
	$(BIN)/python tests/alone.py $(PLUGINS)

check: $(READY) ## Lint, formatting, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy iqf_core $(foreach p,$(PLUGINS),$(p)/$(subst -,_,$(notdir $(p))))
	$(BIN)/lint-imports

bench: $(READY) ## Measure speed as ratios to named floors; fails when a bar is missed
	$(BIN)/python benchmarks/run.py

format: $(READY) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

constraints: $(READY) ## Pin again what the environment is made of (constraints.txt)
	printf -- '-e %s\n' '.[demo,dev]' $(PLUGINS:%=./%) | $(BIN)/python -m uv pip compile --quiet --universal --no-header --python-version 3.11 \
		--no-annotate --upgrade --no-emit-package iqf-core $(PLUGINS:plugins/%=--no-emit-package %) - -o constraints.txt

clean: ## Remove the environment and what the tools left
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist
