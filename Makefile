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

.PHONY: run build test check lint vet cross full fuzz bench icons echarts pictures vulns

run:
	$(GO) run .

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) .

test:
ifeq ($(CC_FOUND),)
	@if [ "$$CI" = true ]; then echo "gcc is missing: the race detector cannot run"; exit 1; fi
	@echo "no C compiler: tests run without the race detector; install gcc to have it"
endif
	$(GO) test $(RACE) -timeout 10m ./...
	cd server/sdktest && $(GO) test -timeout 10m ./...

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
