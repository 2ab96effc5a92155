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
#   make wheels         the sdist, and a wheel made of it for the Python at hand, in dist     make sdist    the former alone
#   make binary         a single file that needs no Python, in dist (needs go)
#   make docs           the site, in build/site, and llms.txt          make docs-serve   while writing
#   make examples       what the programs of examples/ need, in build
#   make image          the container's image (needs docker)     make sbom     what the wheel needs, as CycloneDX
#   make chart          helm and the schemas that the Helm chart is tested with
#   make constraints    known-good versions, anew
#
# MODE=release|debug|annotate|trace|asan goes with every target: how the extension modules are built.

PYTHON ?= python3
VENV ?= .venv
MODE ?= release
ARGS ?=
# The tests of a module share what is made for them, so they stay together.
PARALLEL ?= --numprocesses logical --maxprocesses 4 --dist loadscope

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
GO_MODULES := benchmarks deploy/binary/launcher deploy/container/compose
# Environments of their own, since these do not go with the test group; each has its constraints-NAME.txt.
TESTED := openai1 anthropic0 litellm examples
OTHERS := $(TESTED) litellm_proxy sbom
WANTED_openai1 := "openai<2"
WANTED_anthropic0 := "anthropic<1"
WANTED_litellm := litellm boto3
WANTED_litellm_proxy := "litellm[proxy]"
WANTED_sbom := cyclonedx-bom
WANTED_examples := $(addprefix -r ,$(wildcard examples/*/requirements.txt))
NODE_EXAMPLES := $(patsubst examples/%/package.json,%,$(wildcard examples/*/package.json))
COMPILED := $(shell sed -n '/^compiled = \[/,/^\]/s/^ *"\(.*\)",.*$$/\1/p' pyproject.toml)
CORE := setup.py $(COMPILED) $(wildcard src/fastgate/_core/*.pyx src/fastgate/_core/*.pxd src/fastgate/_core/*.h)
CODE := src tests benchmarks deploy setup.py
PACKAGED := pyproject.toml setup.py MANIFEST.in README.md LICENSE $(shell find src -name '*.py' -o -name '*.py[ix]' -o \
	-name '*.pxd' -o -name '*.h' -o -name py.typed)
OFFLINE := $(shell unshare --map-root-user --net true 2>/dev/null && echo unshare --map-root-user --net)
BINARY := dist/fastgate-linux-$(shell uname -m)
PYTHON_TAG = $(shell $(BIN)/python -c 'import sys; print("cp%d%d" % sys.version_info[:2])')

.DEFAULT_GOAL := build
.PHONY: build run examples test prepared test-slow test-quick test-tools no-node test-go no-go test-pythons test-asan lint lint-go \
	format bench bench-smoke bench-long bench-report bench-peers bench-micro profile sdist wheels constraints $(OTHERS:%=constraints-%) clean
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
test-tools: $(TESTED:%=build/%/.installed) $(if $(NODE),build/node/.installed build/agents/.installed $(NODE_EXAMPLES:%=build/examples_node/%/.installed),no-node)

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

# What the programs of examples/ need, as their users install it.
build/examples/.installed: $(wildcard examples/*/requirements.txt)

examples: build/examples/.installed $(if $(NODE),$(NODE_EXAMPLES:%=build/examples_node/%/.installed),no-node)

$(NODE_EXAMPLES:%=build/examples_node/%/.installed): build/examples_node/%/.installed: examples/%/package.json
	mkdir -p $(@D)
	cp $< $(@D)
	npm install --prefix $(@D) --no-audit --no-fund --no-package-lock
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

test: build $(VENV)/.lint
	@$(MAKE) --no-print-directory --jobs=$(JOBS) prepared
	$(BIN)/python -m pytest -m "not slow" $(PARALLEL) $(ARGS)

# What is tested besides the sources, and what with. Recipes may install into one environment at a time, which uv
# sees to and pip does not.
JOBS := $(if $(UV),$(shell nproc),1)
prepared: test-tools build/wheel-env/.installed build/site/.built $(VENV)/.kubernetes test-container \
	$(if $(GO),test-go build/bench/.built $(BINARY) build/helm/helm,no-go) \
	$(if $(NODE),build/kubernetes-models/.installed)

# What the benchmarks have in Go.
test-go:
	cd benchmarks && $(GO) test ./...

no-go:
	@echo "there is no go: tests of what is written in it are skipped"

test-slow: build $(VENV)/.lint test-tools
	$(BIN)/python -m pytest -m slow $(ARGS)

test-quick: build $(VENV)/.test
	$(BIN)/python -m pytest -m "not slow and not sdk" $(PARALLEL) $(ARGS)

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
	$(BIN)/ruff check $(CODE) examples
	$(BIN)/ruff format --check $(CODE) examples
	$(BIN)/mypy $(CODE)
	PATH="$(BIN):$$PATH" $(BIN)/cython-lint src/fastgate/_core
	FASTGATE_WERROR=1 $(BIN)/python setup.py --quiet build_ext --force --build-lib build/werror --build-temp build/werror

lint-go:
	for module in $(GO_MODULES); do \
		(cd $$module && test -z "$$(gofmt -l . | tee /dev/stderr)" && $(GO) vet ./...) || exit 1; \
	done

format: $(VENV)/.lint
	$(BIN)/ruff check --fix $(CODE) examples
	$(BIN)/ruff format $(CODE) examples
	$(if $(GO),gofmt -w $(GO_MODULES))

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

# --- distribution --------------------------------------------------------------------------------

sdist: $(VENV)/.sdist

wheels: $(VENV)/.wheel

$(VENV)/.wheels: $(VENV)/.installed
	$(INSTALL) -c $(CONSTRAINTS) --group wheels
	@touch $@

$(VENV)/.sdist: $(PACKAGED) $(VENV)/.wheels
	@mkdir -p build
	rm -f dist/fastgate-*.tar.gz
	$(BIN)/python -m build --sdist --no-isolation --outdir dist . >build/sdist.log 2>&1 || { cat build/sdist.log; exit 1; }
	$(BIN)/python -m twine --no-color check --strict dist/fastgate-*.tar.gz
	@touch $@

# Built from the sdist, so that one compilation proves both, and without a network where the kernel lets us take it away.
$(VENV)/.wheel: $(VENV)/.sdist
	rm -rf build/wheel && mkdir -p build/wheel
	tar -xf dist/fastgate-*.tar.gz --strip-components=1 -C build/wheel
	rm -f dist/fastgate-*-$(PYTHON_TAG)-*.whl
	{ $(OFFLINE) $(abspath $(BIN))/python -m build --wheel --no-isolation build/wheel && \
		PATH="$(abspath $(BIN)):$$PATH" auditwheel repair --strip --wheel-dir dist build/wheel/dist/*.whl; \
	} >build/wheel.log 2>&1 || { cat build/wheel.log; exit 1; }
	$(BIN)/python -m twine --no-color check --strict dist/fastgate-*-$(PYTHON_TAG)-*.whl
	@touch $@

# The wheel as a user has it, with what it needs and nothing else; tests and the single binary take it from here.
build/wheel-env/.installed: $(VENV)/.wheel
	rm -rf build/wheel-env
	$(if $(UV),uv venv --quiet --python $(BIN)/python build/wheel-env,$(BIN)/python -m venv build/wheel-env)
	CC=false $(subst $(BIN),build/wheel-env/bin,$(INSTALL)) --only-binary :all: -c $(CONSTRAINTS) dist/fastgate-*-$(PYTHON_TAG)-*.whl
	@touch $@

# The interpreter of $(VENV) with the wheel and the vendors' libraries, behind a launcher: docs/adr/0004.
.PHONY: binary
binary: $(BINARY)

build/binary-env/.installed: $(VENV)/.wheel
	rm -rf build/binary-env
	$(if $(UV),uv venv --quiet --python $(BIN)/python build/binary-env,$(BIN)/python -m venv build/binary-env)
	$(subst $(BIN),build/binary-env/bin,$(INSTALL)) --only-binary :all: -c $(CONSTRAINTS) \
		"$$(ls dist/fastgate-*-$(PYTHON_TAG)-*.whl)[postgres,aws,google,azure]"
	@touch $@

build/launcher: $(wildcard deploy/binary/launcher/*)
	@test -n "$(GO)" || { echo "the single binary needs go"; exit 1; }
	cd deploy/binary/launcher && CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o $(abspath $@) .

$(BINARY): build/launcher build/binary-env/.installed $(wildcard deploy/binary/*.py)
	$(INSTALL) -c $(CONSTRAINTS) --group binary
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m deploy.binary build/binary-env build/launcher $@

# --- documentation -------------------------------------------------------------------------------

.PHONY: docs docs-serve
docs: build/site/.built llms.txt

docs-serve: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve $(ARGS)

llms.txt: mkdocs.yml deploy/site/llms.py deploy/site/pages.py | $(VENV)/.installed
	$(BIN)/python -m deploy.site.llms > $@

build/site/.built: mkdocs.yml $(wildcard *.md) $(shell find docs deploy/site -type f -not -name '*.pyc') $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs --quiet build
	@touch $@

$(VENV)/.docs: $(VENV)/.installed
	$(INSTALL) -c $(CONSTRAINTS) --group docs
	@touch $@

# --- Kubernetes ----------------------------------------------------------------------------------

# What the chart is tested with: helm itself, Kubernetes' schemas, and those of the Prometheus operator.
.PHONY: chart
chart: $(VENV)/.kubernetes $(if $(GO),build/helm/helm) $(if $(NODE),build/kubernetes-models/.installed)

HELM := v3.22.0

# Not optimized: it compiles in half the time, and renders a chart in as much.
build/helm/helm:
	GOBIN=$(abspath build/helm) $(GO) install -gcflags='all=-N -l' -ldflags='-s -w' helm.sh/helm/v3/cmd/helm@$(HELM)

$(VENV)/.kubernetes: $(VENV)/.installed
	$(INSTALL) -c $(CONSTRAINTS) --group kubernetes
	@touch $@

build/kubernetes-models/.installed:
	npm install --prefix build/kubernetes-models --no-audit --no-fund @kubernetes-models/prometheus-operator@6.0.0
	@touch $@

# --- container -----------------------------------------------------------------------------------

NAMESPACES := $(shell unshare --mount --pid --fork true 2>/dev/null && echo yes)
COMPOSE := deploy/container/compose

.PHONY: image sbom test-container no-namespaces no-compose
test-container: $(if $(NAMESPACES),build/container/.built,no-namespaces) $(if $(GO),build/compose/compose,no-compose)

image:
	version=$$(sed -n 's/^__version__ = "\(.*\)"/\1/p' src/fastgate/_version.py) && \
	docker build --tag fastgate:$$version --tag fastgate:latest --build-arg VERSION=$$version \
		--build-arg REVISION=$$(git rev-parse HEAD) $(ARGS) .

sbom: build/wheel-env/.installed
	docker/sbom.sh build/wheel-env/bin/python dist/fastgate.cdx.json

# What the Dockerfile runs, without an engine; tests start what it makes as a container would. It is about how
# fastgate is packed, so it is made anew when that changes, and its modules need not be fast.
build/container/.built: Dockerfile .dockerignore pyproject.toml setup.py $(wildcard constraints.txt constraints-sbom.txt \
		docker/*.sh deploy/container/*.py) | $(VENV)/.test
	rm -rf build/container
	FASTGATE_BUILD=debug $(BIN)/python -m deploy.container build/container >build/container.log 2>&1 || \
		{ cat build/container.log; exit 1; }
	@touch $@

no-namespaces:
	@echo "tests that start the container's contents are skipped: they need root, and Linux's namespaces"
	@test "$$CI" != true

build/compose/compose: $(wildcard $(COMPOSE)/*)
	cd $(COMPOSE) && $(GO) build -o $(abspath $@) .

no-compose:
	@echo "there is no go: tests of the compose files are skipped"

# --- dependencies --------------------------------------------------------------------------------

constraints: $(OTHERS:%=constraints-%)
	rm -rf .venvs/constraints
	$(PYTHON) -m venv .venvs/constraints
	.venvs/constraints/bin/python -m pip install --quiet --upgrade pip
	.venvs/constraints/bin/python -m pip install --quiet --group build --group test --group lint --group profile --group kubernetes \
		--group wheels --group binary --group docs
	.venvs/constraints/bin/python -m pip install --quiet --no-build-isolation -e .
	{ echo "# Known-good versions, made by: make constraints"; \
		.venvs/constraints/bin/python -m pip freeze --all --exclude-editable; } > $(CONSTRAINTS)

$(OTHERS:%=constraints-%): constraints-%:
	rm -rf .venvs/$@
	$(PYTHON) -m venv .venvs/$@
	.venvs/$@/bin/python -m pip install --quiet $(WANTED_$*)
	{ echo "# Known-good versions of the environment $*, made by: make constraints"; \
		.venvs/$@/bin/python -m pip freeze; } > $@.txt
