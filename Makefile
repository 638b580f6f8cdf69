# The project's commands. Each works from a fresh clone with Python 3.11 (or newer) and make only.
.DEFAULT_GOAL := help
.PHONY: help install dev demo test quick lint types unit drill torture soak bench bench-more coverage release-check security audit schema graph docs lock clean

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
VENV := .venv
BIN := $(VENV)/bin

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24

# one at a time: of two that begin at once the second waits, and finds it made
ALONE = $(PYTHON) -c 'import fcntl, subprocess, sys; me = open("Makefile"); fcntl.flock(me, fcntl.LOCK_EX); sys.exit(subprocess.call(sys.argv[1:]))'

install: ## make the virtual environment .venv with everything in it
	@$(ALONE) $(MAKE) --silent $(VENV)/.installed

$(VENV)/.installed: pyproject.toml requirements-dev.lock hatch_build.py $(wildcard stats_assets/osm/c/*)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "stats-assets needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) --version 2>&1`. Say which: make PYTHON=python3.11"; exit 2; }
	@echo "Installing into $(VENV), from requirements-dev.lock: a minute or two in which nothing more is said, longer on a busy machine"
	$(PYTHON) -m venv $(VENV)
	@# the pip that Python 3.11 brings takes twice as long for all that follows
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@$(BIN)/python -c 'from stats_assets.osm.compiled import sentence; print(sentence())'
	@# on all cores, and also where PYTHONDONTWRITEBYTECODE would let each process compile anew, for seconds
	$(BIN)/python -m compileall -qq -j 0 -x '/(tests?|testing|pip|mypyc?|setuptools|pkg_resources)/' $(VENV)/lib
	@touch $@

dev: install ## the live system: Dagster UI on port 3000, follows OpenStreetMap's feeds
	$(BIN)/stats-assets dev

demo: install ## the same, offline: an invented world with its own feeds
	$(BIN)/stats-assets demo

test: install ## all that must hold before a commit
	@# mypy, half a minute on one core without its cache, beside the tests, which wait for much
	@$(MAKE) --no-print-directory -j 3 lint types unit

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/cfn-lint deploy/cloudformation/*.yaml
	$(BIN)/hadolint Dockerfile
	$(BIN)/shellcheck .ci/run

types: install
	$(BIN)/mypy

unit: install
	@# two beside two: they wait for processes and servers, so that of two, on two cores, a sixth of the time was idle
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder

quick: install ## the tests that need no server, within half a minute: while one types
	$(BIN)/pytest -n 2 --no-loadscope-reorder -m quick --hypothesis-profile=quick tests/osm tests/feeds \
	  tests/fuzz/test_metamorphic.py tests/ingest/test_tick.py tests/ingest/test_polling.py tests/test_truth.py tests/test_settings.py

drill: install ## kill every process of the demo in turn: the stream must go on, exactly; all long tests (an hour and more)
	$(BIN)/pytest -m drill --timeout=900
	@# properties: state machines by their files, all others by their mark
	$(BIN)/pytest --hypothesis-profile=drill --timeout=0 tests/database/test_histories.py tests/database/test_ledger.py \
	  tests/ingest/test_stream_events.py tests/augment/test_lmdb_store.py tests/answers/test_answers_are_plain.py
	$(BIN)/pytest --hypothesis-profile=drill --timeout=0 -m "hypothesis and not drill"

torture: install ## 50,000 made diffs counted twice; 100 random kills while the feed does everything wrong (an hour)
	$(BIN)/python -m tests.fuzz.comparing --documents 50000
	$(BIN)/python -m tests.drills.torture --kills 100

soak: install ## 24 hours of the demo's world at high speed, with faults: memory and connections must stay flat
	$(BIN)/python -m tests.drills.soak

release-check: install ## build the wheel and the sdist, and try each in a bare virtual environment
	$(BIN)/python -m tests.drills.release

SCANNERS := .venv-security/bin
$(SCANNERS)/.installed: deploy/security/requirements.txt | install
	$(BIN)/uv venv --quiet --allow-existing .venv-security
	$(BIN)/uv pip install --quiet --python $(SCANNERS)/python -r deploy/security/requirements.txt
	@touch $@

security: $(SCANNERS)/.installed ## scan the deployment's templates; their exceptions are in deploy/security/
	$(SCANNERS)/checkov --config-file deploy/security/checkov.yaml
	@# one at a time: it reads the parameters for the first file alone
	@for one in deploy/cloudformation/*.yaml; do echo "cfripper $$one"; $(SCANNERS)/cfripper --logging ERROR --resolve \
	  --resolve-parameters deploy/security/parameters.json --rules-filters-folder deploy/security $$one || exit 1; done

audit: $(SCANNERS)/.installed ## ask PyPI for known holes in the image's packages: needs the internet
	$(SCANNERS)/pip-audit --strict --disable-pip --no-deps --requirement requirements.lock

coverage: install ## the tests, which lines none of them reaches, and whether that stays above its floor
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=
	@# of processes that ended after pytest
	$(BIN)/coverage combine --append --quiet || true
	$(BIN)/coverage report --show-missing --skip-covered

bench: install ## every figure beside its anchor, into docs/performance.md; an hour and more
	$(BIN)/python -m benchmarks --write

bench-more: install ## the other benchmarks: relations, facts, ten years of history, histories at random; hours
	$(BIN)/python -m benchmarks.relations
	$(BIN)/python -m benchmarks.facts
	$(BIN)/python -m benchmarks.aggregates
	$(BIN)/python -m benchmarks.queries
	$(BIN)/python -m benchmarks.visible
	$(BIN)/python -m benchmarks.scale
	$(BIN)/python -m benchmarks.augment
	$(BIN)/pytest tests/database/test_histories.py --hypothesis-profile=long --timeout=0

schema: install ## write docs/schema.sql anew, after a revision
	$(BIN)/python -m tests.database.schema

graph: install ## write tests/orchestration/definitions.yaml anew, after a change of what Dagster loads
	$(BIN)/python -m tests.orchestration.graph

docs: install ## the documents as pages that open from a folder, into build/site; strict
	$(BIN)/python -m tests.documents.site

lock: install ## take the newest versions that pyproject.toml allows into both lock files
	$(BIN)/uv pip compile --quiet --upgrade --no-emit-index-url --no-annotate --no-header --python-version 3.11 pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --no-emit-index-url --no-annotate --no-header --python-version 3.11 --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean: ## remove the virtual environment and caches, never data
	rm -rf $(VENV) .venv-security .pytest_cache .mypy_cache .ruff_cache .hypothesis
