#!/bin/sh
# Installs the Debian packages that are missing: install.sh PACKAGE...
# Quiet and repeatable. Exit code 1 when one could not be installed; which one, and why, stands on stderr.
set -u

present() {
  case $1 in
    espeak-ng) command -v espeak-ng ;;
    postgresql) ls /usr/lib/postgresql/*/bin/postgres ;;
    gcc) command -v "${CC:-gcc}" ;;
    libc6-dev) echo '#include <stdlib.h>' | ${CC:-gcc} -E - ;;
    # -W alone also knows packages that are gone, or that others only name.
    *) [ "$(dpkg-query -W -f='${db:Status-Status}' "$1")" = installed ] ;;
  esac >/dev/null 2>&1
}

missing=
for package in "$@"; do
  present "$package" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "install:$missing not found, and there is no apt-get here; install it with your system's tools" >&2
  exit 1
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
  if ! sudo -n true 2>/dev/null; then
    echo "install:$missing not found; run: sudo apt-get install$missing" >&2
    exit 1
  fi
  as_root="sudo -n"
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 "$@" >>"$log" 2>&1
}

echo "install:$missing"
# The lists may be absent (a fresh container) or stale (the version they name is gone).
# shellcheck disable=SC2086
if ! apt install -y --no-install-recommends $missing && ! { apt update && apt install -y --no-install-recommends $missing; }; then
  tail -n 5 "$log" >&2
  echo "install:$missing could not be installed" >&2
  exit 1
fi
