# make run      everything for development, on http://localhost:8000
# make test     every test
# make example  a small voice-agent app on http://localhost:9090, against `make run`
# make prepare  refresh the prepared queries in .sqlx after a change of SQL or migrations
# make lint     formatting and clippy

.PHONY: run test example prepare lint install install-test
export SQLX_OFFLINE ?= true

run: install
	@echo "Building (the first time takes some minutes)…"
	cargo build
	@exec target/debug/countersign dev

test: install install-test
	cargo test

example:
	cargo run --example voice_agent

prepare: install
	.ci/prepare

lint:
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings

install:
	@.ci/install run

install-test:
	@.ci/install test
