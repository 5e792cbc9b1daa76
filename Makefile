# make app    sets up what is missing and opens the app
# make check  what to run before a commit: style, types, rooms, unit tests and one real answer
# make test   sets up what is missing and runs every check and test
# make thorough  every check and test, also the slow ones
# make matrix compares memlab with the plain module for many model architectures (slow), and prints the table
PYTHON ?= python3
BIN := .venv/bin

# Where bytecode is not kept, every process of a run compiles memlab and all tests again, for ten seconds each.
unexport PYTHONDONTWRITEBYTECODE

# Modules are compiled when they are first imported: compiling all of them takes longer than everything else here, and
# four in five are never imported.
PIP = $(BIN)/pip install --quiet --no-compile

.PHONY: app check quick test thorough tests all-tests lint matrix bench clean

.venv/.ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP) "torch==2.13.*" --editable '.[gguf]'
	touch $@

.venv/.ready-dev: .venv/.ready
	$(PIP) "pip>=25.1"
	$(PIP) --group dev
	touch $@

app: .venv/.ready
	$(BIN)/memlab serve

# One file stays with one worker: what it has started serves all its tests. `make test WORKERS=4` sets their number.
WORKERS ?= auto
TESTS = $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: .venv/.ready-dev
	$(MAKE) --no-print-directory -j 2 lint quick

# These tests do not wait: more workers than cores would only import everything once more.
quick: WORKERS = logical
quick: .venv/.ready-dev
	$(TESTS) tests/unit tests/engine/test_smoke.py

test: .venv/.ready-dev
	$(MAKE) --no-print-directory -j 2 lint tests

thorough: .venv/.ready-dev
	$(MAKE) --no-print-directory -j 2 lint all-tests

tests: .venv/.ready-dev
	$(TESTS)

all-tests: .venv/.ready-dev
	$(TESTS) -m "slow or not slow"

lint: .venv/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyrefly check
	$(BIN)/lint-imports

matrix: .venv/.ready-dev
	$(BIN)/pytest -m matrix tests/matrix

bench: .venv/.ready
	$(BIN)/memlab bench

clean:
	rm -rf .venv build dist
