# "make up" ends with a backup on disk, "make test" runs every test; both set up what they need first.

SHELL := /bin/bash -euo pipefail
run := node --require ts-node/register/transpile-only setup/main.ts

.PHONY: up setup shell setup-tests test test-long test-faults test-unit lint mutants bench down purge

up: build
	@$(run) up

setup: build
	@$(run) setup

# Your shell, in which "pulumi" works on the stack of this checkout.
shell: build
	@$(run) shell

setup-tests: build
	@$(run) setup-tests

# Files of tests that run at once. They also wait for containers: two of them leave a tenth of two processors idle.
JOBS ?= 3

# They limit how long something takes, or stop the Docker daemon that they have: they run after the others, one by one.
alone := $(addprefix test/faults/,container.test.ts daemon.test.ts)

# Two runs, of which the second one reports for both. Unit tests come last because they fill the gaps at the end best.
test: build
# Before the set-up, because two that install Debian packages at once end each other.
	@$(run) setup-lint
	@$(MAKE) --no-print-directory --jobs 2 setup-tests lint
	@export TEST_REPORT=$$(mktemp); trap 'rm "$$TEST_REPORT"' EXIT; failed=0; \
	offline=$$(test ! -x .cache/bin/pulumi-language-nodejs || echo test/offline); \
	node_modules/.bin/mocha --parallel --jobs $(JOBS) $(addprefix --ignore ,$(alone)) --recursive test/faults test/e2e $$offline test/unit || failed=1; \
	node_modules/.bin/mocha $(alone) || failed=1; \
	exit $$failed

# What takes long and seldom breaks.
test-long: setup-tests
	@node_modules/.bin/mocha --recursive test/long

test-faults: setup-tests
	@node_modules/.bin/mocha --parallel --jobs $(JOBS) --recursive test/faults

test-unit: build
	@node_modules/.bin/mocha --parallel --jobs $(JOBS) --recursive test/unit

lint: build
	@$(run) setup-lint
	@npm run --silent typecheck & types=$$!; npm run --silent lint; wait "$$types"

# Changes of the code that tests must notice, one after the other; a survivor fails it. Those of pure functions come first.
mutants: setup
	@node --require ts-node/register/transpile-only test/mutants/pure.ts
	@node --require ts-node/register/transpile-only test/mutants/run.ts

# Writes docs/performance.md; wants an idle machine. To try it: make bench SCALE=300000 ROUNDS=1 OUTPUT=/tmp/bench
# Nightly backups alone, and the rest of the report as it is: make bench ONLY=nightly NIGHTLY_ROWS=12000000. All but them: ONLY=single
bench: setup
	@node --require ts-node/register/transpile-only bench/main.ts

down: build
	@$(run) down

purge: build
	@$(run) purge

.PHONY: build
build: node_modules/.package-lock.json
	@npm run --silent build

node_modules/.package-lock.json: package-lock.json
	npm ci --no-audit --no-fund
	@touch $@
