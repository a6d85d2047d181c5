# make            what there is to make
# make dev        everything on this machine: the relay, a simulated Konnektive, a checkout page
# make test       everything that must hold before a deploy
#
# Needed: Go (the version in go.mod), Node 20 or newer with npm, make. The rest is installed from pinned versions.

SHELL := /bin/bash
# --norc: with a socket for its input bash takes itself for a remote shell and reads the machine's bashrc, which fails
# under -u.
.SHELLFLAGS := --norc -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# The npm tools, among them the Node that wrangler wants, come before whatever the machine has.
SYSTEM_PATH := $(PATH)
export PATH := $(CURDIR)/worker/node_modules/.bin:$(PATH)
export WRANGLER_SEND_METRICS := false
export WRANGLER_HIDE_BANNER := true

TOOLS := worker/node_modules/.installed
WRANGLER := wrangler --config $(CURDIR)/wrangler.toml
BUNDLE := worker/build/bundle
COVERAGE := worker/build/coverage
WASM_GO := GOOS=js GOARCH=wasm $(GO)
WASM_EXEC = $(shell $(GO) env GOROOT)/lib/wasm

# net/http brings HTTP/2 and the cryptography of TLS, which the runtime does: both are left out (cmd/overlay). What
# cannot be left out is compiled for size, without inlining, and so is what takes a few microseconds of a request. What
# works on every byte (the runtime, strings, the glue) is inlined.
NOT_INLINED := crypto/... math/big fmt reflect encoding/... vendor/... mime/... net net/netip net/textproto net/url \
	compress/... time os log syscall hash/... container/... klarna-relay/...
SMALLER := -tags nethttpomithttp2 $(NOT_INLINED:%=-gcflags=%=-l) -gcflags=klarna-relay/worker/edge=

.DEFAULT_GOAL := help
.PHONY: help build browser bundle dry-run dev test lint unit wasm-test e2e check-config fuzz fuzz-short bench soak \
	attack faults mutate cover samples deploy secrets preflight find books clean tools browsers lighthouse

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

tools: $(TOOLS) ## Install the pinned npm tools

$(TOOLS): worker/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node 20 or newer (https://nodejs.org)" >&2; exit 1; }
	cd worker && PATH="$(SYSTEM_PATH)" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@major=$$(node -p 'parseInt(process.versions.node)'); if [ "$$major" -lt 22 ]; then \
		echo "wrangler needs Node 22 or newer, and for this kind of machine the tools bring none: install it" >&2; exit 1; \
	fi
	@touch $@

build: browser ## Compile the edge program and the browser module
	@mkdir -p worker/build
	@cmp -s $(WASM_EXEC)/wasm_exec.js worker/build/wasm_exec.js || cp $(WASM_EXEC)/wasm_exec.js worker/build/
	@$(GO) run ./worker/cmd/landers worker/build/landers.mjs
	@$(GO) run ./worker/cmd/overlay worker/build/overlay.json
	@$(WASM_GO) build -overlay worker/build/overlay.json $(SMALLER) -trimpath \
		-ldflags "-s -w -X main.version=$(VERSION)" -o worker/build/edge.wasm.new ./worker
	@$(GO) run ./worker/cmd/pack worker/build/edge.wasm.new && mv worker/build/edge.wasm.new worker/build/edge.wasm
	@echo "edge program: $$(wc -c <worker/build/edge.wasm) bytes, version $(VERSION)"

browser: $(TOOLS) ## Compile the browser module into www/build, print its size, and write the pages' texts and other languages
	@$(GO) run ./wasm/build
	@$(GO) run ./worker/cmd/translate

# What would be deployed, and what wrangler.toml means to the tests. Put in place in one go, since tests may be reading
# the old one.
bundle: build $(TOOLS) ## Put together what would be deployed, and the pages that the tests shop at
	@rm -rf $(BUNDLE).new
	$(WRANGLER) deploy --env "" --dry-run --outdir $(BUNDLE).new >worker/build/dry-run.log 2>&1 \
	|| { cat worker/build/dry-run.log; exit 1; }
	@node worker/test/options.mjs wrangler.toml >$(BUNDLE).new/options.json
	@rm -rf worker/build/pages; cp -r worker/test/pages worker/build/pages && cp -r www/build worker/build/pages/ \
	&& $(GO) run ./worker/cmd/translate -strict -www worker/build/pages
	@cd worker/test/pages && for page in $$(find . -type f); do \
		cmp -s "$$page" "$(CURDIR)/www/$$page" && continue; \
		echo "note: the tests shop at worker/test/pages, and www/$${page#./} differs. If the sample changed: make samples"; \
		break; \
	done
	@rm -rf $(BUNDLE).old; if [ -d $(BUNDLE) ]; then mv $(BUNDLE) $(BUNDLE).old; fi; \
	mv $(BUNDLE).new $(BUNDLE); rm -rf $(BUNDLE).old

# wrangler.toml as wrangler itself understands it, in its other environments.
dry-run: build $(TOOLS) ## Have wrangler read wrangler.toml in its other environments
	@for environment in $$(sed -n 's/^\[env\.\([A-Za-z0-9_-]*\)\]$$/\1/p' wrangler.toml); do \
		echo "$(WRANGLER) deploy --dry-run --env $$environment"; \
		$(WRANGLER) deploy --dry-run --env $$environment --outdir worker/build/dry-run >worker/build/dry-run.log 2>&1 \
		|| { cat worker/build/dry-run.log; exit 1; }; \
	done

# Not by "go run", which dies of a SIGTERM without passing it on.
dev: build $(TOOLS) ## Start the relay and a simulated Konnektive, and print the checkout page's address
	@mkdir -p worker/build && $(GO) build -o worker/build/dev ./worker/cmd/dev && exec worker/build/dev

test: lint check-config unit wasm-test fuzz-short dry-run e2e ## Everything: linters, unit tests, workerd and three browsers
	@echo "All of it holds."

unit: ## What needs neither workerd nor a browser
	$(GO) test ./...

# The pure packages once more as Wasm, which is what runs in the end. (The relay runs as Wasm in workerd.)
PURE := $(addprefix ./worker/,alert body codes config gate json konnektive ledger percent preflight purchase rules \
	words)
wasm-test: $(TOOLS) ## The unit tests of the pure packages, as Wasm
	$(WASM_GO) test -exec $(WASM_EXEC)/go_js_wasm_exec $(PURE)

# The engines to test with, and how often in a row. Nothing is tried again: a run that fails ends it.
ENGINES ?= chromium firefox webkit
REPEAT ?= 1
export ENGINES
e2e: bundle browsers ## The built Worker in workerd, and all that shoppers do in three browsers (ENGINES=chromium, REPEAT=10)
	@for run in $$(seq $(REPEAT)); do \
		if [ $(REPEAT) != 1 ]; then echo "run $$run of $(REPEAT)"; fi; \
		BUNDLE_IS_FRESH=1 $(GO) test -tags e2e -count=1 -parallel 3 -timeout 90m ./worker/test; \
	done

# Some tests are about Chromium alone, so that is always there. A browser that has another name, or was not installed by
# apt, is named in CHROME, FIREFOX or MINIBROWSER.
browsers: ## Install the browsers of ENGINES that are missing
	@missing=; \
	has() { for name; do if [ -n "$$name" ] && command -v $$name >/dev/null; then return 0; fi; done; return 1; }; \
	for engine in chromium $(ENGINES); do case $$engine in \
		chromium) has "$${CHROME:-}" chromium chromium-browser google-chrome google-chrome-stable \
			|| missing="$$missing chromium";; \
		firefox) has "$${FIREFOX:-}" firefox-esr firefox || missing="$$missing firefox-esr";; \
		webkit) has WebKitWebDriver || missing="$$missing webkit2gtk-driver"; has Xvfb || missing="$$missing xvfb";; \
		*) echo "ENGINES: there is no $$engine; there are chromium, firefox and webkit" >&2; exit 1;; \
	esac; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then \
		echo "Missing:$$missing. Install them, or leave engines out with ENGINES=chromium" >&2; exit 1; \
	fi; \
	sudo=; if [ "$$(id -u)" != 0 ]; then sudo=sudo; fi; \
	$$sudo apt-get update -q && $$sudo apt-get install -y -q --no-install-recommends $$missing \
	|| { echo "Not installed:$$missing. Do it by hand, or leave engines out with ENGINES=chromium" >&2; exit 1; }

lighthouse: bundle browsers ## Lighthouse's marks, speed included: the machine must be idle
	SPEED=1 BUNDLE_IS_FRESH=1 $(GO) test -tags e2e -count=1 -run TestLighthouse -v ./worker/test

lint: $(TOOLS) ## Formatting and checkers for Go, JavaScript, CSS, HTML and every *.md
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not gofmt'ed: $$unformatted" >&2; exit 1; fi
	$(GO) vet -tags e2e,soak ./...
	$(WASM_GO) vet -tags counters ./...
	staticcheck=$$($(GO) tool -n staticcheck) && $$staticcheck -tags e2e,soak ./... \
	&& GOOS=js GOARCH=wasm $$staticcheck -tags counters ./...
	biome lint --error-on-warnings worker
	html-validate $$(git ls-files 'worker/test/pages/*.html')
	$(GO) run ./worker/cmd/checkreadme $$(git ls-files '*.md')

check-config: ## Check wrangler.toml (and .dev.vars) and name every fault with its cure
	$(GO) run ./worker/cmd/checkconfig

fuzz-short: ## Run every fuzz target, 20000 executions each
	@$(MAKE) fuzz FUZZTIME=20000x

# One binary a package, run once for each of its targets. What a target finds interesting stays in Go's cache; only what
# breaks it is written beside the test, to be kept. Executions, not seconds: a run that is ended by the clock fails now
# and then for nothing (golang/go#75804).
FUZZTIME ?= 1000000x
fuzz: ## Run every fuzz target, FUZZTIME executions each (1000000x)
	@mkdir -p worker/build/fuzz; cache=$$($(GO) env GOCACHE)/fuzz; \
	for dir in $$(git grep -lE '^func Fuzz' -- '*_test.go' | xargs -n1 dirname | sort -u); do \
		binary=$(CURDIR)/worker/build/fuzz/$${dir//\//-}.test; \
		$(GO) test -c -fuzz=Fuzz -o $$binary ./$$dir; \
		for target in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]*' $$dir/*_test.go | cut -c6-); do \
			printf '%s %s: ' $$dir $$target; \
			said=$$(cd $$dir && $$binary -test.run '^$$' -test.fuzz "^$$target\$$" -test.fuzztime $(FUZZTIME) \
				-test.fuzzminimizetime 10x -test.fuzzcachedir $$cache/klarna-relay/$$dir 2>&1) \
			|| { printf '\n%s\n' "$$said"; exit 1; }; \
			sed -n 's/.*\(execs: [0-9]*\).*/\1/p' <<<"$$said" | tail -1; \
		done; \
	done

bench: bundle ## Side by side with plain JavaScript and with the stock way
	$(GO) run ./worker/cmd/bench

samples: ## Keep the pages of www/ as those that the tests shop at, so that pages of one's own may take their place
	@rm -rf worker/test/pages && mkdir -p worker/test/pages
	@git ls-files -z www | tar -c --null -T - | tar -x --strip-components=1 -C worker/test/pages

SOAK ?= 30s
SETTING ?= as measured
soak: bundle ## Orders in bad weather, SOAK long (30s), until the books balance: lost calls, hang-ups, deaths (SETTING= for every answer of the CRM)
	BUNDLE_IS_FRESH=1 $(GO) test -tags e2e,soak -count=1 -timeout 0 -run '^TestTheBooksBalance' -v ./worker/test \
		-args -soak.for=$(SOAK) -soak.setting="$(SETTING)"

attack: bundle ## Hostile requests against the built Worker, and what came of each kind
	BUNDLE_IS_FRESH=1 $(GO) test -tags e2e -count=1 -run '^TestAStandingAttack' -v ./worker/test \
	| grep -E '^attack|FAIL|^ok'

PAIRS ?= 100000
VARIED ?= 20000
faults: ## Every step of every story fails in every way, PAIRS of steps too (100000; -1: all), races in every order, and VARIED faults under every answer of the CRM (20000; -1: all)
	$(GO) test -count=1 -timeout 0 -run 'Whatever' -v ./worker/relay -args -faults.pairs=$(PAIRS) \
		-races.orders=5000 -races.switches=4 -races.faults=30000 -variations.faults=$(VARIED) -variations.races=50000

# In a copy without the npm tools, which gremlins would copy for every change. gremlins is not in go.mod.
MUTATE ?= worker/purchase worker/konnektive worker/rules
mutate: ## Change the code that decides, one expression at a time: does a test notice? (MUTATE=worker/purchase)
	@copy=$$(mktemp -d); trap 'rm -rf "$$copy"' EXIT; \
	git ls-files -z '*.go' go.mod go.sum ':(glob)worker/**/pages/*' ':(glob)**/testdata/**' \
	| tar -c --null -T - | tar -x -C "$$copy"; \
	for package in $(MUTATE); do \
		(cd "$$copy" && $(GO) run github.com/go-gremlins/gremlins/cmd/gremlins@v0.6.0 unleash --workers 2 \
			--timeout-coefficient 30 --invert-logical --invert-loopctrl --invert-assignments \
			--remove-self-assignments -E simulator/ -S lctv ./$$package); \
	done

# The end-to-end runs count in the running Worker: an edge program that counts takes the place of the real one in a copy
# of the bundle. With the same set of packages everywhere, go tool covdata merges what the three kinds of machine have
# counted.
COUNT := -cover -covermode=atomic -coverpkg=klarna-relay/...
cover: bundle browsers ## Coverage of native, Wasm and end-to-end runs, merged
	@rm -rf $(COVERAGE); mkdir -p $(COVERAGE)/native $(COVERAGE)/wasm $(COVERAGE)/e2e; cp -r $(BUNDLE) $(COVERAGE)/bundle
	$(GO) test -count=1 $(COUNT) ./... -args -test.gocoverdir=$(CURDIR)/$(COVERAGE)/native | sed 's/\tcoverage:.*//'
	$(WASM_GO) test -count=1 -exec $(WASM_EXEC)/go_js_wasm_exec $(COUNT) $(PURE) \
		-args -test.gocoverdir=$(CURDIR)/$(COVERAGE)/wasm | sed 's/\tcoverage:.*//'
	$(WASM_GO) build $(COUNT) -tags nethttpomithttp2,counters -o $$(ls $(COVERAGE)/bundle/*edge.wasm) ./worker
	BUNDLE=$(CURDIR)/$(COVERAGE)/bundle COUNTERS=$(CURDIR)/$(COVERAGE)/e2e \
		$(GO) test -tags e2e -skip Lighthouse -count=1 -parallel 3 -timeout 25m ./worker/test
	@cd $(COVERAGE) && $(GO) tool covdata textfmt -i=native,wasm,e2e -o all.txt
	@$(GO) tool cover -html $(COVERAGE)/all.txt -o $(COVERAGE)/all.html
	@cd $(COVERAGE) && $(GO) tool covdata percent -i=native,wasm,e2e
	@$(GO) tool cover -func $(COVERAGE)/all.txt | tail -1
	@echo "line by line: $(COVERAGE)/all.html"

deploy: $(TOOLS) ## Build, check, dry-run, deploy (ENVIRONMENT=staging for the other one)
	$(GO) run ./worker/cmd/checkconfig -env "$(ENVIRONMENT)"
	$(WRANGLER) deploy --env "$(ENVIRONMENT)" --dry-run --outdir worker/build/dry-run
	$(WRANGLER) deploy --env "$(ENVIRONMENT)"
	@echo "Now: make preflight URL=https://<your shop>"

SECRETS ?= KONNEKTIVE_LOGIN_ID KONNEKTIVE_PASSWORD
secrets: $(TOOLS) ## Ask for the secrets and store them at Cloudflare, all at once (ENVIRONMENT=staging; SECRETS="ADMIN_TOKEN TURNSTILE_SECRET" for those)
	@for name in $(SECRETS); do \
		read -rsp "$$name: " value; echo >&2; \
		[ -n "$$value" ] || { echo "nothing was typed for $$name, so nothing was stored" >&2; exit 1; }; \
		export "$$name=$$value"; \
	done; \
	node -p 'JSON.stringify(Object.fromEntries(process.argv.slice(1).map((name) => [name, process.env[name]])))' \
		$(SECRETS) \
	| $(WRANGLER) secret bulk --env "$(ENVIRONMENT)"

preflight: ## Ask the deployed Worker what works on every host, or on one (URL=https://shop.example), with ADMIN_TOKEN in the environment
	@$(GO) run ./worker/cmd/preflight -env "$(ENVIRONMENT)" $(URL)

find: ## What became of a purchase: make find URL=https://shop.example ORDER=63A9FBD226 (or REF=…), with ADMIN_TOKEN in the environment
	@$(GO) run ./worker/cmd/find "$(URL)" "$(or $(ORDER),$(REF))"

books: ## Compare a day's payments with Konnektive: make books URL=https://shop.example DAY=2026-11-25, with ADMIN_TOKEN in the environment
	@$(GO) run ./worker/cmd/books "$(URL)" "$(DAY)"

clean: ## Remove what was built
	rm -rf worker/build www/build www/[a-z][a-z] worker/.wrangler .wrangler
