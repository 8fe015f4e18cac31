# make demo     starts a PostgreSQL server, logs people in by profile, and shows what is refused
# make quick    what needs nothing but Rust, in less than a minute once it is built: formatting, the core, the store, the tool
# make test     every test: the core, the tool, and the module in a real server
# make test-provider  logs in against a certified OpenID provider, npm's oidc-provider; needs Node.js
# make test-providers  logs in against providers of PyPI, npm and Debian, each with what discover proposes; PROVIDERS="all" or their names
# make test-clients  psql, psycopg, asyncpg, pg8000 and others with the preload library, the gateway and the tokens of that provider
# make soak-clients  the same for ten minutes with tokens of thirty seconds, and 1 GB each way through the gateway
# make soak     10,000 edits of the configuration between logins, of which none may be decided by an older text, and 100,000
#               logins that must leave nothing in the postmaster
# make fuzz     random tokens, keys, answers, configurations, server files and paths, SECONDS=30 each; needs a C++ compiler
# make bench    what a login costs beside one with a validator that does nothing; BENCH="--quick" for a short look
# make fleet    what a provider is asked by 500 servers, hour by hour: with real key files and helpers, and a clock turned by hand
# make bench-gateway  pgbench through the gateway, through PgBouncer, and without either; needs a server with TLS
# make bench-stages  what the parts of a login cost, cold, warm and (with valgrind) in instructions
# make module   builds the library for the server of PG_CONFIG, PostgreSQL 18 or 19
# make preload  builds liboauth_token.so, by which any program on libpq shows the token of a file
# make install  installs library, extension, tool, manual and configuration into the server of PG_CONFIG; prefix and DESTDIR
# make deb      builds Debian packages into target/deb, for each PostgreSQL whose server headers are installed
# make test-debian  builds, installs, upgrades and removes them in a Debian folder made for it, and runs the server tests
#               and psql there; as root, on Linux, with debootstrap and Node.js
# make test-debian-19  the same, with most server tests on PostgreSQL 19
# make portable builds what loads with glibc 2.28 and newer, for MAJORS="18 19", into target/portable; Zig comes from PyPI
# make test-portable  reads the versions of its symbols, and runs the server tests with it
# make image    makes container images of that, as CloudNativePG mounts them, into target/image/oci; needs umoci and skopeo
# make test-image  mounts them in pods of a Debian folder, and logs in; as root, on Linux, with debootstrap
# make rpm      makes RPMs of that, laid out as PGDG does, into target/rpm; needs rpmbuild and checkpolicy
# make test-rpm unpacks them, and looks at files, scripts, needs and the SELinux policy; needs setools
# make test-deploy  judges manifests and workflows by the schemas of Kubernetes, CloudNativePG, Compose, GitHub and GitLab; needs pip
# make dist     packs the commit with all that it needs into target/dist, the same bytes each time; see RELEASING.md
# make sbom     lists all that is in the tool and the library, as CycloneDX, into target/dist; needs cargo-cyclonedx
# make manual-html  makes the manual's pages in HTML, with links from one to another, into target/manual; needs mandoc
# make docs     writes anew what README, manual, sample file and schema repeat of the tables of the code, and docs/manual
# make deny     checks licences, sources and banned crates of all dependencies
# make clean    removes what was built
#
# Nothing has to be installed by hand but Rust, a C compiler and, where no PostgreSQL 18 with server headers or no
# libclang is found, Python 3 with pip: what is missing is then put under target/tools.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := module
.PHONY: module faults tool preload demo quick test test-provider bench bench-stages check install clean

CARGO ?= cargo
COMMA := ,
# Known to a release and to a package; a build in a checkout would be made anew for each commit.
export OAUTH_VALIDATOR_COMMIT ?= $(shell cat COMMIT 2> /dev/null)
# pgrx names a newer compiler than it needs.
PGRX_FLAGS := --ignore-rust-version
# The log names the place of a bug: let it be one that means something on any machine.
REMAP = --remap-path-prefix=$${CARGO_HOME:-$$HOME/.cargo}/registry/src/=/ --remap-path-prefix=$(CURDIR)=.
# The linker puts functions in order by their names, which have to tell those apart that are made of one generic function.
NAMES = -Csymbol-mangling-version=v0
FLAGS = $(REMAP) $(NAMES)
# Finds or installs PostgreSQL and libclang, and tells the build where they are.
PREPARE = eval "$$($(CARGO) run --quiet --package oauth-validator-server-tests --bin prepare)"
# What is shipped is built in one place and with one set of flags, so that the cryptography is compiled once for it.
SHIPPED = target/shipped/release
AS_SHIPPED = --release --target-dir target/shipped
WITH_FLAGS = RUSTFLAGS="$(FLAGS)" $(CARGO)
# `prepare` says of which major release the server is; each has a library of its own, in a folder of that name.
FOR_SERVER = $(PGRX_FLAGS) --no-default-features --features oauth-validator-module/pg$$PG_MAJOR
BUILD_MODULE = $(WITH_FLAGS) build $(AS_SHIPPED) $(FOR_SERVER) --package oauth-validator-module

# Copies are replaced by rename: a running server keeps the library it has mapped.
place = mkdir -p $(dir $(2)) && cp $(1) $(2).new && mv $(2).new $(2)

module:
	$(PREPARE); $(BUILD_MODULE); $(call place,$(SHIPPED)/liboauth_validator.so,target/module/$$PG_MAJOR/liboauth_validator.so)

# The module with faults on request; for the tests alone.
faults: module
	$(PREPARE); $(BUILD_MODULE) --features oauth-validator-module/test-faults; \
	$(call place,$(SHIPPED)/liboauth_validator.so,target/module/$$PG_MAJOR/liboauth_validator_faults.so)

tool:
	$(WITH_FLAGS) build $(AS_SHIPPED) --package oauth-validator
	$(call place,$(SHIPPED)/oauth-validator,target/bin/oauth-validator)

preload:
	$(WITH_FLAGS) build $(AS_SHIPPED) --package oauth-validator-preload
	$(call place,$(SHIPPED)/liboauth_token.so,target/lib/oauth-validator/liboauth_token.so)

# The build may show its progress; the demo is what is to be read.
demo:
	@$(MAKE) --silent --no-print-directory module tool
	@$(WITH_FLAGS) build $(AS_SHIPPED) --package oauth-validator-server-tests --example demo
	@$(PREPARE); $(SHIPPED)/examples/demo

test: module faults tool preload
	$(CARGO) test --no-fail-fast
	$(PREPARE); $(CARGO) test --no-fail-fast --package oauth-validator-server-tests --package oauth-validator-bench

# Tests that take long: those of the tool that open connections, of which some wait for a limit to pass; cases that are run by
# a process each, and by the core alone in any case; and of the store edits of files between logins, and all once more as
# an ordinary user.
SLOW = cases:: certificates:: discover:: helper:: introspection:: keys:: probe:: proposals:: token::
SLOW_IN_STORE = kept::edits kept::files provider::waiting ordinary_user

quick:
	$(CARGO) fmt --all --check
	$(CARGO) test --quiet --package oauth-validator-core --package oauth-validator-store --package oauth-validator-fixtures -- $(SLOW_IN_STORE:%=--skip %)
	$(CARGO) test --quiet --package oauth-validator -- $(SLOW:%=--skip %)

# A provider that nobody here wrote: at the versions of its lock file, in a folder of its own.
OIDC = target/tools/oidc-provider
NODE_IS_NEW = node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 12) ? 0 : 1)'

test-provider: module tool $(OIDC)/installed $(OIDC)/provider.mjs
	$(PREPARE); $(CARGO) test --no-fail-fast --package oauth-validator-server-tests --features oidc-provider --test provider

# Many of them, each by a driver of its own; without PROVIDERS, those that say by_default themselves.
.PHONY: test-providers
PROVIDERS ?=
CHOSEN = $(if $(filter all,$(PROVIDERS)),$(notdir $(patsubst %/,%,$(dir $(wildcard tests/providers/*/provider.toml)))),$(or $(PROVIDERS),$(shell grep -l '^by_default = true' tests/providers/*/provider.toml | xargs -n 1 dirname | xargs -n 1 basename)))
test-providers: module tool
	tests/providers/install $(CHOSEN)
	$(PREPARE); PROVIDERS="$(PROVIDERS)" $(CARGO) test --package oauth-validator-server-tests --features providers --test providers -- --nocapture

# Clients that others wrote, each with what this project has for it, and by itself.
.PHONY: test-clients
CLIENTS = target/tools/clients
test-clients: module tool preload $(OIDC)/installed $(OIDC)/provider.mjs $(CLIENTS)/installed
	$(PREPARE); $(CARGO) test --no-fail-fast --package oauth-validator-server-tests --features clients --test preload --test gateway --test clients
	$(PREPARE); $(CARGO) test --no-fail-fast --package oauth-validator-server-tests --features oidc-provider --test provider -- token::

# Each edit is followed by logins, at once and when it has settled: 15,000 at the store, 10,000 on real servers, and 1,000 while
# eight clients log in 100,000 times or more. A quarter of an hour, much of which the processor waits.
.PHONY: soak
soak: module
	OAUTH_VALIDATOR_EDITS=40 $(CARGO) test --package oauth-validator-store -- kept::edits --nocapture
	$(PREPARE); OAUTH_VALIDATOR_EDITS=10000 OAUTH_VALIDATOR_LOGINS=100000 $(CARGO) test --package oauth-validator-server-tests --test kept -- edits:: clients:: --nocapture --test-threads 1

# For how long clients go on: ten minutes of short tokens and outages, and a gigabyte each way through the gateway.
.PHONY: soak-clients
soak-clients: module tool preload $(OIDC)/installed $(OIDC)/provider.mjs
	$(PREPARE); OAUTH_VALIDATOR_SOAK=1 $(CARGO) test --package oauth-validator-server-tests --features clients --test clients -- soak:: --nocapture
	$(PREPARE); OAUTH_VALIDATOR_COPY_MB=1000 $(CARGO) test --package oauth-validator-server-tests --features clients --test gateway -- endurance:: --nocapture

$(CLIENTS)/installed: tests/clients/package.json tests/clients/package-lock.json tests/clients/pg.mjs tests/clients/postgres.mjs
	mkdir -p $(CLIENTS)
	cp $^ $(CLIENTS)/
	npm ci --prefix $(CLIENTS) --ignore-scripts --no-audit --no-fund
	touch $@

$(OIDC)/installed: tests/oidc-provider/package.json tests/oidc-provider/package-lock.json
	@{ $(NODE_IS_NEW) && npm --version > /dev/null; } 2> /dev/null || { echo "test-provider needs Node.js 20.12 or newer, and npm: install both (Debian: apt-get install nodejs npm)" >&2; exit 1; }
	mkdir -p $(OIDC)
	cp $^ $(OIDC)/
	npm ci --prefix $(OIDC) --ignore-scripts --no-audit --no-fund
	touch $@

$(OIDC)/provider.mjs: tests/oidc-provider/provider.mjs
	$(call place,$<,$@)

# By the toolchain that is here: stable Rust counts what is reached if it is told to. Crates of others are built so as well,
# since most of the parsing is theirs; what runs while they are built is not, for which the target is named.
.PHONY: fuzz
SECONDS ?= 30
FUZZ = cd tests/fuzz && RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module $(addprefix -Cllvm-args=-sanitizer-coverage-,level=4 inline-8bit-counters pc-table trace-compares)" \
  $(CARGO) $(1) --release --target $(shell rustc -vV | sed -n 's/^host: //p') --target-dir ../../target/fuzz
fuzz:
	@c++ --version > /dev/null 2>&1 || { echo "make fuzz needs a C++ compiler: install one (Debian: apt-get install g++)" >&2; exit 1; }
	$(call FUZZ,build)
	$(CARGO) run --quiet --package oauth-validator-fixtures --example corpus -- target/fuzz/seeds
	tests/fuzz/run "$(SECONDS)" $(TARGETS)

# The client that measures need not be fast itself: most of its time it waits.
BENCH ?=
bench: module tool
	$(PREPARE); $(CARGO) run --quiet --package oauth-validator-bench --bin logins -- $(BENCH)

# FLEET="--json docs/fleet.json --svg docs/fleet.svg" writes down what it prints; --quick shows that it works. In memory, since
# a key file is written through to the disk each time.
.PHONY: fleet
FLEET ?=
fleet: tool
	TMPDIR=$${TMPDIR:-/dev/shm} $(CARGO) run --quiet --package oauth-validator-bench --bin fleet -- $(FLEET)

# Needs a server with TLS, and PgBouncer; says so where one of them is missing.
.PHONY: bench-gateway
bench-gateway: module tool
	$(PREPARE); $(CARGO) run --quiet --package oauth-validator-bench --bin gateway -- $(BENCH)

# Once functions have other names or do other things: which of them stand together, so that a login touches few pages. What
# it builds has names, and is larger than what `make module tool` puts in its place again.
.PHONY: login-order
ORDER = $(PREPARE); tests/bench/login-order $(1) "$(CARGO) run --quiet --package oauth-validator-bench --bin logins --" $(2) > target/login.ld
login-order:
	@perf --version > /dev/null || { echo "make login-order needs perf: install it (Debian: apt-get install linux-perf)" >&2; exit 1; }
	CARGO_PROFILE_RELEASE_STRIP=none $(MAKE) module tool
	$(call ORDER,oauth_validator.so,"RS256$(COMMA) 3 profiles$(COMMA) preloaded" "$(COMMA) 3 profiles$(COMMA) preloaded")
	mv target/login.ld src/module/login.ld
	$(call ORDER,oauth-validator,"introspection$(COMMA) 3 profiles$(COMMA) preloaded")
	mv target/login.ld src/cli/helper.ld

# With the flags of what is shipped, but for the names of functions, which callgrind is told.
STAGE = $(SHIPPED)/stage
bench-stages:
	CARGO_PROFILE_RELEASE_STRIP=none $(WITH_FLAGS) build $(AS_SHIPPED) --package oauth-validator-bench --bin stage
	$(STAGE)
	@valgrind --version > /dev/null || { echo "install valgrind to count instructions" >&2; exit 1; }
	@for stage in $$($(STAGE) --list); do printf '%-16s ' $$stage; \
	  valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect='*measured*' $(STAGE) $$stage 2>&1 | \
	  sed -n 's/.*Collected : \([0-9]*\)/\1 instructions/p'; done

# What .ci/run asks for besides the tests.
check:
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path tests/fuzz/Cargo.toml --check
	$(CARGO) clippy --all-targets -- --deny warnings
	$(PREPARE); $(CARGO) clippy $(FOR_SERVER) --package oauth-validator-module --package oauth-validator-server-tests --package oauth-validator-bench --all-targets --features oauth-validator-server-tests/oidc-provider,oauth-validator-server-tests/providers,oauth-validator-server-tests/clients -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --no-deps
	.ci/promises

# A test of the core and one of the tool compare them.
written = mkdir -p target && $(CARGO) run --quiet --package oauth-validator -- $(1) > target/written && { cmp -s target/written $(2) || cp target/written $(2); }
.PHONY: docs
docs:
	$(CARGO) run --quiet --package oauth-validator-core --example docs
	$(call written,schema,config/oauth-validator.schema.json)
	$(call written,schema --cases,config/oauth-validator-cases.schema.json)
	$(call written,schema --folder,config/oauth-validator-folder.schema.json)
	.ci/manual

# Not committed: mandoc makes other HTML with each version, and Markdown is what forges show. A workflow keeps it.
.PHONY: manual-html
manual-html:
	.ci/manual-html

# By packages of PyPI, at these versions.
.PHONY: test-deploy
DEPLOY_TOOLS = target/tools/deploy-kubernetes-validate-1.37.0-check-jsonschema-0.39.0-python-hcl2-8.1.4
test-deploy:
	@[ -d $(DEPLOY_TOOLS) ] || python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --only-binary :all: \
	  --target $(DEPLOY_TOOLS) kubernetes-validate==1.37.0 check-jsonschema==0.39.0 jsonschema==4.26.0 PyYAML==6.0.3 python-hcl2==8.1.4 || \
	  { echo "make test-deploy needs Python 3 with pip (Debian: apt-get install python3-pip)" >&2; exit 1; }
	$(CARGO) build --quiet --package oauth-validator
	tests/deploy $(DEPLOY_TOOLS) $(or $(CARGO_TARGET_DIR),target)/debug/oauth-validator

# For many systems at once: slower to build, and to load by a moment.
.PHONY: portable test-portable image test-image rpm test-rpm
MAJORS ?= 18 19
portable:
	FLAGS="$(FLAGS)" .ci/portable $(MAJORS)

# With faults on request, since another linker brings another unwinder, and a panic must end in a denial there as well.
test-portable:
	FAULTS=1 FLAGS="$(FLAGS)" .ci/portable $(MAJORS)
	.ci/promises
	tests/portable

image: portable
	.ci/image $(MAJORS)

test-image:
	tests/debian/run image

rpm: portable
	.ci/rpm

test-rpm:
	tests/rpm

.PHONY: deny dist sbom
deny:
	.ci/deny

dist:
	.ci/dist

# One for what people run, one for what the server loads, and one for what programs on libpq load.
sbom:
	.ci/sbom

clean:
	$(CARGO) clean

# Into the server of PG_CONFIG; an existing configuration is kept.
# As GNU names it; PREFIX=DIR on the command line is taken as well, and one of the environment is about something else.
prefix ?= $(if $(filter command,$(origin PREFIX)),$(PREFIX),/usr/local)
sysconfdir ?= /etc/postgresql
# Where each shell looks by itself.
completions = mkdir -p "$(dir $(DESTDIR)$(prefix)/share/$(2))" && $(BUILT) completions $(1) > "$(DESTDIR)$(prefix)/share/$(2)"
.PHONY: install-common install-files install-module deb test-debian
install: install-common install-module

# The library is built once more, to know where its helper will be.
install-module:
	$(PREPARE); OAUTH_VALIDATOR_HELPER="$(prefix)/bin/oauth-validator" $(BUILD_MODULE); \
	install -D -m 755 $(SHIPPED)/liboauth_validator.so "$(DESTDIR)$$("$$PG_CONFIG" --pkglibdir)/oauth_validator.so"; \
	for file in src/module/sql/*; do install -D -m 644 $$file "$(DESTDIR)$$("$$PG_CONFIG" --sharedir)/extension/$${file##*/}"; done

install-common: install-files

# What has been built already, by `tool` and `preload` or, for packages that serve many systems, by `portable`.
BUILT ?= target/bin/oauth-validator
BUILT_PRELOAD ?= target/lib/oauth-validator/liboauth_token.so
install-files: $(if $(filter target/bin/%,$(BUILT)),tool preload)
	install -D -m 755 $(BUILT) "$(DESTDIR)$(prefix)/bin/oauth-validator"
	install -D -m 644 $(BUILT_PRELOAD) "$(DESTDIR)$(prefix)/lib/oauth-validator/liboauth_token.so"
	for page in man/*.[157]; do install -D -m 644 $$page "$(DESTDIR)$(prefix)/share/man/man$${page##*.}/$${page##*/}"; done
	for unit in config/systemd/*; do install -D -m 644 $$unit "$(DESTDIR)$(prefix)/share/doc/oauth-validator/systemd/$${unit##*/}"; done
	sed -i 's|^ExecStart=/usr/bin/|ExecStart=$(prefix)/bin/|' "$(DESTDIR)$(prefix)/share/doc/oauth-validator/systemd/"*.service
	for file in config/monitoring/*; do install -D -m 644 $$file "$(DESTDIR)$(prefix)/share/doc/oauth-validator/monitoring/$${file##*/}"; done
	for example in config/examples/*.toml; do install -D -m 644 $$example "$(DESTDIR)$(prefix)/share/doc/oauth-validator/examples/$${example##*/}"; done
	for cases in config/cases/*.toml; do install -D -m 644 $$cases "$(DESTDIR)$(prefix)/share/doc/oauth-validator/cases/$${cases##*/}"; done
	install -D -m 644 config/oauth-validator-cases.schema.json "$(DESTDIR)$(prefix)/share/doc/oauth-validator/oauth-validator-cases.schema.json"
	install -D -m 644 config/oauth-validator-folder.schema.json "$(DESTDIR)$(prefix)/share/doc/oauth-validator/oauth-validator-folder.schema.json"
	install -D -m 644 config/oauth-validator.schema.json "$(DESTDIR)$(prefix)/share/doc/oauth-validator/oauth-validator.schema.json"
	for schema in config/json/*.schema.json; do install -D -m 644 $$schema "$(DESTDIR)$(prefix)/share/doc/oauth-validator/json/$${schema##*/}"; done
	$(call completions,bash,bash-completion/completions/oauth-validator)
	$(call completions,zsh,zsh/site-functions/_oauth-validator)
	$(call completions,fish,fish/vendor_completions.d/oauth-validator.fish)
	install -d -m 755 "$(DESTDIR)$(sysconfdir)/oauth-validator.d"
	test -e "$(DESTDIR)$(sysconfdir)/oauth-validator.toml" || { install -D -m 644 config/oauth-validator.toml "$(DESTDIR)$(sysconfdir)/oauth-validator.toml"; sed -i 's|^#:schema file:///usr/|#:schema file://$(prefix)/|' "$(DESTDIR)$(sysconfdir)/oauth-validator.toml"; }

# debhelper gives its steps another HOME, where neither cargo nor rustup would find their own.
deb:
	@command -v dh > /dev/null || { echo "make deb needs debhelper: apt-get install debhelper" >&2; exit 1; }
	rm -rf target/deb
	mkdir -p target/deb
	export DEB_RULES_REQUIRES_ROOT=no CARGO_HOME="$${CARGO_HOME:-$$HOME/.cargo}" RUSTUP_HOME="$${RUSTUP_HOME:-$$HOME/.rustup}"; \
	debian/rules clean && debian/rules binary

test-debian: $(OIDC)/installed $(OIDC)/provider.mjs
	tests/debian/run

.PHONY: test-debian-19
test-debian-19:
	TESTS_OF_19='module cases server_files opaque session views provider' $(MAKE) test-debian
