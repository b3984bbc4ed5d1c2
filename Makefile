# The virtual environment is in .venv. It is made without ensurepip, which plain Debian does not have.
PYTHON ?= python3
BIN := .venv/bin
# Python compiles the modules that it imports; pip would compile all of them
PIP := $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check install --quiet --no-compile
# one process for each core, each test file in one process, and BLAS without threads
TESTS := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile
# port of make teach
PORT ?= 2718
export MPLBACKEND ?= Agg
# compiled once and not at each start of Python, also where the environment says not to write it
export PYTHONDONTWRITEBYTECODE :=

# quick tests of every engine and every room, for another Python or other versions
QUICK := tests/test_units.py $(addprefix tests/,$(addsuffix .py,emitters/test_emitters \
	fields/test_fields couplings/test_couplings master/test_master \
	test_states $(addprefix engines/test_,single symmetric driven systems) \
	$(addprefix evolution/test_,evolve lost_work) $(addprefix observables/test_,spectra photons) \
	$(addprefix results/test_,result files xarray) plot/test_plot \
	$(addprefix sweeps/test_,sweep stores ensemble) $(addprefix emitters/test_,disorder real_atoms)))
# deprecation warnings come from old packages used with new ones, not from this package
OTHERS := $(TESTS) -q -m "not slow" -W ignore::DeprecationWarning -W ignore::PendingDeprecationWarning \
	$(QUICK)
RUNNERS := pytest pytest-xdist hypothesis mpmath
# a Python 3.13 on the path or from pyenv, if there is one
PYTHON313 ?= $(shell for p in python3.13 $$(ls -d $$(pyenv root 2>/dev/null)/versions/3.13*/bin/python3.13 \
	2>/dev/null); do $$p -c "" 2>/dev/null && echo $$p && break; done)

.PHONY: demo teach test test-slow environments test-oldest test-313 test-browser lint types doctest docs package bench clean

demo: .venv/run.stamp
	$(BIN)/collective demo --output demo-output

teach: .venv/teach.stamp
	$(BIN)/marimo run teaching --no-sandbox --host 127.0.0.1 --port $(PORT)

test: .venv/run.stamp
	$(TESTS) -m "not slow"

test-slow: .venv/teach.stamp
	$(TESTS) -m slow

# the oldest versions that pyproject.toml allows
test-oldest: .venv-oldest/run.stamp
	NUMBA_CACHE_DIR=$(CURDIR)/.venv-oldest/kernels $(OTHERS:$(BIN)/%=.venv-oldest/bin/%)

ifeq ($(PYTHON313),)
environments: .venv-oldest/run.stamp

test-313:
	@echo "make test-313: no Python 3.13 here, nothing tested"
else
environments: .venv-oldest/run.stamp .venv-313/run.stamp

test-313: .venv-313/run.stamp
	NUMBA_CACHE_DIR=$(CURDIR)/.venv-313/kernels $(OTHERS:$(BIN)/%=.venv-313/bin/%)
endif

test-browser: .venv/browser.stamp
	$(BIN)/python -m pytest tests/pages/browser

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

# what an index would get: both archives, each installed into an empty environment, run the demo
package: .venv/release.stamp
	rm -rf dist .venv-package
	$(BIN)/python -m build --no-isolation . > /dev/null
	$(PYTHON) -m venv --without-pip .venv-package
	$(PIP:$(BIN)/%=.venv-package/bin/%) -c constraints.txt dist/*.whl
	cd .venv-package && bin/collective demo --output from-wheel
	$(PIP:$(BIN)/%=.venv-package/bin/%) --force-reinstall --no-deps dist/*.tar.gz
	cd .venv-package && bin/collective demo --output from-source
	cd .venv-package && bin/python ../.ci/installed.py

bench: .venv/run.stamp
	$(BIN)/python benchmarks/calls.py
	$(BIN)/python benchmarks/ensembles.py
	$(BIN)/python benchmarks/exact.py
	$(BIN)/python benchmarks/driven.py
	$(BIN)/python benchmarks/steady.py
	$(BIN)/python benchmarks/couple.py
	$(BIN)/python benchmarks/wire.py
	$(BIN)/python benchmarks/planes.py
	$(BIN)/python benchmarks/currents.py
	$(BIN)/python benchmarks/engines.py
	$(BIN)/python benchmarks/large_n.py
	$(BIN)/python benchmarks/accuracy.py
	$(BIN)/python benchmarks/sweeps.py

clean:
	rm -rf .venv .venv-oldest .venv-313 .venv-package dist docs/_build docs/gallery docs/generated docs/_static/teaching docs/_static/exercises demo-output

.venv/python.stamp:
	$(PYTHON) -m venv --without-pip .venv
	touch $@

.venv/run.stamp: .venv/python.stamp pyproject.toml constraints.txt
	$(PIP) -c constraints.txt -e '.[test]'
	touch $@

# a sixth of all that is installed; the quick tests do without
.venv/teach.stamp: .venv/run.stamp
	$(PIP) -c constraints.txt marimo
	touch $@

.venv/dev.stamp: .venv/run.stamp
	$(PIP) -c constraints.txt -e '.[test,lint,docs]'
	touch $@

.venv/browser.stamp: .venv/run.stamp
	$(PIP) -c constraints.txt -e '.[test,browser]'
	touch $@

.venv/release.stamp: .venv/run.stamp
	$(PIP) -c constraints.txt -e '.[test,release]'
	touch $@

.venv-oldest/run.stamp: pyproject.toml constraints.txt .ci/oldest.py
	$(PYTHON) -m venv --without-pip .venv-oldest
	$(PYTHON) .ci/oldest.py > .venv-oldest/constraints.txt
	$(PIP:$(BIN)/%=.venv-oldest/bin/%) -c .venv-oldest/constraints.txt -e '.[progress,data,cluster]' $(RUNNERS)
	touch $@

.venv-313/run.stamp: pyproject.toml constraints.txt
	$(PYTHON313) -m venv --without-pip .venv-313
	$(PIP:$(BIN)/%=.venv-313/bin/%) -c constraints.txt -e '.[progress,data,cluster]' $(RUNNERS)
	touch $@
