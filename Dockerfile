# One image, and one program in it, for all three processes: `api`, `worker`, `migration` are links to it.
#
#   make image        says how it is built, with docker, podman or buildah, and where nothing can be pulled
#
# Nothing is in it but the program, the C library that it was linked with, the roots of certificates and the list of
# what it is made of: no shell, no packages. The user is nobody, and the root may be read-only.
ARG BUILDER=docker.io/library/rust:1.95.0-bookworm
# What the root is laid on. The root has all that it needs.
ARG BASE=scratch

FROM ${BUILDER} AS build
WORKDIR /src
COPY . .
# What `scripts/image` has laid into .image/root is taken as it is; else it is built here.
RUN if [ -d .image/root ]; then cp -a .image/root /root-of-image; else \
        cargo build --release --locked -p aroti && \
        scripts/image-root target/release/aroti /root-of-image; \
    fi

# hadolint ignore=DL3006
FROM ${BASE}
COPY --from=build /root-of-image/ /
# Huge pages would make a heap of 10 MiB one of 45.
ENV PATH=/usr/local/bin \
    MIMALLOC_ALLOW_THP=0
# A number, so that Kubernetes sees that it is not root.
USER 65532:65532
# API, metrics.
EXPOSE 8888 9090
CMD ["api"]

# At the end, so that another commit with the same program has the same layers.
ARG VERSION=dev
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="aroti-backend" \
      org.opencontainers.image.description="Aroti's booking engine: API, worker, migrations" \
      org.opencontainers.image.vendor="Aroti" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/aroti/backend" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
