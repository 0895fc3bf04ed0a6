#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# On a fresh Debian 12: installs the packages, builds memflow into build/ and analyses a recording of a board.
set -euo pipefail
cd "$(dirname "$0")"

build () {
  cmake --preset default -DBUILD_TESTING=OFF && cmake --build build
}

scripts/install-packages.sh build
mkdir -p build
echo "building into build/"
if ! build > build/quickstart.log 2>&1; then
  tail -40 build/quickstart.log >&2
  echo "the build failed; all it said is in build/quickstart.log" >&2
  exit 1
fi

build/memflow run configs/stm32.ini

cat << 'END'

The reports are in reports/: JSON for programs, CSV for a spreadsheet. The command is build/memflow.
next: MEMFLOW_DEVICE=/dev/ttyACM0 build/memflow run configs/stm32.ini    the same on your own board
      build/memflow inspect fragmentation                                what the figures mean
END
