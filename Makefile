# The project's commands; `make help` lists them. Everything is installed into .venv/ from uv.lock.
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
UV_VERSION := 0.13.8
PORT ?= 8080
export UV_PROJECT_ENVIRONMENT := .venv
export UV_PYTHON := .venv/bin/python
export UV_LINK_MODE ?= copy

.DEFAULT_GOAL := help
.PHONY: help setup setup-all peers fix check test test-statistical bench synth package train-classifier up demo lock clean

help: ## list the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit("E2I needs Python 3.11 or later; %s is %s. Try: make PYTHON=python3.12 ..." % (sys.executable, sys.version.split()[0]) if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv .venv || { echo "python3 cannot make virtual environments here (on Debian: apt-get install python3-venv)."; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.runtime: $(UV) pyproject.toml uv.lock
	@echo "Installing what the service needs (from uv.lock) ..."
	@$(UV) sync --quiet --frozen --inexact && touch $@

.venv/.everything: $(UV) pyproject.toml uv.lock
	@echo "Installing the tools for checking and testing too (from uv.lock) ..."
	@$(UV) sync --quiet --frozen --inexact --all-groups --no-group peers && touch $@ .venv/.runtime

setup: .venv/.runtime ## put the service and the e2i command into .venv/
setup-all: .venv/.everything ## the same with the tools for checking and testing

fix: setup-all ## format, sort and mend what can be mended by itself
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

check: setup-all ## judge style, types, import contracts, sizes and generated documents; changes nothing
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python scripts/measure.py
	@$(BIN)/python scripts/document_tools.py --check

test: setup-all ## run every test but the long statistical ones
	@$(BIN)/pytest -q -n 2 --dist loadfile -m "not statistical and not deployed" --cov --cov-report= $(TESTS)
	@$(BIN)/coverage report --skip-covered --fail-under=$(if $(TESTS),0,90) | tail -n 40

test-statistical: setup-all ## the long form: coverage and size over many draws
	@$(BIN)/pytest -q -n 2 -m statistical

bench: setup-all ## measure every promise side by side; prints tables, saves benchmarks/results/*.json
	@$(BIN)/python -m benchmarks

.venv-peers/.everything: $(UV) pyproject.toml uv.lock
	@echo "Installing the libraries to compare with (from uv.lock) ..."
	@$(PYTHON) -m venv .venv-peers
	@UV_PROJECT_ENVIRONMENT=.venv-peers UV_PYTHON=.venv-peers/bin/python $(UV) sync --quiet --frozen --inexact \
	  --no-default-groups --group ml --group local --group peers && touch $@

peers: .venv-peers/.everything ## put EconML, DoubleML, DoWhy, CausalML and others into .venv-peers/, for benchmarks side by side

synth: setup-all ## synthesise the CloudFormation templates into cdk.out/
	@$(BIN)/python -m infra.cdk.app && ls cdk.out/*.template.json

package: $(UV) ## build the dependencies layer for AWS (arm64) into dist/dependencies from uv.lock
	@rm -rf dist && mkdir -p dist
	@$(UV) export --quiet --frozen --no-emit-project --no-default-groups --group llm --format requirements-txt > dist/requirements.txt
	@$(UV) pip install --quiet --no-deps --target dist/dependencies/python --python-platform aarch64-manylinux_2_28 \
	  --python-version 3.13 --only-binary :all: --requirements dist/requirements.txt
	@du -sh dist/dependencies

train-classifier: setup-all ## retrain the classifier's weights; a worse model is never adopted
	@$(BIN)/python -m e2i_shared.classifier.train

up: setup ## start the service on this machine and keep it running (PORT=8080)
	@$(BIN)/e2i up --port $(PORT)

demo: setup ## do the main job on real data, print the answers, leave nothing running
	@$(BIN)/python -m cli.demo

lock: $(UV) ## resolve the dependencies again
	@$(UV) lock

clean: ## remove everything that was built here, data of the demo included
	rm -rf .venv .venv-peers .e2i cdk.out dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage*
