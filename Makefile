PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS := constraints.txt
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS)

# Tests of a file stay on one core: they share what they made ready.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist loadfile

# What the tests of optional parts need beside `.[onnx,dev]`; the default build of torch takes 3 GB
OPTIONAL := torch==2.13.0 torchvision onnxscript nltk pandas pycocotools playwright axe-playwright-python

# What must not be missing in `make test-all`: import names of packages, and browsers
NEEDED := torch torchvision onnxscript nltk pandas pycocotools tokenizers safetensors pyarrow matplotlib
NEEDED += playwright axe_playwright_python chromium firefox-esr

# Rooms that import no package but NumPy. Tests of commands run them, too; tests/oracle compares what
# they find with the definitions.
OWN_LOGIC := executors formula labelling metrics nulls oracle search statistics

.PHONY: demo check quick versions test test-all lint check-lowest check-newest bench screenshots clean

# The whole path on real data: .venv, installation, labelled neurons in ./invert-demo
demo: $(VENV)/installed
	$(BIN)/invert demo --overwrite

# For every change: the linters, and all tests but the slow ones
check: lint quick

quick: $(VENV)/installed-dev
	$(PYTEST) --hypothesis-profile quick -m "not slow"

# Do these versions of packages work? The quick tests, without those of our own logic and of the page
versions: $(VENV)/installed-dev
	$(PYTEST) --hypothesis-profile quick -m "not slow and not browser" $(OWN_LOGIC:%=--ignore tests/%)

# The whole suite, and the kernels once more as plain Python; what needs torch or a browser is skipped
# without it
test: $(VENV)/installed-dev
	$(PYTEST)
	NUMBA_DISABLE_JIT=1 $(PYTEST) -m kernels $$(grep -rl --include='test_*.py' mark.kernels tests)

# The same with torch and browsers, where nothing that needs them may be skipped
test-all: $(VENV)/installed-all
	INVERT_TESTS_NEED="$(NEEDED)" $(MAKE) test

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The lowest versions that setup.cfg allows, which the oldest Python needs
check-lowest: .venv-lowest/constraints.txt
	$(MAKE) VENV=.venv-lowest CONSTRAINTS=$< demo versions

.venv-lowest/constraints.txt: setup.cfg tests/packaging/lowest.py
	mkdir -p $(@D)
	$(PYTHON) tests/packaging/lowest.py > $@

# The newest versions that there are, as in: make check-newest PYTHON=python3.13
check-newest:
	$(MAKE) VENV=.venv-newest CONSTRAINTS=/dev/null demo versions

# A quarter of an hour; docs/performance.md explains the tables, which also go to bench-results.json
bench: $(VENV)/installed-bench
	$(BIN)/python -m pytest bench --json bench-results.json

# The pictures of the report in docs/pictures/, taken in Chromium; look at them before you commit them
screenshots: $(VENV)/installed-all
	$(BIN)/python -m docs.pictures.screenshots

clean:
	rm -rf $(VENV) .venv-lowest .venv-newest build dist invert-demo *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "invert needs Python 3.11 or newer; give one with: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(BIN)/python setup.cfg pyproject.toml $(CONSTRAINTS)
	$(INSTALL) setuptools
	$(INSTALL) --no-build-isolation --editable ".[onnx]"
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(INSTALL) --no-build-isolation --editable ".[onnx,dev]"
	touch $@

$(VENV)/installed-all: $(VENV)/installed-dev
	$(INSTALL) $(OPTIONAL)
	touch $@

$(VENV)/installed-bench: $(VENV)/installed
	$(INSTALL) --no-build-isolation --editable ".[onnx,bench]"
	touch $@
