# make demo     starts a PostgreSQL server, logs people in by profile, and shows what is refused
# make test     every test: the core, the tool, and the module in a real server
# make module   builds the library for the server of PG_CONFIG
# make install  installs library, tool, manual and configuration into the server of PG_CONFIG (DESTDIR is honoured)
# make clean    removes what was built
#
# Nothing has to be installed by hand but Rust, a C compiler and, where no PostgreSQL 18 with server headers or no
# libclang is found, Python 3 with pip: what is missing is then put under target/tools.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := module
.PHONY: module tool demo test check install clean

CARGO ?= cargo
# pgrx names a newer compiler than it needs.
PGRX_FLAGS := --ignore-rust-version
# The log names the place of a bug: let it be one that means something on any machine.
REMAP = --remap-path-prefix=$${CARGO_HOME:-$$HOME/.cargo}/registry/src/=/ --remap-path-prefix=$(CURDIR)=.
# Finds or installs PostgreSQL and libclang, and tells the build where they are.
PREPARE = eval "$$($(CARGO) run --quiet --package oauth-validator-server-tests --bin prepare)"
# What is shipped is built in one place and with one set of flags, so that the cryptography is compiled once for it.
SHIPPED = target/shipped/release
AS_SHIPPED = --release --target-dir target/shipped
WITH_FLAGS = RUSTFLAGS="$(REMAP)" $(CARGO)
BUILD_MODULE = $(WITH_FLAGS) build $(AS_SHIPPED) $(PGRX_FLAGS) --package oauth-validator-module

# Copies are replaced by rename: a running server keeps the library it has mapped.
place = mkdir -p $(dir $(2)) && cp $(1) $(2).new && mv $(2).new $(2)

module:
	$(PREPARE); $(BUILD_MODULE)
	$(call place,$(SHIPPED)/liboauth_validator.so,target/module/liboauth_validator.so)

# The same with faults on request; for the tests alone.
target/module/liboauth_validator_faults.so: module
	$(PREPARE); $(BUILD_MODULE) --features test-faults
	$(call place,$(SHIPPED)/liboauth_validator.so,$@)

tool:
	$(WITH_FLAGS) build $(AS_SHIPPED) --package oauth-validator
	$(call place,$(SHIPPED)/oauth-validator,target/bin/oauth-validator)

# The build may show its progress; the demo is what is to be read.
demo:
	@$(MAKE) --silent --no-print-directory module tool
	@$(WITH_FLAGS) build $(AS_SHIPPED) --package oauth-validator-server-tests --example demo
	@$(PREPARE); $(SHIPPED)/examples/demo

test: module target/module/liboauth_validator_faults.so
	$(CARGO) test --no-fail-fast
	$(PREPARE); $(CARGO) test --no-fail-fast --package oauth-validator-server-tests

# What .ci/run asks for besides the tests.
check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --all-targets -- --deny warnings
	$(PREPARE); $(CARGO) clippy --package oauth-validator-module --package oauth-validator-server-tests --all-targets $(PGRX_FLAGS) -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --no-deps
	.ci/promises

clean:
	$(CARGO) clean

# Into the server of PG_CONFIG; an existing configuration is kept.
prefix ?= /usr/local
sysconfdir ?= /etc/postgresql
install: module tool
	$(PREPARE); install -D -m 755 target/module/liboauth_validator.so "$(DESTDIR)$$("$$PG_CONFIG" --pkglibdir)/oauth_validator.so"
	install -D -m 755 target/bin/oauth-validator "$(DESTDIR)$(prefix)/bin/oauth-validator"
	for page in man/*.[157]; do install -D -m 644 $$page "$(DESTDIR)$(prefix)/share/man/man$${page##*.}/$${page##*/}"; done
	for example in config/examples/*.toml; do install -D -m 644 $$example "$(DESTDIR)$(prefix)/share/doc/oauth-validator/examples/$${example##*/}"; done
	test -e "$(DESTDIR)$(sysconfdir)/oauth-validator.toml" || install -D -m 644 config/oauth-validator.toml "$(DESTDIR)$(sysconfdir)/oauth-validator.toml"
