#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# install-packages.sh SECTION...: installs those Debian packages of scripts/packages.txt that are
# missing. Needs root or sudo only if something is missing.
set -euo pipefail
cd "$(dirname "$0")"

packages_of () {  # SECTION: its lines, without comments
  awk -v wanted="[$1]" '/^#/ || !NF { next } /^\[/ { in_section = $1 == wanted; next } in_section' packages.txt
}

is_installed () {
  [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$1" 2> /dev/null)" = installed ]
}

if ! command -v apt-get > /dev/null; then
  echo "no apt-get here: install the equivalents of scripts/packages.txt yourself" >&2
  exit 0
fi

missing=()
for section; do
  for package in $(packages_of "$section"); do
    is_installed "$package" || missing+=("$package")
  done
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo > /dev/null; then
    echo "cannot install ${missing[*]}: not root, and no sudo; install them as root and try again" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "installing: ${missing[*]}"
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
