# The service's image: `docker build -t whatsapp-otp .`
#
# A change of the source alone does not build the dependencies again.

FROM rust:1-bookworm AS rust
WORKDIR /build

# Of the source only what the dependencies depend on: manifests, and an empty program or library for each that they
# name. What comes out is the same for every version of the source, so the layers that copy it are found in the cache.
FROM rust AS manifests
COPY . .
RUN echo 'fn main() {}' >/empty.rs \
    && find . -type f ! -name Cargo.toml ! -name Cargo.lock \
        ! -path '*/src/main.rs' ! -path '*/src/lib.rs' ! -path '*/src/bin/*' ! -path '*/benches/*.rs' -delete \
    && find . -type f -name '*.rs' -exec cp /empty.rs {} ';' \
    && find . -type d -empty -delete

FROM rust AS build
COPY --from=manifests /build .
RUN cargo build --release --locked --workspace --bins
COPY . .
# Cargo goes by times, and the source may be older than the empty programs just built.
RUN find . -path ./target -prune -o -name '*.rs' -exec touch {} + \
    && cargo build --release --locked --workspace --bins \
    && find target/release -maxdepth 1 -type f -executable -exec install -D -t /out {} +

FROM debian:bookworm-slim
# Whom to trust to be WhatsApp, or Redis over TLS. The service takes another bundle from SSL_CERT_FILE.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/ /usr/local/bin/
# Nobody in particular. It owns nothing and writes nothing, so the root file system may be read-only.
USER 10001:10001
EXPOSE 3000 9464
# SIGTERM makes it say "not ready" and finish what is in flight: give it longer than docker's ten seconds.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=6s --start-period=15s --retries=3 CMD ["whatsapp-otp", "healthcheck"]
ENTRYPOINT ["whatsapp-otp"]
CMD ["serve"]
