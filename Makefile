# Every target starts with `make setup` where it needs the build. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON_ENV := .venv/bin/python

.PHONY: help setup demo test bench asan tsan torture fuzz format docs wheel fresh clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: ## Install what is missing, build the release, link the package into .venv
	@tools/setup.sh

demo: setup ## A day of order-book data, from file to trained network, in under three minutes
	@$(PYTHON_ENV) examples/demo.py --out demo

test: ## Everything: C++ and Python tests, sanitizers, linters; says at its end how long each took
	@tools/setup.sh
	@$(PYTHON_ENV) tools/test.py

bench: setup ## Measure against the peers; writes docs/benchmarks.md (CHECK=1: exit code against the floors)
	@cmake --preset bench >/dev/null && cmake --build --preset bench -- --quiet
	@$(PYTHON_ENV) bench/compare.py $(if $(CHECK),--check) $(if $(ONLY),--only $(ONLY))

asan: setup ## C++ tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(PYTHON_ENV) tools/test.py --only asan

tsan: setup ## C++ tests under ThreadSanitizer
	@$(PYTHON_ENV) tools/test.py --only tsan

fuzz: setup ## Each fuzz target for a minute (SECONDS_EACH=60)
	@$(PYTHON_ENV) tools/fuzz.py --seconds $(or $(SECONDS_EACH),60)

format: setup ## Format C++ and Python sources in place
	@git ls-files '*.cc' '*.h' | xargs clang-format-14 -i
	@.venv/bin/ruff format -q . && .venv/bin/ruff check -q --fix .

docs: setup ## The documentation as a website in site/
	@$(PYTHON_ENV) -m pip install -q -c constraints.txt mkdocs
	@$(PYTHON_ENV) -m mkdocs build -q --strict

torture: ## All of the proof that nothing is lost: faults, kills, power cuts (SEED=N repeats a run)
	@tools/setup.sh torture
	@$(PYTHON_ENV) tools/torture.py $(if $(SEED),--seed $(SEED))

wheel: setup ## A wheel in dist/
	@$(PYTHON_ENV) -m pip wheel -q --no-deps --no-build-isolation --config-settings=build-dir=build/release -w dist .

fresh: ## Demo and test in a bare Debian 12 made by debootstrap (root only)
	@tools/fresh.sh

clean: ## Remove what was built
	@rm -rf build dist site demo
