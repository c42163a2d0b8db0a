# syntax=docker/dockerfile:1
# The release image (the default target), and `demo`, which has the embedded org too and is what docker-compose.yml runs.
#
#   docker build -t sobjectd .
#   docker run --rm -v ./sobjectd.toml:/etc/sobjectd/sobjectd.toml:ro --read-only --stop-timeout 210 sobjectd

# The distribution of both images is the same, so that the C library fits.
FROM rust:1.95-bookworm AS source
WORKDIR /src
COPY . .

FROM source AS build
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --no-default-features --features static \
    && install -D target/release/sobjectd /out/sobjectd

FROM source AS build-demo
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --features static \
    && install -D target/release/sobjectd /out/sobjectd

# libc and libgcc, no shell, no package manager. Numeric, so that Kubernetes can see that it is not root.
FROM gcr.io/distroless/cc-debian12:nonroot AS base
USER 65532:65532
EXPOSE 8089
STOPSIGNAL SIGTERM
# It asks SOBJECTD_ADMIN, else the address of SOBJECTD__ADMIN__LISTEN, else http://127.0.0.1:8089; it reads no file.
HEALTHCHECK --interval=15s --timeout=6s --start-period=10s CMD ["/usr/local/bin/sobjectd", "status"]
ENTRYPOINT ["/usr/local/bin/sobjectd"]
CMD ["run", "--config", "/etc/sobjectd/sobjectd.toml"]

FROM base AS demo
COPY --from=build-demo /out/sobjectd /usr/local/bin/sobjectd

FROM base AS release
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sobjectd" \
      org.opencontainers.image.description="Reads Kafka topics and writes their records into Salesforce" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/sobjectd /usr/local/bin/sobjectd
