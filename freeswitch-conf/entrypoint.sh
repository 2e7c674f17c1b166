#!/bin/sh
# Starts FreeSWITCH with this configuration in a container. The image's own entrypoint rewrites the configuration in
# place and opens the event socket to everyone; this one changes no file, and the event socket stays behind the acl.
set -eu

conf=${TIDEGATE_CONF:-/etc/tidegate/freeswitch}
state=${TIDEGATE_STATE:-/var/lib/tidegate/freeswitch}

if [ -z "${TIDEGATE_SECRET:-}" ]; then
  echo "entrypoint: TIDEGATE_SECRET is not set; the orchestrators would refuse every call" >&2
  exit 64
fi
if [ "${TIDEGATE_EVENT_SOCKET_IP:-127.0.0.1}" != "127.0.0.1" ] && [ -z "${TIDEGATE_EVENT_SOCKET_PASSWORD:-}" ]; then
  echo "entrypoint: an event socket beyond loopback needs TIDEGATE_EVENT_SOCKET_PASSWORD" >&2
  exit 64
fi

umask 077
mkdir -p "$state/log" "$state/db" "$state/run" "$state/cache" "$state/tmp" "$state/recordings"

# Without a terminal FreeSWITCH logs to its file only; a container's log is its output.
tail --pid=$$ -n 0 -F "$state/log/freeswitch.log" 2>/dev/null &

exec "${FREESWITCH:-freeswitch}" -nf -nc -nonat -nonatmap \
  -conf "$conf" -log "$state/log" -db "$state/db" -run "$state/run" -cache "$state/cache" \
  -temp "$state/tmp" -recordings "$state/recordings" -storage "$state/recordings" "$@"
