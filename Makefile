# Needs Python 3.11 or newer, a C compiler and make. uv is used where it is there, and never needed.
#
#   make build          the virtual environment and the extension modules; quick when nothing changed
#   make run            the gateway on port 8080; OPENAI_API_KEY=… make run talks to OpenAI
#   make test           every test that is done in seconds     make test-slow    the others
#   make lint           ruff, mypy, cython-lint                make format       what ruff can mend
#   make test-pythons   the quick tests on each Python 3.11 to 3.14 that is found here
#   make test-asan      the extension modules under the address sanitizer
#   make bench          gateways side by side, in about ten minutes (needs go and nginx)
#   make bench-smoke    whether that runs     make bench-long    two million requests     make bench-report    docs
#   make bench-micro    the core functions and the phases of a request, beside their budgets
#   make profile        flame graphs of a worker under load, in build/profile
#   make constraints    known-good versions, anew
#
# MODE=release|debug|annotate|trace|asan goes with every target: how the extension modules are built.

PYTHON ?= python3
VENV ?= .venv
MODE ?= release
ARGS ?=

BIN := $(VENV)/bin
# Asked for its version: a shim of pyenv's is there also where no uv is behind it.
UV := $(shell uv --version >/dev/null 2>&1 && command -v uv)
# What aimock needs. Debian has node without npm.
NODE := $(shell npm --version >/dev/null 2>&1 && node -e '\
	const [major, minor] = process.versions.node.split(".").map(Number); \
	process.exit(major > 20 || (major === 20 && minor >= 15) ? 0 : 1)' 2>/dev/null && command -v node)
# As pip does it unasked: else each process of the gateway compiles what it imports, where none may write bytecode.
INSTALL = $(if $(UV),uv pip install --quiet --compile-bytecode --python $(BIN)/python,$(BIN)/python -m pip install --quiet)
CONSTRAINTS := constraints.txt
GO := $(shell command -v go)
# Environments of their own, since these do not go with the test group; each has its constraints-NAME.txt.
TESTED := openai1 anthropic0 litellm
OTHERS := $(TESTED) litellm_proxy
WANTED_openai1 := "openai<2"
WANTED_anthropic0 := "anthropic<1"
WANTED_litellm := litellm boto3
WANTED_litellm_proxy := "litellm[proxy]"
COMPILED := $(shell sed -n '/^compiled = \[/,/^\]/s/^ *"\(.*\)",.*$$/\1/p' pyproject.toml)
CORE := setup.py $(COMPILED) $(wildcard src/fastgate/_core/*.pyx src/fastgate/_core/*.pxd src/fastgate/_core/*.h)
CODE := src tests benchmarks deploy setup.py

.DEFAULT_GOAL := build
.PHONY: build run test test-slow test-quick test-tools no-node test-go no-go test-pythons test-asan lint lint-go \
	format bench bench-smoke bench-long bench-report bench-peers bench-micro profile constraints $(OTHERS:%=constraints-%) clean
.DELETE_ON_ERROR:

# --- environment and build -----------------------------------------------------------------------

build: $(VENV)/.core-$(MODE)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "fastgate needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Try: make PYTHON=python3.12"; exit 1; }
	@$(if $(UV),true,$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null) || \
		{ echo "$(PYTHON) cannot make virtual environments: install python3-venv (Debian, Ubuntu), or uv"; exit 1; }
	@$(PYTHON) -c 'import os, sys, sysconfig; \
		sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' || \
		{ echo "$(PYTHON) has no Python.h: install python3-dev (Debian, Ubuntu) or python3-devel (Fedora)"; exit 1; }
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

# What official SDKs are tested with: older ones of Python's, and node's, where there is node; and litellm,
# whose translations ours are compared with.
test-tools: $(TESTED:%=build/%/.installed) $(if $(NODE),build/node/.installed build/agents/.installed,no-node)

$(OTHERS:%=build/%/.installed): build/%/.installed: constraints-%.txt | $(BIN)/python
	rm -rf build/$*
	$(if $(UV),uv venv --quiet --python $(BIN)/python build/$*,$(BIN)/python -m venv build/$*)
	$(subst $(BIN),build/$*/bin,$(INSTALL)) -c $< $(WANTED_$*)
	@touch $@

build/node/.installed: tests/support/aimock.py | $(VENV)/.test
	$$(PYTHONPATH=. $(BIN)/python -c 'from tests.support.aimock import INSTALL; print(INSTALL)')
	@touch $@

# Claude Code and Codex are not scripts but programs, and large.
build/agents/.installed: tests/support/agents.py | $(VENV)/.test
	$$(PYTHONPATH=. $(BIN)/python -c 'from tests.support.agents import INSTALL; print(INSTALL)')
	@touch $@

# Where CI has both, they must be good: a test that is silently skipped there is never run.
no-node:
	@echo "tests that need node 20.15 or newer and npm are skipped: node is $$(node --version 2>/dev/null || echo not installed), npm is $$(npm --version 2>/dev/null || echo not installed)"
	@if [ "$$CI" = true ] && node --version && npm --version; then exit 1; fi >/dev/null 2>&1

run: build
	@exec $(BIN)/fastgate serve $(ARGS)

clean:
	rm -rf build dist .venvs $(VENV) src/*.egg-info
	find src -name '*.so' -delete
	rm -f src/fastgate/_core/*.c src/fastgate/_core/*.html

# --- checks --------------------------------------------------------------------------------------

test: build $(VENV)/.lint test-tools $(if $(GO),test-go build/bench/.built,no-go)
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

# What the benchmarks have in Go.
test-go:
	cd benchmarks && $(GO) test ./...

no-go:
	@echo "there is no go: tests of what is written in it are skipped"

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

# In a copy, so that the modules of the working tree stay what they are.
test-asan: $(VENV)/.test
	rm -rf build/asan-tree
	mkdir -p build/asan-tree
	cp -r pyproject.toml setup.py README.md LICENSE src tests build/asan-tree
	find build/asan-tree/src -name '*.so' -delete
	cd build/asan-tree && FASTGATE_BUILD=asan $(abspath $(BIN))/python setup.py --quiet build_ext --inplace
	cd build/asan-tree && PYTHONPATH=src \
		LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
		PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
		$(abspath $(BIN))/python -m pytest tests/core --timeout 300 $(ARGS)

lint: build $(VENV)/.lint $(if $(GO),lint-go)
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(CODE)
	PATH="$(BIN):$$PATH" $(BIN)/cython-lint src/fastgate/_core
	FASTGATE_WERROR=1 $(BIN)/python setup.py --quiet build_ext --force --build-lib build/werror --build-temp build/werror

lint-go:
	cd benchmarks && test -z "$$(gofmt -l . | tee /dev/stderr)" && $(GO) vet ./...

format: $(VENV)/.lint
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)
	$(if $(GO),cd benchmarks && gofmt -w .)

# --- benchmarks ----------------------------------------------------------------------------------

bench bench-long: build $(VENV)/.test build/bench/.built
	@command -v nginx >/dev/null || { echo "make $@ needs nginx: install the package nginx"; exit 1; }
	$(BIN)/python -m benchmarks.suite $(if $(filter bench,$@),run,long) $(ARGS)

bench-smoke: build $(VENV)/.test build/bench/.built
	$(BIN)/python -m benchmarks.suite smoke $(ARGS)

# Writes what benchmarks/results has into docs/benchmarks.md.
bench-report: $(VENV)/.test
	$(BIN)/python -m benchmarks.suite report

# The generator, the simulated provider, the reference gateway.
build/bench/.built: $(shell find benchmarks -name '*.go' -o -name 'go.*')
	@test -n "$(GO)" || { echo "the benchmarks need go"; exit 1; }
	cd benchmarks && for program in load upstream reference_go; do \
		$(GO) build -o ../build/bench/$${program%_go} ./$$program || exit 1; \
	done
	@touch $@

# LiteLLM's proxy and Portkey's gateway, as contestants.
bench-peers: build/litellm_proxy/.installed $(if $(NODE),build/portkey/.installed,no-node)

build/portkey/.installed:
	npm install --prefix build/portkey --no-audit --no-fund @portkey-ai/gateway@1.15.2
	@touch $@

# Compared with benchmarks/budget.toml; ARGS="--quick phases" for less, ARGS=--write to note what is measured.
bench-micro: build $(VENV)/.test
	$(BIN)/python -m benchmarks.micro $(ARGS)

profile: build $(VENV)/.test build/bench/.built
	$(INSTALL) -c $(CONSTRAINTS) --group profile
	$(BIN)/python -m benchmarks.flamegraph $(ARGS)

# --- dependencies --------------------------------------------------------------------------------

constraints: $(OTHERS:%=constraints-%)
	rm -rf .venvs/constraints
	$(PYTHON) -m venv .venvs/constraints
	.venvs/constraints/bin/python -m pip install --quiet --upgrade pip
	.venvs/constraints/bin/python -m pip install --quiet --group build --group test --group lint --group profile
	.venvs/constraints/bin/python -m pip install --quiet --no-build-isolation -e .
	{ echo "# Known-good versions, made by: make constraints"; \
		.venvs/constraints/bin/python -m pip freeze --all --exclude-editable; } > $(CONSTRAINTS)

$(OTHERS:%=constraints-%): constraints-%:
	rm -rf .venvs/$@
	$(PYTHON) -m venv .venvs/$@
	.venvs/$@/bin/python -m pip install --quiet $(WANTED_$*)
	{ echo "# Known-good versions of the environment $*, made by: make constraints"; \
		.venvs/$@/bin/python -m pip freeze; } > $@.txt
