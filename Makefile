# LocalRouter. `make test` runs all tests; `make check` is what to run before a commit; `make full` runs the long proofs.

GO      ?= go
BIN     ?= localrouter
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  = -s -w -X main.version=$(VERSION)
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0

# The race detector needs a C compiler; without one the tests run all the same, and CI insists on it.
CC_FOUND := $(shell command -v gcc || command -v clang)
ifneq ($(CC_FOUND),)
RACE = -race
endif

.PHONY: run build test check lint vet cross vulns icons echarts notices pictures bench fuzz full

run:
	$(GO) run .

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) .

# The SDKs drive a program that is built beside their tests, of which the test cache knows nothing: -count=1.
test:
ifeq ($(CC_FOUND),)
	@if [ "$$CI" = true ]; then echo "gcc is missing: the race detector cannot run"; exit 1; fi
	@echo "no C compiler: tests run without the race detector; install gcc to have it"
endif
	$(GO) test $(RACE) -timeout 10m ./...
	cd server/sdktest && $(GO) test -count=1 -p 1 -timeout 10m ./...

# Everything before a commit: format, vet, staticcheck, tests with -race, known vulnerabilities where the database answers.
check: lint test vulns

lint: vet cross
	@bad=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$bad" ]; then echo "gofmt: $$bad"; exit 1; fi
	$(GO) run $(STATICCHECK) ./...

vet:
	$(GO) vet ./...
	cd server/sdktest && $(GO) vet ./...

# The other systems build without cgo; on macOS that is the program without its menu.
cross:
	GOOS=windows CGO_ENABLED=0 $(GO) build -o /dev/null .
	GOOS=darwin CGO_ENABLED=0 $(GO) build -o /dev/null .

vulns:
	@$(GO) run $(GOVULNCHECK) ./... || { [ $$? -ne 3 ] && echo "govulncheck could not run here (no network?); run it where its database answers"; }

# What the program embeds, remade from its sources. Building needs none of this.
icons:
	$(GO) run ./assets/icons/gen

echarts:
	cd assets/web/echarts && npm ci --no-audit --no-fund && npm run build

notices:
	$(GO) run ./assets/notices

# The pictures of the README, from a real panel and a real browser.
pictures: build
	LOCALROUTER_PICTURES=$(CURDIR)/.cache/pictures LOCALROUTER_TRAY_PROGRAM=$(CURDIR)/$(BIN) $(GO) test ./tray -run TestOnARealPanel -count=1
	LOCALROUTER_PICTURES=$(CURDIR)/.cache/pictures $(GO) test ./dashboard -count=1
	mkdir -p .github/pictures
	cp .cache/pictures/tray-menu.png .github/pictures/tray-menu.png
	cp .cache/pictures/overview-light.png .github/pictures/overview.png

# What runs for each request: head scan, splice, selection, limits, relay, key check, record.
bench:
	$(GO) test -run '^$$' -bench . -benchmem ./providers/... ./routing/... ./server ./db

# The parsers of foreign bytes, FUZZTIME each.
FUZZTIME ?= 1m
fuzz:
	@set -e; for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; $(GO) test $$p -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x; done; done

# The long proofs: every kill, every split, full disks (as root), a million requests.
full: export LOCALROUTER_FULL = 1
full: lint
	$(GO) test $(RACE) -timeout 90m ./...
	cd server/sdktest && $(GO) test -count=1 -p 1 -timeout 30m ./...
	$(MAKE) fuzz FUZZTIME=10m
