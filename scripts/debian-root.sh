#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# debian-root.sh FOLDER SUITE MACHINE [PACKAGE...]: a folder with Debian's files of a release for a machine. The packages are
# unpacked, not configured, so that those of foreign machines need no emulator. A folder that is there already is kept.
set -eu
folder=$1 suite=$2 machine=$3
shift 3
[ ! -e "$folder/complete" ] || exit 0
fail () { echo "$*" >&2; exit 1; }
command -v debootstrap > /dev/null || fail "debootstrap is not installed"
[ "$(id -u)" = 0 ] || fail "debootstrap needs root"
rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
debootstrap --foreign --variant=minbase --arch="$machine" ${*:+--include=$(echo "$*" | tr ' ' ,)} "$suite" "$folder" \
  > "$folder.log" 2>&1 || fail "debootstrap of $suite for $machine failed: see $folder.log"
for package in "$folder"/var/cache/apt/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x -k -C "$folder" 2>> "$folder.log" || true  # keeps what is there
done
rm -rf "$folder/var/cache/apt/archives"
touch "$folder/complete"
