# slm: make demo, make test
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := slmcli tests scripts benchmarks
NAME ?= sentiment
DATA ?=

.DEFAULT_GOAL := help
.PHONY: help demo test check format recipe clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/installed  ## install, then run the main job end to end on the sample corpus
	$(BIN)/slm run recipes/sentiment/recipe.yaml --work work/demo

test: check recipe  ## install what tests need, check the source, run a recipe and the tests, a process for each core, eight at most
	$(BIN)/python -m pytest -n logical --maxprocesses 8 --dist worksteal

check: $(VENV)/installed-dev  ## lint, formatting, types, layers, sample corpora
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/contracts/test_layers_of_the_source.py
	$(BIN)/python scripts/check_corpora.py

format: $(VENV)/installed-dev  ## write the source in its one form
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

recipe: $(VENV)/installed  ## run recipes/NAME and compare with its expected.json (NAME=sentiment, DATA=directory)
	$(BIN)/python scripts/run_recipe.py $(NAME) $(if $(DATA),--data-dir $(DATA))

clean:  ## remove outputs and the environment
	rm -rf work $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "slm needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/bin/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/installed
