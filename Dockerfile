# docker build --build-arg COMMIT=$(git rev-parse --short=12 HEAD) -t whatsapp-otp .
#
# The stage `simulator` has the same program, and starts the simulated WhatsApp instead of the service. Changing only the
# source does not rebuild the dependencies.

FROM rust:1-bookworm AS rust
WORKDIR /build

# What the dependencies depend on: the manifests, and an empty program or library for each one they name. It is the same
# for every version of the source, so the layers that copy it come from the cache.
FROM rust AS manifests
COPY . .
RUN echo 'fn main() {}' >/empty.rs \
    && find . -type f ! -name Cargo.toml ! -name Cargo.lock \
        ! -path '*/src/main.rs' ! -path '*/src/lib.rs' ! -path '*/src/bin/*' ! -path '*/benches/*.rs' -delete \
    && find . -type f -name '*.rs' -exec cp /empty.rs {} ';' \
    && find . -type d -empty -delete

FROM rust AS build
COPY --from=manifests /build .
RUN cargo build --release --locked --bins
COPY . .
# Without git in the image, this is the only way to the commit of `--version` and of the metrics.
ARG COMMIT=
ENV WHATSAPP_OTP_COMMIT=$COMMIT
# Cargo compares modification times, and the source may be older than the empty programs just built.
RUN find . -path ./target -prune -o -name '*.rs' -exec touch {} + \
    && cargo build --release --locked --bins \
    && find target/release -maxdepth 1 -type f -executable -exec install -D -t /out {} +

FROM debian:bookworm-slim AS runtime
# The authorities that vouch for WhatsApp, and for Redis over TLS. SSL_CERT_FILE names another bundle.
COPY --from=rust /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/ /usr/local/bin/
# A published port leads to no loopback address: `docker run -p 3000:3000 -p 3001:3001 whatsapp-otp sandbox`
ENV WHATSAPP_OTP_SANDBOX_LISTEN_ALL=true
# An unprivileged user that owns nothing. The program writes no files, so the root file system may be read-only.
USER 10001:10001
# SIGTERM makes it report "not ready" and finish the requests in flight: allow it more than Docker's ten seconds.
STOPSIGNAL SIGTERM
ENTRYPOINT ["whatsapp-otp"]

FROM runtime AS simulator
EXPOSE 3001
CMD ["simulator", "--listen", "0.0.0.0:3001"]

FROM runtime
EXPOSE 3000 3001 9464
HEALTHCHECK --interval=5s --timeout=6s --start-period=15s --retries=3 CMD ["whatsapp-otp", "healthcheck"]
CMD ["serve"]
