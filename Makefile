# `make help` lists the targets. CI calls only these.
SHELL   := /bin/bash
GO      ?= go
VERSION ?= $(shell git describe --always --dirty 2>/dev/null || echo dev)
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
BENCHSTAT ?= golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
FUZZTIME ?= 500000x
ARGS    ?=
# Every package with a test that needs root or Asterisk, chaos last.
E2E = $(shell grep -rl --include='*_test.go' --exclude-dir=.cache '^//go:build e2e' . | xargs -n1 dirname | sort -u | grep -v '^./test/chaos$$') ./test/chaos
.PHONY: help build demo test test-unit test-dns e2e chaos install bench bench-quick soak bench-build bench-go bench-compare scale coefficients plan simulate race guard fuzz house lint cover clean

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16
build: ## build bin/asterfed
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/asterfed ./cmd/asterfed
demo: build ## run three nodes on loopback with users that roam; ARGS=--for=10s ends by itself
	@bin/asterfed demo $(ARGS)
test: test-unit e2e ## run all tests, including those with real Asterisk (as root)
test-unit: ## run the tests that need neither root nor Asterisk
	$(GO) test ./...
test-dns: install ## check answers over real sockets against the RFC that each test cites, and through BIND
	$(GO) test -tags e2e -count=1 -v ./test/conformance
install: ## install what the e2e tests need: Debian packages, Asterisk 16 and 22 in .cache
	@test/lab/install.sh
e2e: build install ## run the tests with real Asterisk 16 and 22, SIPp phones and the stock serf (as root)
	$(GO) test -tags e2e -count=1 -timeout 40m -p 1 -v $(E2E) 2>&1 | grep --line-buffered -vE '^(=== (RUN|PAUSE|CONT)|\?)' ; exit $${PIPESTATUS[0]}
chaos: build ## break things for ten minutes and judge what every node answers (as root); ARGS="-chaos.seed=7 -chaos.for=2m"
	$(GO) test -tags e2e -count=1 -timeout 30m -v ./test/chaos -args -chaos.for=10m -chaos.nodes=8 -chaos.users=1000 $(ARGS)
race: ## run the unit tests under the race detector
	$(GO) test -race ./...
bench: build bench-build ## compare with NSD, Knot, BIND and CoreDNS's file; writes docs/performance.md (as root); ARGS="-parts dns"
	@bin/bench -write docs/performance.md $(ARGS)
bench-quick: build bench-build ## the same with few names, in about a minute; writes nothing
	@bin/bench -parts dns -names 20000 -rounds 2 -each 300ms $(ARGS)
soak: ## measure what the AMI source uses while nothing happens, and whether that grows; ARGS="-for 1h" (as root)
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./test/bench && bin/bench -parts soak $(ARGS)
bench-build:
	@test/bench/install.sh
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./test/bench ./test/bench/constant
bench-go: ## run the micro-benchmarks, with allocations, and the short form of scale
	$(GO) test -short -run '^$$' -bench . -benchmem $(ARGS) ./zone/... ./plugin/federation/...
bench-compare: ## compare the hot paths of a revision with the working tree, by benchstat; BASE=HEAD~20 ARGS="Chain,Lookup 10"
	@GO=$(GO) BENCHSTAT=$(BENCHSTAT) test/bench/benchstat.sh "$(BASE)" $(ARGS)
scale: ## measure 1,000,000 users on 50 nodes, and storms of 10,000; ARGS='-bench Join'
	$(GO) test -run '^$$' -bench 'Scale|Join|Storm' -benchtime 3x -timeout 30m $(ARGS) ./zone/answer ./zone/peer
coefficients: build bench-build ## measure the coefficients of asterfed plan (as root)
	$(GO) test -run '^$$' -bench Coefficients -benchtime 1x ./zone/peer -args -write-coefficients $(CURDIR)/cmd/asterfed/plan/coefficients.json
	@bin/bench -parts coefficients -coefficients cmd/asterfed/plan/coefficients.json
plan: build bench-build ## compare asterfed plan with real runs; writes docs/scale.md (as root)
	@bin/bench -parts plan -write docs/scale.md
simulate: ## show what a node costs against the number of nodes, in virtual time; ARGS="-nodes 200 -sample 20"
	$(GO) test -count=1 -timeout 60m -v -run TestScale ./test/simulation -args $(ARGS)
guard: ## compare instructions and allocations of the hot paths with test/guard/baseline.txt (valgrind); ARGS=-write
	@command -v valgrind >/dev/null || { apt-get update -qq && apt-get install -y -qq valgrind; }
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./test/guard && bin/guard $(ARGS)
fuzz: ## run every fuzz target; FUZZTIME=1h, or a count of inputs
	@set -e; for f in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do for t in $$(grep -oE '^func Fuzz[A-Za-z0-9_]+' $$f | sed 's/func //'); do echo "fuzz $$t"; $(GO) test -run '^$$' -fuzz "^$$t$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x ./$$(dirname $$f); done; done
house: ## files, lines, names and types of each package beside their bounds; ARGS="-names"
	@$(GO) run ./test/house $(ARGS)
lint: ## run gofmt, go vet, staticcheck and the bounds of packages and types
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo 'run gofmt -w on these'; exit 1; }
	$(GO) vet ./... && $(GO) vet -tags e2e ./...
	@$(GO) run ./test/house -check >/dev/null || { $(GO) run ./test/house; echo 'a package or a type is beyond its bounds: cut it, or say why in its doc comment'; exit 1; }
	$(GO) run $(STATICCHECK) ./... && $(GO) run $(STATICCHECK) -tags e2e ./...
cover: ## show the coverage of the unit tests
	$(GO) test -coverprofile=cover.out ./... && $(GO) tool cover -func=cover.out | tail -1
clean: ## remove what was built (the Asterisks in .cache stay)
	rm -rf bin cover.out
