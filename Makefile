# make app    sets up what is missing and opens the app
# make test   sets up what is missing and runs every check
# make matrix compares memlab with the plain module for many model architectures (slow), and prints the table
PYTHON ?= python3
BIN := .venv/bin

.PHONY: app test lint matrix bench clean

.venv/.ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet "torch==2.13.*"
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/.ready-dev: .venv/.ready
	$(BIN)/pip install --quiet "pip>=25.1"
	$(BIN)/pip install --quiet --group dev
	touch $@

app: .venv/.ready
	$(BIN)/memlab serve

test: lint
	$(BIN)/pytest

lint: .venv/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

matrix: .venv/.ready-dev
	$(BIN)/pytest -m matrix tests/matrix

bench: .venv/.ready
	$(BIN)/memlab bench

clean:
	rm -rf .venv build dist
