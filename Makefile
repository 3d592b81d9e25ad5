# Everything is run through here, by people and by CI.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
ES8    := build/es8
TOOLS  := build/release
PARALLEL := -n 2 --dist loadgroup --no-loadscope-reorder
EPOCH  := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null))
# pytest keeps the tests as it compiled them, which saves each of its processes ten seconds; git ignores it.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup fmt lint test test-full gitops alerts verify generate snapshots lock controlplane demo up down bench soak e2e release sbom audit lint-workflows clean _programs _e2e

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  \033[1mmake %-13s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make the virtual environment, everything locked by hash

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or newer is needed: make PYTHON=python3.12 …' >&2; exit 1; }
	@echo 'installing the locked dependencies into $(VENV) …' >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --requirement requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(ES8)/.installed: requirements-es8.lock $(STAMP)
	@echo 'installing the 8.x client, another that the stand-in is tested with, into $(ES8) …' >&2
	@rm -rf $(ES8)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --target $(ES8) --requirement requirements-es8.lock
	@touch $@

$(TOOLS)/.installed: requirements-release.lock $(STAMP)
	@echo 'installing the tools that look at a release into $(TOOLS) …' >&2
	@rm -rf $(TOOLS)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --target $(TOOLS) --requirement requirements-release.lock
	@touch $@

controlplane: $(STAMP) ## build etcd, kube-apiserver, kube-controller-manager, kubectl and helm, once per version
	@$(BIN)/python -m tests.controlplane build

fmt: $(STAMP) ## format the code
	$(BIN)/ruff format operator tests
	$(BIN)/ruff check --fix operator tests

lint: $(STAMP) ## style, types (mypy and pyright, strict), import contracts
	$(BIN)/ruff format --check operator tests
	$(BIN)/ruff check operator tests
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

generate: $(STAMP) ## write what is generated: crds/, the chart's copy and page, tables in docs/, recorded objects for Argo CD
	$(BIN)/python -m inference_operator.manifests write
	$(BIN)/python -m tests.gitops

snapshots: controlplane ## write what the chart renders, for a diff to look at
	$(BIN)/python -m tests.chart.snapshotting

verify: $(STAMP) ## fail if a generated file is stale, versions differ or a licence is not allowed
	$(BIN)/python -m inference_operator.manifests check
	$(BIN)/python -m tests.release check

test: lint verify controlplane $(ES8)/.installed ## all checks and tests; under 8 minutes on 2 cores once the control plane is built
	$(BIN)/pytest -m 'not full' --hypothesis-profile=ci $(PARALLEL)

test-full: lint verify controlplane $(ES8)/.installed $(TOOLS)/.installed ## the same with the full matrices and machine runs, for the night
	$(BIN)/pytest --hypothesis-profile=night $(PARALLEL)

gitops: controlplane ## carry out examples/gitops with Flux (built on first use, some minutes) and a real Lua
	$(BIN)/pytest tests/gitops $(PARALLEL)

alerts: controlplane ## play series to the alerts, and have Prometheus watch an operator; builds Prometheus once
	$(BIN)/pytest tests/monitoring

demo: controlplane ## see the operator do its job (ELASTICSEARCH_URL=… for your own cluster, KEEP=1 to play on)
	@$(BIN)/python -m tests.demo

up: controlplane ## start a control plane and a stand-in Elasticsearch in the background: eval "$$(make -s up)"
	@$(BIN)/python -m tests.controlplane up

down: $(STAMP) ## stop what `make up` or `make demo KEEP=1` started
	@$(BIN)/python -m tests.controlplane down

bench: controlplane ## measure the operator against a client without logic; N=1000 objects, REPEAT=3 times
	$(BIN)/python -m tests.bench run --n $(or $(N),1000) --repeat $(or $(REPEAT),3)

soak: controlplane ## random work for MINUTES=30; fails unless memory, descriptors and threads are flat
	$(BIN)/python -m tests.bench soak --minutes $(or $(MINUTES),30)

# What needs no package is built while packages are installed: on a bare machine that takes minutes.
e2e: ## install the chart with real pods, on a node made here (Linux, root) or by PROVIDER=kind
	@$(MAKE) --silent --no-print-directory -j2 _programs _e2e

_programs:
	@$(PYTHON) -S -m tests.controlplane.programs

_e2e: $(STAMP)
	@$(BIN)/python -m tests.e2e $(PROVIDER)

release: $(STAMP) ## write VERSION=1.2.3 everywhere and into the changelog; see docs/releasing.md
	@test -n '$(VERSION)' || { echo 'make release VERSION=1.2.3' >&2; exit 1; }
	@$(BIN)/python -m tests.release bump '$(VERSION)'

sbom: $(STAMP) ## write the bill of materials of the image's Python packages to dist/sbom.cdx.json
	@rm -rf dist
	@env -u SOURCE_DATE_EPOCH $(BIN)/python -m hatchling build --target wheel --directory dist
	@SOURCE_DATE_EPOCH=$(EPOCH) $(BIN)/python -m tests.release sbom dist/*.whl dist/sbom.cdx.json

audit: $(TOOLS)/.installed ## look the lock up among known vulnerabilities, on the network; SERVICE=pypi or osv
	@$(BIN)/python -m tests.release audit --service '$(or $(SERVICE),pypi)'

lint-workflows: $(TOOLS)/.installed ## actionlint and zizmor on .github/
	@$(BIN)/python -m tests.release workflows

lock: $(STAMP) ## resolve the dependencies anew
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --upgrade --custom-compile-command 'make lock' pyproject.toml --extra otel --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --upgrade --custom-compile-command 'make lock' pyproject.toml --extra otel --group dev --output-file requirements-dev.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --upgrade --custom-compile-command 'make lock' --group es8 --output-file requirements-es8.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --upgrade --custom-compile-command 'make lock' --group release --output-file requirements-release.lock

clean: ## remove what was built in the checkout
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find operator tests -name __pycache__ -prune -exec rm -rf {} +
