# A fresh machine needs Python 3.11 or newer, git and make: the rest is made here, in .venv.
PYTHON ?= python3
SHELL := /bin/sh
BIN := $(CURDIR)/.venv/bin
# What `demo` and `run` need is in what `test` needs: one environment serves both.
RUN := $(if $(wildcard .venv/.dev),.venv/.dev,.venv/.run)
DEV := .venv/.dev
PYPROJECTS := pyproject.toml engine_sdk/pyproject.toml

# The tests run side by side in six processes, as most of them wait. The rest is what no other
# group names. Two groups are not measured: coverage makes what computes 2.4 times as long, and
# the others run all of that code too.
COMPUTING := $(addprefix tests/,alert_log evaluator fuzz monitoring promtool scenario)
NOTIFYING := tests/notifier
TALKING := $(addprefix tests/,cli end_to_end sdk)
BREAKING := $(addprefix tests/,faults torture)
HEAVY := $(addprefix tests/,alert_log/test_fold.py cli/test_rules_backtest.py \
	monitoring/test_backtest.py monitoring/test_simulated_year.py scenario/test_restarts.py \
	scheduler/test_backtest_agrees.py scheduler/test_restart.py)
MEASURED := .tests-computing .tests-talking .tests-notifying .tests-rest
UNMEASURED := .tests-breaking .tests-heavy
GROUPS := $(MEASURED) $(UNMEASURED)

.DEFAULT_GOAL := help
.PHONY: help demo run test lint faults torture bench clean $(GROUPS)

help:  ## say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile
	@echo "  make demo BARS=folder [DAY=2015-08-24]: on real minute bars"

demo: $(RUN)  ## watch a paper engine freeze, recover, lose and trip, in under a minute
	@"$(BIN)/python" -m scripts.demo $(if $(BARS),--bars "$(BARS)") $(if $(DAY),--day "$(DAY)")

run: $(RUN)  ## run collector, scheduler and notifier on your own home (MONITOR_HOME, or this folder)
	@PATH="$(BIN):$$PATH" "$(BIN)/honcho" start

lint: $(DEV)  ## check style, types and the direction of imports
	@"$(BIN)/ruff" check --quiet .
	@"$(BIN)/ruff" format --quiet --check --exclude '*.md' .
	@"$(BIN)/mypy"
	@said=$$("$(BIN)/lint-imports") || { echo "$$said"; exit 1; }

test: $(DEV)  ## lint, then every test, with coverage (evaluator 100 %, project 90 %)
	@date +%s > .venv/.started
	@$(MAKE) --no-print-directory lint
	@"$(BIN)/coverage" erase
	@echo "The tests run in six groups; each prints what it found when it is done."
	@$(MAKE) --no-print-directory --jobs=6 --keep-going --output-sync=target $(GROUPS)
	@"$(BIN)/coverage" combine --quiet
	@"$(BIN)/coverage" report --include='evaluator/*' --fail-under=100
	@"$(BIN)/coverage" report --fail-under=90
	@echo "make test: every gate passed, $$(( $$(date +%s) - $$(cat .venv/.started) )) s"

.tests-computing: GROUP = $(COMPUTING) $(addprefix --ignore=,$(HEAVY))
.tests-talking: GROUP = $(TALKING) $(addprefix --ignore=,$(HEAVY))
.tests-notifying: GROUP = $(NOTIFYING)
.tests-breaking: GROUP = $(BREAKING)
.tests-heavy: GROUP = $(HEAVY)
.tests-rest: GROUP = $(addprefix --ignore=,$(COMPUTING) $(TALKING) $(NOTIFYING) $(BREAKING) $(HEAVY))
$(MEASURED):
	@"$(BIN)/coverage" run -m pytest $(GROUP)
$(UNMEASURED):
	@"$(BIN)/python" -m pytest $(GROUP)

faults: $(DEV)  ## inject every fault of docs/faults.md, and list how each ended (as root: all)
	@"$(BIN)/python" -m pytest -m fault -p tests.fault_report

KILLS ?= 1000
torture: $(DEV)  ## kill -9 a thousand times, on bad disks too (KILLS=…, SEED=…), and count
	@"$(BIN)/python" -m tests.torture --kills $(KILLS) $(if $(SEED),--seed $(SEED))
	@"$(BIN)/python" -m tests.notifier.kills $(if $(SEED),--seed $(SEED))

bench: $(DEV)  ## measure every budget beside its yardstick
	@"$(BIN)/python" -m bench

clean:  ## remove the environment, the demo's home and caches (never data or logs)
	@rm -rf .venv .demo .coverage .coverage.* .hypothesis .mypy_cache .ruff_cache \
		.import_linter_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

define install
	@"$(BIN)/python" -m pip install -qq --disable-pip-version-check \
		--require-hashes --requirement $(1)
	@"$(BIN)/python" -m pip install -qq --disable-pip-version-check \
		--no-deps --no-build-isolation --editable ./engine_sdk --editable .
	@touch $@
endef

.venv/.run: requirements/run.txt $(PYPROJECTS) | .venv/bin/python
	@echo "Installing what Tickbeat runs on into .venv (once) …"
	$(call install,requirements/run.txt)

.venv/.dev: requirements/dev.txt $(PYPROJECTS) | .venv/bin/python
	@echo "Installing what Tickbeat is tested with into .venv (once) …"
	$(call install,requirements/dev.txt)

.venv/bin/python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Tickbeat needs Python 3.11 or newer, and $(PYTHON) is not:" \
			"name one with 'make PYTHON=python3.12 …'" >&2; exit 1; }
	@"$(PYTHON)" -m venv .venv || { rm -rf .venv; \
		echo "$(PYTHON) can't make a virtual environment: on Debian and Ubuntu," \
			"'apt install python3-venv' helps" >&2; exit 1; }
