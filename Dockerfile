# syntax=docker/dockerfile:1

FROM rust:1-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends libssl-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# The queries were checked against a database when .sqlx was made (make prepare); the build needs none.
ENV SQLX_OFFLINE=true
COPY Cargo.toml Cargo.lock ./
# Cargo.toml names the test binary; it is not built.
COPY tests/suite/main.rs tests/suite/main.rs
COPY .sqlx .sqlx
COPY migrations migrations
COPY templates templates
COPY src src
# The touch: a kept target directory would not notice a migration that was added. The copy: a cache mount is not in the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    touch src/lib.rs src/main.rs \
    && cargo build --release --locked --bin countersign \
    && cp target/release/countersign /countersign

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libssl3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin countersign
COPY --from=build /countersign /usr/local/bin/countersign
USER 10001:10001
ENV LISTEN=0.0.0.0:8000
EXPOSE 8000
# Bash is there and opens the connection itself. Speaks no TLS: with TLS_CERT set, use another check.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8000 && printf 'GET /healthz HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && read -r status <&3 && [[ $status == *' 200 '* ]]"]
ENTRYPOINT ["countersign"]
CMD ["serve"]
