#!/bin/sh
# The linker of binaries that are given to others (go build -ldflags=-extld=.../link.sh). The module of sherpa-onnx has
# its libraries looked for in the module cache of whoever builds; this drops such paths, and has them looked for in lib
# beside the binary, or in /usr/local/lib/tidegate.
set -eu
left=$#
while [ "$left" -gt 0 ]; do
  argument=$1
  shift
  case $argument in
    -Wl,-rpath,*) ;;
    *) set -- "$@" "$argument" ;;
  esac
  left=$((left - 1))
done
# $ORIGIN is the loader's, not the shell's.
# shellcheck disable=SC2016,SC2086
exec ${CC:-gcc} "$@" '-Wl,-rpath,$ORIGIN/lib:/usr/local/lib/tidegate'
