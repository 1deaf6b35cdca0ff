# make site   build the site into public/          make test   tests, lint, types, layers
# make lint   lint, types, layers only             make bench  measure
PYTHON ?= python3
PYTEST_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export NO_MKDOCS_2_WARNING := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := site
.PHONY: site test lint bench lock clean
.DELETE_ON_ERROR:

site: $(READY)
	$(BIN)/kelu site

# Tests come last, so that what closes the output is their count.
test: lint
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

# A newer lock or project file makes the environment anew; pip leaves what already fits alone.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "需要 Python 3.11 或更高版本；可用 make PYTHON=/路径/python3.11 指定。" >&2; \
	  echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  echo "缺少 venv 模块；Debian/Ubuntu 请先安装 python3-venv。" >&2; \
	  echo "The venv module is missing; on Debian/Ubuntu install python3-venv first." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --no-index -e .
	@touch $@

# For maintainers, after editing the dependencies in pyproject.toml: needs pip-tools on the path.
lock: export CUSTOM_COMPILE_COMMAND := make lock
lock:
	pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --extra dev --resolver backtracking \
	  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options \
	  --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) build public dist .kelu tests/node/node_modules
