# Direction Commons: `make run` starts everything on this machine, `make test` tests it. See README.md.
# Everything is relative to this folder, so that a path with spaces works.

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
PY := $(VENV)/bin/python
export PORT
export PYTHONPATH := $(CURDIR):$(CURDIR)/platform

.PHONY: help run stop reset backup restore manage test lint format bench install install-dev

help:
	@echo "make run       start everything on this machine (PORT=8000, DIRECTION_COMMONS_HOME=data folder)"
	@echo "make stop      stop it"
	@echo "make backup    database and pictures into one archive (FILE=name.tar)"
	@echo "make restore   put an archive into an empty data folder (FILE=name.tar)"
	@echo "make reset     delete all data, after asking"
	@echo "make manage    a command of manage.py on what runs (ARGS=demo_remove)"
	@echo "make test      run every test"
	@echo "make lint      ruff, mypy, migrations, OpenAPI drift"
	@echo "make bench     measure, and store the results in benchmarks/results"

run: $(VENV)/installed
	@exec $(PY) -m direction_commons.local run

stop: $(VENV)/installed
	@exec $(PY) -m direction_commons.local stop

reset: $(VENV)/installed
	@exec $(PY) -m direction_commons.local reset

backup: $(VENV)/installed
	@exec $(PY) -m direction_commons.local backup $(if $(FILE),"$(FILE)")

restore: $(VENV)/installed
	@test -n "$(FILE)" || { echo "Say which archive: make restore FILE=name.tar" >&2; exit 1; }
	@exec $(PY) -m direction_commons.local restore "$(FILE)"

manage: $(VENV)/installed
	@exec $(PY) -m direction_commons.local manage $(ARGS)

install: $(VENV)/installed

install-dev: $(VENV)/installed-dev

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not; try: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "This Python cannot make virtual environments; on Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	@echo "Making the virtual environment $(VENV) …"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.lock | $(VENV)/bin/python
	@echo "Installing what requirements.lock names (the first time this takes minutes) …"
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.lock || { \
	  echo "A package could not be installed: pip's message above names it. Python 3.11 to 3.13 on Linux (x86-64, arm64)" \
	       "or macOS (Apple silicon) with a way to a package index is needed." >&2; exit 1; }
	@cp requirements.lock $@

$(VENV)/installed-dev: requirements-dev.lock $(VENV)/installed
	@echo "Installing what the tests need (requirements-dev.lock) …"
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.lock || { \
	  echo "A package could not be installed: pip's message above names it." >&2; exit 1; }
	@cp requirements-dev.lock $@

test: $(VENV)/installed-dev
	@OMP_NUM_THREADS=1 MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 MALLOC_TOP_PAD_=100000000 \
	  $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(VENV)/installed-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) manage.py spectacular --validate --fail-on-warn --file $(VENV)/openapi.yaml
	diff -u docs/openapi.yaml $(VENV)/openapi.yaml || { \
	  echo "The API changed: cp $(VENV)/openapi.yaml docs/openapi.yaml, look at the difference, commit it." >&2; exit 1; }

format: $(VENV)/installed-dev
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

bench: $(VENV)/installed
	@exec $(PY) -m benchmarks
