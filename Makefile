# make repro · make test · make test-quick · make test-cluster · make ui · make report · make check · make bench
PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
READY := $(VENV)/ready
READY_DEV := $(VENV)/ready-dev
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check

.PHONY: repro scm test test-quick test-cluster ui report check bench lock

repro: $(READY) scm
	@python -m stages repro
	@python -m stages leaderboard

# A downloaded archive is no git repository, and dvc wants to be told so.
scm:
	@! LC_ALL=C git rev-parse --git-dir 2>&1 | grep -q "not a git repository" || { \
	    dvc config --local core.no_scm true && \
	    echo "No git repository here: what is tracked cannot be reproduced by its id. To change that:" && \
	    echo "git init && git add . && git commit -m Start && dvc config --local --unset core.no_scm"; }

# Three at a time: much of a test's time is waiting, for cron, servers and processes of its own.
# In the order of tests/conftest.py, the longest files first.
# What needs a cluster has a command of its own: it tests an extra, and takes minutes.
test: $(READY_DEV)
	python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder -m "not cluster"

test-cluster: $(READY_DEV)
	python -m pytest --numprocesses 2 --dist loadfile -m cluster

# What needs no training, browser or server: two minutes, while writing.
test-quick: $(READY_DEV)
	python -m pytest --numprocesses 2 --dist loadfile -m "not slow and not browser and not server and not cluster"

ui: $(READY)
	mlflow ui --host 127.0.0.1

report: $(READY)
	@python -m webbrowser -t "file://$(CURDIR)/data/report/report.html" > /dev/null || true
	@echo "$(CURDIR)/data/report/report.html"

check: $(READY_DEV)
	ruff check .
	ruff format --check .
	mypy

bench: $(READY_DEV)
	python -m benchmarks

# The exact versions for Python 3.11 to 3.13, with hashes; run after changing dependencies.
# requirements.lock is what running needs; requirements-dev.lock all that tests and checks name.
COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
    --no-annotate --upgrade

lock: $(READY_DEV)
	$(COMPILE) pyproject.toml --group build -o requirements.lock
	$(COMPILE) --group dev -c requirements.lock -o requirements-dev.lock

# On a terminal a person sees pip's progress; a log needs only what fails.
INSTALL := $(PIP) install $$(test -t 2 || echo --quiet)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else f"Python {v[0]}.{v[1]} found; Second Look needs 3.11 to 3.13: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing TensorFlow, MLflow, DVC ... about 3 GB into $(VENV); a few minutes, once"
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --no-index -e .
	@touch $(READY)

$(READY_DEV): $(READY) requirements-dev.lock
	@echo "Installing what tests and checks need besides; once"
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $(READY_DEV)
