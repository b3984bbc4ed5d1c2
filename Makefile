# One virtual environment in .venv, made without ensurepip so that a bare Debian will do.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check install --quiet
# one process per core, each file in one of them, and no threads of BLAS beside
TESTS := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile
# of make teach
PORT ?= 2718
export MPLBACKEND ?= Agg

.PHONY: demo teach test test-slow test-browser lint types doctest docs bench clean

demo: .venv/run.stamp
	$(BIN)/collective demo --output demo-output

teach: .venv/run.stamp
	$(BIN)/marimo run teaching --no-sandbox --host 127.0.0.1 --port $(PORT)

test: .venv/run.stamp
	$(TESTS) -m "not slow"

test-slow: .venv/run.stamp
	$(TESTS) -m slow

test-browser: .venv/browser.stamp
	$(BIN)/python -m pytest tests/browser

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev.stamp
	$(BIN)/mypy

doctest: .venv/run.stamp
	$(BIN)/python -m pytest --doctest-modules collective

docs: .venv/dev.stamp
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

bench: .venv/run.stamp
	$(BIN)/python benchmarks/exact.py
	$(BIN)/python benchmarks/couple.py
	$(BIN)/python benchmarks/wire.py
	$(BIN)/python benchmarks/currents.py
	$(BIN)/python benchmarks/engines.py

clean:
	rm -rf .venv docs/_build docs/gallery docs/generated docs/_static/teaching demo-output

.venv/python.stamp:
	$(PYTHON) -m venv --without-pip .venv
	touch $@

.venv/run.stamp: .venv/python.stamp pyproject.toml constraints.txt
	$(PIP) -c constraints.txt -e '.[test]'
	touch $@

.venv/dev.stamp: .venv/run.stamp
	$(PIP) -c constraints.txt -e '.[test,lint,docs]'
	touch $@

.venv/browser.stamp: .venv/run.stamp
	$(PIP) -c constraints.txt -e '.[test,browser]'
	touch $@
