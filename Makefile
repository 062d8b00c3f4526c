# Athanor. `make` alone lists what can be done. Works with GNU make 3.81 (macOS) and any POSIX sh.

# Used only to make the virtual environment; 3.11 or newer.
PYTHON ?= python3
VENV ?= .venv
PORT ?= 8501
# This machine only: Athanor has no passwords yet.
HOST = 127.0.0.1
# More words for pytest: make test ARGS="-k verdict"
ARGS ?=
# How long the monkey plays.
MINUTES ?= 5
# TRAIN=yes trains what the verdict is measured on.
TRAIN ?= no
# BROWSER=no leaves the browser tests out.
BROWSER ?= yes

PY = $(VENV)/bin/python
INSTALL = sh .ci/install "$(PYTHON)" "$(filter-out file,$(origin PYTHON))" "$(VENV)"
UNLESS = $(if $(filter no,$(BROWSER)), and not browser)

.PHONY: help run test slow monkey bench bench-gpu verdict-bench transfer-bench check clean install install-dev chromium postgres

help:
	@echo "make run     install what is missing, then start Athanor on http://$(HOST):$(PORT)"
	@echo "             other port: make run PORT=8600   other Python: make run PYTHON=python3.12"
	@echo "make test    the fast tests, a real browser included (make test BROWSER=no leaves it out)"
	@echo "make slow    the slow tests"
	@echo "make monkey  kill things at random for $(MINUTES) minutes and check that no run is lost (make monkey MINUTES=30)"
	@echo "make bench   how fast training is, beside its limit and beside other trainers; memory, the screen and more (three hours)"
	@echo "make verdict-bench   how often the verdict is right, beside other alarms (a minute; TRAIN=yes trains what it is measured on, up to three and a half hours)"
	@echo "make transfer-bench   what ImageNet's weights bring on twenty pictures a class, in three lanes (seven minutes with bf16, half an hour without)"
	@echo "make bench-gpu   what a CUDA device does: its tests, the loop beside its limit, compiled or not, the CIFAR-10 sprint"
	@echo "make check   lint, format and types"
	@echo "make clean   remove caches; pictures, runs (.athanor) and the virtual environment ($(VENV)) stay"

run: install
	@echo "Starting Athanor on http://$(HOST):$(PORT) (Ctrl-C closes the screen)"
	@exec $(PY) -m streamlit run app.py --server.address "$(HOST)" --server.port "$(PORT)"

test: install-dev chromium postgres
	@echo "Running the fast tests"
	@$(PY) -m pytest -m "not slow$(UNLESS)" -n 2 --dist loadfile $(ARGS)

slow: install-dev chromium postgres
	@echo "Running the slow tests"
	@$(PY) -m pytest -m "slow$(UNLESS)" -n 2 --dist loadfile $(ARGS) || { code=$$?; [ $$code -eq 5 ] && echo "There is no slow test to run"; }

monkey: install-dev
	@echo "A monkey plays in the engine room for $(MINUTES) minutes"
	@$(PY) -m tests.monkey --minutes $(MINUTES)

bench: install-dev
	@echo "The loop beside the network's own limit, then beside other trainers (each is installed into bench/ when first asked for), then the rest"
	@$(PY) -m tests.benchmarks.loop
	@$(PY) -m tests.benchmarks.peers
	@$(PY) -m tests.benchmarks.accuracy
	@$(PY) -m tests.benchmarks.numerics
	@$(PY) -m tests.benchmarks.unharmed
	@$(PY) -m tests.benchmarks.profile
	@$(PY) -m tests.benchmarks.jobs
	@$(PY) -m tests.benchmarks.stopping
	@$(PY) -m tests.benchmarks.memory
	@$(PY) -m tests.benchmarks.streaming
	@$(PY) -m tests.benchmarks.soak
	@$(PY) -m tests.benchmarks.decoding
	@$(PY) -m tests.benchmarks.blocks
	@$(PY) -m tests.benchmarks.packed_runs
	@$(PY) -m tests.benchmarks.screen

transfer-bench: install-dev
	@$(PY) -m tests.benchmarks.transfer

bench-gpu: install-dev
	@$(PY) -m pytest -q -m gpu
	@$(PY) -m tests.benchmarks.loop
	@$(PY) -m tests.benchmarks.gpu

verdict-bench: install-dev
	@$(if $(filter yes,$(TRAIN)),,: )$(PY) -m tests.benchmarks.verdict.plant --afresh
	@$(if $(filter yes,$(TRAIN)),,: )$(PY) -m tests.benchmarks.remedies
	@$(PY) -m tests.benchmarks.verdict

check: install-dev
	@echo "Lint"
	@$(PY) -m ruff check .
	@echo "Format"
	@$(PY) -m ruff format --check .
	@echo "Types"
	@$(PY) -m mypy

clean:
	@echo "Removing caches; pictures, runs (.athanor) and the virtual environment ($(VENV)) stay"
	@rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis
	@find . \( -path "./.venv*" -o -path "./$(VENV)" -o -path ./.athanor -o -path ./.git \) -prune -o -name __pycache__ -type d -exec rm -rf {} +

install:
	@$(INSTALL) requirements.txt

install-dev: install
	@$(INSTALL) requirements-dev.txt

chromium: install-dev
	@$(if $(filter no,$(BROWSER)),:,sh .ci/chromium "$(VENV)")

# Debian's PostgreSQL for the tests that need one; without it they are skipped and say so.
postgres:
	@sh .ci/postgres
