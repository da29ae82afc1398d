# make run      everything for development, on http://localhost:8000
# make test     every test
# make test-nodes  the OIDC and API tests again, against three nodes behind a balancer, all through PgBouncer
# make example  a small voice-agent app on http://localhost:9090, against `make run`
# make prepare  refresh the prepared queries in .sqlx after a change of SQL or migrations
# make lint     formatting and clippy
# make bench    what it does a second, beside oidc-provider and beside what arithmetic allows (benches/README.md)
# make bench-large  whether latency grows with data: an empty database beside one of a million accounts

.PHONY: run test test-nodes example prepare lint bench bench-large install install-test install-bench
export SQLX_OFFLINE ?= true

run: install
	@echo "Building (the first time takes some minutes)…"
	cargo build
	@exec target/debug/countersign dev

test: install install-test
	cargo test

test-nodes: install install-test
	TEST_NODES=3 TEST_PGBOUNCER=1 cargo test --test suite -- oidc:: api::

example:
	cargo run --example voice_agent

prepare: install
	.ci/prepare

lint:
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings

# ROUNDS, SECONDS and SCENARIO choose less: `ROUNDS=1 SECONDS=2 SCENARIO=refresh make bench`.
bench: install install-bench
	cargo build --release --bin countersign --example load --example bench
	@exec target/release/examples/bench --rounds $(or $(ROUNDS),5) --seconds $(or $(SECONDS),3) $(if $(SCENARIO),--scenario $(SCENARIO))

# ACCOUNTS chooses a smaller one; a million take about 20 GB of disk in target/bench-large.
bench-large: install
	cargo build --release --bin countersign --example load --example bench --example fill
	@exec target/release/examples/bench large --accounts $(or $(ACCOUNTS),1000000) --rounds $(or $(ROUNDS),5) --seconds $(or $(SECONDS),3) $(if $(SCENARIO),--scenario $(SCENARIO))

install:
	@.ci/install run

install-test:
	@.ci/install test

install-bench:
	@.ci/install bench
