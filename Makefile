# Needs Python 3.11 or newer, a C compiler and make. uv is used where it is there, and never needed.
#
#   make build          the virtual environment and the extension modules; quick when nothing changed
#   make run            the gateway on port 8080; OPENAI_API_KEY=… make run talks to OpenAI
#   make test           every test that is done in seconds     make test-slow    the others
#   make lint           ruff, mypy, cython-lint                make format       what ruff can mend
#   make test-pythons   the quick tests on each Python 3.11 to 3.14 that is found here
#   make test-asan      the extension modules under the address sanitizer
#   make constraints    known-good versions, anew
#
# MODE=release|debug|annotate|trace|asan goes with every target: how the extension modules are built.

PYTHON ?= python3
VENV ?= .venv
MODE ?= release
ARGS ?=

BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
NODE := $(shell command -v node 2>/dev/null)
INSTALL = $(if $(UV),uv pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --quiet)
CONSTRAINTS := constraints.txt
OLD_CONSTRAINTS := constraints-openai1.txt
CORE := setup.py $(wildcard src/fastgate/_core/*.pyx src/fastgate/_core/*.pxd src/fastgate/_core/*.h)
CODE := src tests benchmarks setup.py

.DEFAULT_GOAL := build
.PHONY: build run test test-slow test-quick test-tools no-node test-pythons test-asan lint format constraints clean
.DELETE_ON_ERROR:

# --- environment and build -----------------------------------------------------------------------

build: $(VENV)/.core-$(MODE)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "fastgate needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Try: make PYTHON=python3.12"; exit 1; }
	$(if $(UV),uv venv --quiet --python $(PYTHON) $(VENV),$(PYTHON) -m venv $(VENV))
	$(if $(UV),,$(INSTALL) --upgrade -c $(CONSTRAINTS) pip)

$(VENV)/.installed: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	$(INSTALL) -c $(CONSTRAINTS) --group build
	FASTGATE_BUILD=$(MODE) $(INSTALL) -c $(CONSTRAINTS) --no-build-isolation -e .
	@touch $@

# setup.py compiles what changed, and everything when the mode did.
$(VENV)/.core-$(MODE): $(CORE) $(VENV)/.installed
	FASTGATE_BUILD=$(MODE) $(BIN)/python setup.py --quiet build_ext --inplace
	@rm -f $(VENV)/.core-*
	@touch $@

$(VENV)/.test: $(VENV)/.installed
	$(INSTALL) -c $(CONSTRAINTS) --group test
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	$(INSTALL) -c $(CONSTRAINTS) --group lint
	@touch $@

# What official SDKs are tested with: an older one of Python's, and node's, where there is node.
test-tools: build/openai1/.installed $(if $(NODE),build/node/.installed,no-node)

build/openai1/.installed: $(OLD_CONSTRAINTS) | $(BIN)/python
	rm -rf build/openai1
	$(if $(UV),uv venv --quiet --python $(BIN)/python build/openai1,$(BIN)/python -m venv build/openai1)
	$(subst $(BIN),build/openai1/bin,$(INSTALL)) -c $(OLD_CONSTRAINTS) "openai<2"
	@touch $@

build/node/.installed: tests/support/aimock.py | $(VENV)/.test
	$$(PYTHONPATH=. $(BIN)/python -c 'from tests.support.aimock import INSTALL; print(INSTALL)')
	@touch $@

no-node:
	@echo "node is not installed here: the tests that need it are skipped"

run: build
	@exec $(BIN)/fastgate serve $(ARGS)

clean:
	rm -rf build dist .venvs $(VENV) src/*.egg-info
	rm -f src/fastgate/_core/*.so src/fastgate/_core/*.c src/fastgate/_core/*.html

# --- checks --------------------------------------------------------------------------------------

test: build $(VENV)/.lint test-tools
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

test-slow: build $(VENV)/.lint test-tools
	$(BIN)/python -m pytest -m slow $(ARGS)

test-quick: build $(VENV)/.test
	$(BIN)/python -m pytest -m "not slow and not sdk" $(ARGS)

test-pythons:
	@set -e; tested=; \
	for minor in 11 12 13 14; do \
		python=$$(ls $$HOME/.pyenv/versions/3.$$minor.*/bin/python3 2>/dev/null | tail -n 1); \
		python=$${python:-$$(command -v python3.$$minor || true)}; \
		if [ -z "$$python" ] || ! "$$python" -c '' 2>/dev/null; then echo "Python 3.$$minor: not here, not tested"; continue; fi; \
		echo "Python 3.$$minor: $$python"; \
		$(MAKE) --no-print-directory test-quick PYTHON="$$python" VENV=.venvs/3.$$minor; \
		tested="$$tested 3.$$minor"; \
	done; \
	echo "tested:$$tested"

test-asan: $(VENV)/.test
	$(MAKE) --no-print-directory build MODE=asan
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
		PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0 $(BIN)/python -m pytest tests/core $(ARGS); \
		status=$$?; $(MAKE) --no-print-directory build MODE=release; exit $$status

lint: build $(VENV)/.lint
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy src tests benchmarks
	PATH="$(BIN):$$PATH" $(BIN)/cython-lint src/fastgate/_core

format: $(VENV)/.lint
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

constraints:
	rm -rf .venvs/constraints .venvs/constraints-openai1
	$(PYTHON) -m venv .venvs/constraints
	.venvs/constraints/bin/python -m pip install --quiet --upgrade pip
	.venvs/constraints/bin/python -m pip install --quiet --group build --group test --group lint
	.venvs/constraints/bin/python -m pip install --quiet --no-build-isolation -e .
	{ echo "# Known-good versions, made by: make constraints"; \
		.venvs/constraints/bin/python -m pip freeze --all --exclude-editable; } > $(CONSTRAINTS)
	$(PYTHON) -m venv .venvs/constraints-openai1
	.venvs/constraints-openai1/bin/python -m pip install --quiet "openai<2"
	{ echo "# Known-good versions with openai-python 1.x, made by: make constraints"; \
		.venvs/constraints-openai1/bin/python -m pip freeze; } > $(OLD_CONSTRAINTS)
