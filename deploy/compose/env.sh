#!/bin/sh
# Writes the file named with a random value for every secret of .env.example. Into a file that is there it puts those that it
# lacks, and changes nothing else.
set -eu
out=${1:?usage: env.sh FILE}
example=$(dirname "$0")/../../.env.example
umask 077
secret() { printf 's'; od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
old=/dev/null
if [ -e "$out" ]; then
  old=$out
fi
{
  cat "$old"
  # A file that somebody wrote may end without a line's end.
  [ -z "$(tail -c1 "$old")" ] || echo
  while IFS= read -r line; do
    case $line in
      *SECRET= | *PASSWORD= | *TOKEN=)
        grep -q "^${line}" "$old" || printf '%s%s\n' "$line" "$(secret)"
        ;;
      *) [ "$old" != /dev/null ] || printf '%s\n' "$line" ;;
    esac
  done <"$example"
} >"$out.part"
if [ "$old" = /dev/null ]; then
  mv "$out.part" "$out"
  echo "$out written"
  exit 0
fi
added=$(tail -n "+$(($(grep -c '' "$old") + 1))" "$out.part" | sed 's/=.*//' | tr '\n' ' ')
if [ -z "$added" ]; then
  rm "$out.part"
  echo "$out has every secret and stays as it is"
  exit 0
fi
chmod --reference="$out" "$out.part" 2>/dev/null || true
mv "$out.part" "$out"
echo "$out: added ${added}"
