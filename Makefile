# The chores of this project. `make test` is what CI runs; `make help` lists the rest.

SHELL := /bin/bash
VENV := .build/clients
PYTHON := $(VENV)/bin/python3
STREAMS := .build/streams
CONFORMANCE ?= ../shared
RELEASE := .build/release/weir
SWIFT ?= swift
# Runs what was built, and says again at the end which tests failed and why.
TESTS = scripts/run-tests $(SWIFT) test --skip-build

# The tests drive the release build of the program with real clients.
TEST_ENVIRONMENT = WEIR_BINARY="$(CURDIR)/$(RELEASE)" WEIR_TEST_PYTHON="$(CURDIR)/$(PYTHON)" \
	WEIR_TEST_STREAMS_PYTHON="$(CURDIR)/$(STREAMS)/bin/python3" \
	WEIR_TEST_CONFORMANCE="$(abspath $(CONFORMANCE))" WEIR_TEST_MESSAGES="$(abspath $(CONFORMANCE))/kafka-messages"

.PHONY: help setup build release test unit lint format bench simulate soak mutate clients demo sanitize traits docs static clean

help: ## Lists the chores
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Installs what building and testing need: system libraries, client libraries for the tests
	@scripts/setup $(VENV) $(STREAMS)

build: setup ## Builds everything for debugging
	$(SWIFT) build --build-tests

release: setup ## Builds the program for use: .build/release/weir
	$(SWIFT) build -c release --product weir

test: release traits ## Everything that CI runs: units, tidiness, real clients, drain under load
	@mkdir -p .build && $(SWIFT) package dump-package > .build/package.json
	$(SWIFT) build --build-tests
	$(TEST_ENVIRONMENT) $(TESTS) --no-parallel --skip ClientsTests
	$(TEST_ENVIRONMENT) $(TESTS) --filter ClientsTests

unit: setup ## The tests that start no process
	@mkdir -p .build && $(SWIFT) package dump-package > .build/package.json
	$(SWIFT) build --build-tests
	$(TESTS) --no-parallel --skip ClientsTests

lint: ## Checks the formatting
	$(SWIFT) format lint --strict --recursive Package.swift Sources Plugins Tests Samples

format: ## Formats the sources in place
	$(SWIFT) format --in-place --recursive Package.swift Sources Plugins Tests Samples

traits: setup ## Builds the program without the Raft trait and proves that none of it is inside
	$(SWIFT) build --disable-default-traits --product weir
	@if nm .build/debug/weir | grep -q ' [tTdD] .*s4Raft'; then echo "traits: symbols of Raft are in the binary" >&2; exit 1; fi
	@.build/debug/weir version

clients: release ## Real clients against a running node, every case of the conformance folder
	$(SWIFT) build --build-tests
	$(TEST_ENVIRONMENT) $(TESTS) --filter ClientsTests

simulate: setup ## Consensus and recovery over many more seeds than `make test` runs
	$(SWIFT) build -c release --product weir-simulate
	.build/release/weir-simulate --swarm --first-seed $${FIRST_SEED:-1} --seeds $${SEEDS:-1000}
	for nodes in 1 2 3 4; do .build/release/weir-simulate --swarm --nodes $$nodes --first-seed 1 --seeds 100 || exit 1; done
	$(SWIFT) build --build-tests
	WEIR_TEST_SEEDS=$${SEEDS:-20000} $(SWIFT) test --skip-build --filter 'RecoverySimulation'

soak: release ## What `make test` runs briefly, for long: shared files, random steps, cycles of topics
	$(SWIFT) build --build-tests
	WEIR_TEST_SECONDS=$${SECONDS_EACH:-60} $(SWIFT) test --skip-build --filter 'SQLiteStorageTests.ProcessTests'
	WEIR_TEST_STEPS=$${STEPS:-100000} $(SWIFT) test --skip-build --no-parallel --filter '/model'
	WEIR_TEST_SEEDS=$${SEEDS:-2000} $(SWIFT) test --skip-build --filter 'ObjectLogTests.RandomLifeTests'
	WEIR_TEST_CYCLES=$${CYCLES:-10000} $(TEST_ENVIRONMENT) $(SWIFT) test --skip-build --filter '/cycles'

mutate: setup ## Breaks consensus in one place at a time; cases or simulator must notice (half an hour)
	@scripts/mutate $(CONFORMANCE)

bench: release ## Measures; what was reached stands in docs/performance.md; ONLY=consensus measures a part
	@scripts/bench $(RELEASE) $(PYTHON) $(if $(ONLY),--only $(ONLY))

demo: release ## Starts a node, produces, consumes, drains under load, prints the exit report
	@scripts/demo $(RELEASE) $(PYTHON)

sanitize: setup ## Thread Sanitizer over the concurrent parts, Address Sanitizer over all
	$(SWIFT) build --build-tests --sanitize=thread --scratch-path .build-tsan
	clang -O2 -shared -fPIC -o .build-tsan/mutex.so Tests/Sanitizers/ThreadSanitizerMutex.c
	LD_PRELOAD=$(CURDIR)/.build-tsan/mutex.so $(SWIFT) test --skip-build --no-parallel --sanitize=thread --scratch-path .build-tsan \
		--filter 'WorkTrackingTests|WeirRuntimeTests|WeirIOTests|WeirSimulationTests|SegmentLogTests|KafkaTests'
	$(SWIFT) build --build-tests --sanitize=address --scratch-path .build-asan
	ASAN_OPTIONS=detect_leaks=0 $(SWIFT) test --skip-build --no-parallel --sanitize=address --scratch-path .build-asan \
		--skip ClientsTests

static: setup ## Builds the program with the static Swift runtime: .build-static/release/weir
	$(SWIFT) build -c release --product weir --static-swift-stdlib --scratch-path .build-static

docs: build ## Rewrites docs/configuration.md from the settings that the program has
	.build/debug/weir settings --markdown > docs/configuration.md

clean: ## Removes everything that was built
	rm -rf .build .build-tsan .build-asan .build-static .build-mutations
