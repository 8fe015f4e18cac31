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
BUILD_MODULE = RUSTFLAGS="$(REMAP)" $(CARGO) build --release --package oauth-validator-module $(PGRX_FLAGS) --target-dir target/module-build

# Copies are replaced by rename: a running server keeps the library it has mapped.
place = mkdir -p $(dir $(2)) && cp $(1) $(2).new && mv $(2).new $(2)

module:
	$(PREPARE); $(BUILD_MODULE)
	$(call place,target/module-build/release/liboauth_validator.so,target/module/liboauth_validator.so)

# The same with faults on request; for the tests alone.
target/module/liboauth_validator_faults.so: module
	$(PREPARE); $(BUILD_MODULE) --features test-faults
	$(call place,target/module-build/release/liboauth_validator.so,$@)

tool:
	$(CARGO) build --release --package oauth-validator

# In release like the tool, so that the cryptography is compiled once for both. The build may show its progress.
demo:
	@$(MAKE) --silent --no-print-directory module tool
	@$(CARGO) build --release --package oauth-validator-server-tests --example demo
	@$(PREPARE); $(CARGO) run --quiet --release --package oauth-validator-server-tests --example demo

test: module target/module/liboauth_validator_faults.so
	$(CARGO) test
	$(PREPARE); $(CARGO) test --package oauth-validator-server-tests

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
	install -D -m 755 target/release/oauth-validator "$(DESTDIR)$(prefix)/bin/oauth-validator"
	for page in man/*.[157]; do install -D -m 644 $$page "$(DESTDIR)$(prefix)/share/man/man$${page##*.}/$${page##*/}"; done
	for example in config/examples/*.toml; do install -D -m 644 $$example "$(DESTDIR)$(prefix)/share/doc/oauth-validator/examples/$${example##*/}"; done
	test -e "$(DESTDIR)$(sysconfdir)/oauth-validator.toml" || install -D -m 644 config/oauth-validator.toml "$(DESTDIR)$(sysconfdir)/oauth-validator.toml"
