# syntax=docker/dockerfile:1
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=1 deploy/dist.sh /out -trimpath -buildvcs=false

FROM debian:bookworm-slim
# espeak-ng is a program of its own (GPL-3.0) that the tts worker runs; curl asks /readyz; sherpa-onnx needs libstdc++6.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl espeak-ng libstdc++6 tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/tidegate --create-home tidegate \
    && install -d -o tidegate -g tidegate -m 0700 /var/lib/tidegate/spool /var/lib/tidegate/data /var/lib/tidegate/models
COPY --from=build /out/tidegate /usr/local/bin/tidegate
# The binary looks for them there, or in lib beside it.
COPY --from=build /out/lib /usr/local/lib/tidegate
COPY --from=build /out/licenses /usr/share/doc/tidegate
COPY LICENSE /usr/share/doc/tidegate/LICENSE
USER tidegate
WORKDIR /var/lib/tidegate
ENTRYPOINT ["/usr/local/bin/tidegate"]
CMD ["--help"]
