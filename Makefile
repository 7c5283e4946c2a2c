# One target for each thing that people do here; `make help` lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help

PREFIX ?= /usr/local
DESTDIR ?=
# Where the executables to install come from; the end-to-end tests install a debug build.
EXECUTABLES ?= .build/release
# For example -Xswiftc -warnings-as-errors.
SWIFTFLAGS ?=
# For example FILTER=Watching: only the tests whose names match.
FILTER ?=
# Tests at a time: each end-to-end test has a daemon of its own, and a user only so many inotify instances (128).
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH ?= 32
# For each of the targets (all of Fuzzing/Targets, or those named).
FUZZ_SECONDS ?= 600
FUZZ_TARGETS ?=
# Options of Benchmarks/engine/run.sh.
BENCH ?=

RELEASE = -c release --static-swift-stdlib $(SWIFTFLAGS)
SWIFT_SOURCES = Package.swift Sources Tests Fuzzing/Package.swift Fuzzing/Targets
PROGRAMS = stayposd staypos-scorer staypos-ctl staypos

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

.PHONY: dependencies
dependencies: ## Install the system packages that a build needs, if any is missing
	@scripts/dependencies build

.PHONY: test-dependencies
test-dependencies: dependencies
	@scripts/dependencies test
	@$(MAKE) --no-print-directory .build-venv/ready

# Independent clients of ours, and references to compare with, from PyPI, for the tests alone.
.build-venv/ready: Tests/requirements.txt
	/usr/bin/python3 -m venv --clear --system-site-packages .build-venv
	.build-venv/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

.PHONY: build
build: dependencies ## Build the four executables into .build/release
	swift build $(RELEASE)

.PHONY: run
run: build ## Run the daemon in the foreground on private directories under var/
	@scripts/run

.PHONY: demo
demo: build ## Show the daemon at work on sample images; fails if anything does not happen
	@scripts/demo $(EXECUTABLES)

.PHONY: test
test: test-dependencies ## Build and run all tests (FILTER=… for some)
	swift test $(SWIFTFLAGS) $(if $(FILTER),--filter '$(FILTER)')

# The sizes of the hardest cases (Tests/README.md), with the executables of a release build.
FULL_SIZE = STAYPOS_OVERFLOW_FILES=20000 STAYPOS_DIRECTORIES=100000 STAYPOS_EVENT_FILES=50000 STAYPOS_QUEUE_FILES=10000 \
	STAYPOS_COPIES=1000 STAYPOS_SAME_NAMES=1500 STAYPOS_CONNECTIONS=5000 STAYPOS_ROUNDS=500 STAYPOS_FAULTS=150

.PHONY: pitfalls
pitfalls: test-dependencies build ## Run the cases that a daemon must survive at full size, and print figures
	set -o pipefail; $(FULL_SIZE) STAYPOS_EXECUTABLES=$(CURDIR)/.build/release \
	  swift test $(SWIFTFLAGS) --no-parallel --filter 'Pitfall|KillCampaign|FaultCampaign|ReleaseBuild' | tee .build/pitfalls.log
	@grep '^figure: ' .build/pitfalls.log

.PHONY: fuzz
fuzz: test-dependencies ## Give the parsers hostile input, ten minutes each (FUZZ_SECONDS=…, FUZZ_TARGETS=…)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/fuzz $(FUZZ_TARGETS)

.PHONY: tsan
tsan: test-dependencies ## Run the stages' tests under ThreadSanitizer
	@scripts/tsan

SOAK_SECONDS ?= 600
SOAK_WRITERS ?= 8

.PHONY: soak
soak: test-dependencies build ## Many writers, commands and killed scorers at once (SOAK_SECONDS=600, SOAK_WRITERS=8)
	set -o pipefail; STAYPOS_SOAK_SECONDS=$(SOAK_SECONDS) STAYPOS_SOAK_WRITERS=$(SOAK_WRITERS) \
	  STAYPOS_SOAK_TABLE=$(CURDIR)/.build/soak.csv STAYPOS_EXECUTABLES=$(CURDIR)/.build/release \
	  swift test $(SWIFTFLAGS) --no-parallel --filter SoakTests | tee .build/soak.log
	@grep '^figure: ' .build/soak.log; echo "over time: .build/soak.csv"

.PHONY: bench
bench: build ## Measure the engine beside others (BENCH=… for options; twenty minutes)
	Benchmarks/engine/run.sh $(BENCH)

# The two halves of the autoencoder, taef2_encoder.pth and taef2_decoder.pth (docs/reproduction/README.md).
ENCODER ?= taef2_encoder.pth
DECODER ?= taef2_decoder.pth
# More options of Reproduction/reproduce.py and make_model.py, for example --tiny.
EXPERIMENT ?=

# Super-resolution networks, without what their packages ask for beside them.
.build-upscalers/ready: Reproduction/requirements.txt
	/usr/bin/python3 -m venv --clear --system-site-packages .build-upscalers
	.build-upscalers/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement $<
	@touch $@

.PHONY: reproduce
reproduce: test-dependencies build .build-upscalers/ready ## Reproduce the paper's findings at a small scale (hours)
	/usr/bin/python3 Reproduction/reproduce.py --encoder $(ENCODER) --decoder $(DECODER) $(EXPERIMENT)

.PHONY: model
model: test-dependencies build .build-upscalers/ready ## Train the default model and validate it (hours)
	/usr/bin/python3 Reproduction/make_model.py --encoder $(ENCODER) --decoder $(DECODER) $(EXPERIMENT)

.PHONY: format
format: ## Format all Swift files in place
	swift format format --in-place --parallel --recursive $(SWIFT_SOURCES)

.PHONY: lint
lint: ## Check the Swift files' style
	swift format lint --strict --parallel --recursive $(SWIFT_SOURCES)

.PHONY: clean
clean: ## Remove what builds and `make run` left
	rm -rf .build .build-venv .build-fuzz .build-tsan var

# What goes where. `make install` asks for no rights of its own: `make build`, then `sudo make install`.
bin = $(DESTDIR)$(PREFIX)/bin
libexec = $(DESTDIR)$(PREFIX)/libexec/staypos
share = $(DESTDIR)$(PREFIX)/share
lib = $(DESTDIR)$(PREFIX)/lib
configuration = $(DESTDIR)/etc/staypos/stayposd.toml

$(addprefix .build/release/,$(PROGRAMS)):
	$(MAKE) build

.PHONY: install
install: $(addprefix $(EXECUTABLES)/,$(PROGRAMS)) ## Install below DESTDIR and PREFIX (/usr/local)
	install -d $(bin) $(libexec) $(share)/staypos/models $(share)/man/man1 $(share)/man/man5 $(share)/man/man8
	install -d $(share)/doc/staypos $(lib)/systemd/system $(lib)/systemd/catalog $(lib)/sysusers.d $(lib)/tmpfiles.d
	install -m 755 $(addprefix $(EXECUTABLES)/,stayposd staypos-ctl staypos) $(bin)/
	install -m 755 $(EXECUTABLES)/staypos-scorer $(libexec)/
	install -m 644 $$(realpath Models/default.safetensors) $(share)/staypos/models/
	ln -sf $$(basename $$(realpath Models/default.safetensors)) $(share)/staypos/models/default.safetensors
	for page in man/*.[158]; do install -m 644 $$page $(share)/man/man$${page##*.}/; done
	install -m 644 README.md CHANGELOG.md LICENSE $(share)/doc/staypos/
	for unit in stayposd.service stayposd.socket; do \
	  sed 's,@PREFIX@,$(PREFIX),g' systemd/$$unit > $(lib)/systemd/system/$$unit; \
	  chmod 644 $(lib)/systemd/system/$$unit; done
	install -m 644 systemd/staypos.catalog $(lib)/systemd/catalog/
	install -m 644 systemd/staypos.sysusers $(lib)/sysusers.d/staypos.conf
	install -m 644 systemd/staypos.tmpfiles $(lib)/tmpfiles.d/staypos.conf
	install -d $(dir $(configuration))
	@if [ -e $(configuration) ]; then echo "kept $(configuration)"; else \
	  sed '/^#model = /{s,^#,,;s,/usr/share,$(PREFIX)/share,;}' etc/staypos/stayposd.toml > $(configuration) && \
	  chmod 644 $(configuration) && echo "wrote $(configuration)"; fi
ifeq ($(DESTDIR),)
	@scripts/after-install install
endif

.PHONY: uninstall
uninstall: ## Remove what install put there; configuration, state and quarantine stay
ifeq ($(DESTDIR),)
	@scripts/after-install before-uninstall
endif
	rm -f $(addprefix $(bin)/,stayposd staypos-ctl staypos)
	rm -f $(lib)/systemd/system/stayposd.service $(lib)/systemd/system/stayposd.socket
	rm -f $(lib)/systemd/catalog/staypos.catalog $(lib)/sysusers.d/staypos.conf $(lib)/tmpfiles.d/staypos.conf
	for page in man/*.[158]; do rm -f $(share)/man/man$${page##*.}/$${page#man/}; done
	rm -rf $(libexec) $(share)/staypos $(share)/doc/staypos
ifeq ($(DESTDIR),)
	@scripts/after-install uninstall
endif
