# syntax=docker/dockerfile:1
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags='-s -w' -o /out/tidegate .

FROM debian:bookworm-slim
# espeak-ng is a program of its own (GPL-3.0) that the tts worker runs; curl asks /readyz.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl espeak-ng tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/tidegate --create-home tidegate \
    && install -d -o tidegate -g tidegate -m 0700 /var/lib/tidegate/spool /var/lib/tidegate/data
COPY --from=build /out/tidegate /usr/local/bin/tidegate
COPY LICENSE /usr/share/doc/tidegate/LICENSE
USER tidegate
WORKDIR /var/lib/tidegate
ENTRYPOINT ["/usr/local/bin/tidegate"]
CMD ["--help"]
