GO ?= go
# Version of the linter; empty: none is run.
STATICCHECK ?= v0.8.2
# More flags: of `make demo`, ARGS=--exit ends after the calls; of bench-bridge
# and bench-calls, those of their benchmarks; of bench-tickets and
# bench-lookups, the program's flags.
ARGS ?=
BENCH ?= .
FUZZTIME ?= 5s
FAULTS ?= 10
# Request Tracker 5 on SQLite, for the test of its connector. nullmailer is the
# smallest of the mail systems that it asks for; nothing sends mail.
RT5 = request-tracker5 rt5-standalone rt5-db-sqlite dbconfig-no-thanks libdbd-sqlite3-perl nullmailer

.DEFAULT_GOAL := help

.PHONY: help
help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the binary for this machine, ./tidegate; with sherpa-onnx where a C compiler is
	$(GO) build -trimpath -o tidegate .

.PHONY: dist
dist: ## Build what is given to others, ./dist: the binary, its libraries and licences
	deploy/dist.sh dist -trimpath

.PHONY: demo
demo: ## Install what it needs, run everything, place simulated calls and show them
	@deploy/install.sh gcc libc6-dev || echo "demo: going on without a C compiler, and so without sherpa-onnx"
	@deploy/install.sh espeak-ng || echo "demo: going on without espeak-ng; you hear tones in place of speech"
	@$(MAKE) --no-print-directory build
	./tidegate up --demo $(ARGS)

.PHONY: test
test: ## Install what the tests need, run all of them
	@deploy/install.sh gcc libc6-dev espeak-ng postgresql || echo "test: going on; tests that need what is missing say so and are skipped"
	@deploy/install.sh $(RT5) || echo "test: going on without Request Tracker; its test is skipped"
	@# Whole calls keep time by the clock: their packages run one after the other.
	$(GO) test -timeout 10m $$($(GO) list ./... | grep -v -e '/e2e$$' -e '/e2e/speech$$')
	$(GO) test -timeout 20m -p 1 ./e2e ./e2e/speech

.PHONY: race
race: ## All tests under the race detector (needs a C compiler)
	@deploy/install.sh gcc libc6-dev espeak-ng postgresql || echo "race: going on; tests that need what is missing say so and are skipped"
	@deploy/install.sh $(RT5) || echo "race: going on without Request Tracker; its test is skipped"
	CGO_ENABLED=1 $(GO) test -race -timeout 20m $$($(GO) list ./... | grep -v -e '/e2e$$' -e '/e2e/speech$$')
	CGO_ENABLED=1 $(GO) test -race -timeout 30m -p 1 ./e2e ./e2e/speech

.PHONY: lint
lint: ## gofmt, go vet, staticcheck, of the builds with and without cgo
	@deploy/install.sh gcc libc6-dev || echo "lint: going on without a C compiler; what needs cgo is not looked at"
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt these:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	CGO_ENABLED=0 $(GO) vet ./...
	$(if $(STATICCHECK),$(GO) run honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK) ./...)
	$(if $(STATICCHECK),CGO_ENABLED=0 $(GO) run honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK) ./internal/sherpa/...)

.PHONY: bench
bench: ## Run the benchmarks; BENCH=Regexp chooses
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem ./...

.PHONY: bench-bridge
bench-bridge: ## Real forks on the bridge, beside the bare websocket library: streams a core, memory a call
	$(GO) test ./mediabridge -run '^$$' -bench '^BenchmarkStreams$$' -benchtime 1x -streams 1800 $(ARGS)

.PHONY: bench-calls
bench-calls: ## 50 calls at once through everything: what callers wait for an answer, and for silence
	$(GO) test ./e2e -run '^$$' -bench '^BenchmarkCalls$$' -benchtime 1x -calls 50 $(ARGS)

.PHONY: bench-lookups
bench-lookups: ## Look-ups through the order worker among a million orders in PostgreSQL; prints a table
	@deploy/install.sh postgresql || echo "bench-lookups: going on; without PostgreSQL it ends at once"
	$(GO) run ./e2e/ticketbench -lookups $(ARGS)

.PHONY: bench-speech
bench-speech: ## Measure recognition, synthesis and interruptions with every engine here; prints tables
	@deploy/install.sh gcc libc6-dev espeak-ng || echo "bench-speech: going on; what is missing is said in the tables"
	$(GO) run ./e2e/speechbench $(ARGS)

.PHONY: bench-tickets
bench-tickets: ## Tickets a second through JetStream and PostgreSQL; prints a table (ARGS="-steady 10m": memory)
	@deploy/install.sh postgresql || echo "bench-tickets: going on; without PostgreSQL it ends at once"
	$(GO) run ./e2e/ticketbench $(ARGS)

.PHONY: faults
faults: ## 10,000 requests for tickets under random faults, FAULTS times in a row
	@deploy/install.sh postgresql || echo "faults: going on; without PostgreSQL the test is skipped"
	$(GO) test ./workers/ticket -run '^TestRandomFaultsLoseAndDoubleNothing$$' -count $(FAULTS) -timeout 2h -v

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 200x $$pkg; \
	  done; \
	done

.PHONY: generate
generate: ## Write the generated files: JSON Schemas, AsyncAPI, docs/configuration.md
	$(GO) run . schema --write schemas
	$(GO) test ./docs -run TestConfigurationPage -update

.PHONY: env
env: ## Write .env with random secrets for docker compose, unless it is there
	@deploy/compose/env.sh .env
