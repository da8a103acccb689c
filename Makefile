# make repro · make test · make test-quick · make ui · make report · make check · make bench
PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
READY := $(VENV)/ready

.PHONY: repro test test-quick ui report check bench lock

repro: $(READY)
	dvc repro
	@python -m stages leaderboard

# Two at a time: much of a test's time is waiting for processes of its own.
test: $(READY)
	python -m pytest --numprocesses 2 --dist loadfile

# What needs no training, browser or server: two minutes, while writing.
test-quick: $(READY)
	python -m pytest --numprocesses 2 --dist loadfile -m "not slow and not browser and not server"

ui: $(READY)
	mlflow ui --host 127.0.0.1

report: $(READY)
	@python -m webbrowser -t "file://$(CURDIR)/data/report/report.html" > /dev/null || true
	@echo "$(CURDIR)/data/report/report.html"

check: $(READY)
	ruff check .
	ruff format --check .
	mypy

bench: $(READY)
	python -m benchmarks

# The exact versions for Python 3.11 to 3.13, with hashes; run after changing dependencies.
lock: $(READY)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
	    --generate-hashes --no-header --no-annotate --upgrade -o requirements.lock

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else f"Python {v[0]}.{v[1]} found; Second Look needs 3.11 to 3.13: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $(READY)
