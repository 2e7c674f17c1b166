#!/bin/sh
# Builds what is given to others: dist.sh DIR [flags of go build]. DIR gets the binary, in lib the shared libraries that it
# needs besides the system's, and in licenses what they are under. The folder can be moved; the libraries may stand in
# /usr/local/lib/tidegate instead. With CGO_ENABLED=0, or without a C compiler, the binary stands alone and has no
# sherpa-onnx.
set -eu
cd "$(dirname "$0")/.."
dir=$1
shift
go=${GO:-go}

mkdir -p "$dir"
rm -rf "$dir/lib" "$dir/licenses"
mkdir "$dir/licenses"
cp LICENSE "$dir/licenses/tidegate.txt"

if [ "$($go env CGO_ENABLED)" != 1 ]; then
  $go build -ldflags='-s -w' "$@" -o "$dir/tidegate" .
  exit 0
fi

case $($go env GOOS)/$($go env GOARCH) in
  linux/amd64) triple=x86_64-unknown-linux-gnu ;;
  linux/arm64) triple=aarch64-unknown-linux-gnu ;;
  linux/arm) triple=arm-unknown-linux-gnueabihf ;;
  *)
    echo "dist: there are no libraries for $($go env GOOS)/$($go env GOARCH) here; set CGO_ENABLED=0" >&2
    exit 1
    ;;
esac
$go build -ldflags="-s -w -extld=$PWD/deploy/link.sh" "$@" -o "$dir/tidegate" .

module=$($go list -m -f '{{.Dir}}' github.com/k2-fsa/sherpa-onnx-go-linux)
mkdir "$dir/lib"
for library in libsherpa-onnx-c-api.so libonnxruntime.so; do
  cp "$module/lib/$triple/$library" "$dir/lib/"
done
chmod 755 "$dir/lib"/*.so
cp "$module/LICENSE" "$dir/licenses/sherpa-onnx.txt"
cp deploy/licenses/* "$dir/licenses/"
chmod 644 "$dir/licenses"/*
