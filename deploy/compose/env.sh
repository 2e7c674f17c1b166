#!/bin/sh
# Writes the file named with a random value for every secret of .env.example, unless it is there.
set -eu
out=${1:?usage: env.sh FILE}
example=$(dirname "$0")/../../.env.example
if [ -e "$out" ]; then
  echo "$out is there and stays as it is"
  exit 0
fi
umask 077
secret() { printf 's'; od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
while IFS= read -r line; do
  case $line in
    *SECRET= | *PASSWORD= | *TOKEN=) printf '%s%s\n' "$line" "$(secret)" ;;
    *) printf '%s\n' "$line" ;;
  esac
done <"$example" >"$out.part"
mv "$out.part" "$out"
echo "$out written"
