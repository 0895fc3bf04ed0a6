#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# check.sh [--quick]: on a fresh Debian 12 installs the packages, builds, and runs every test: the default build, then
# clang, ASan+UBSan, TSan and 5 s of each fuzz target. Writes build/report/{junit.xml,report.json}.
set -uo pipefail
cd "$(dirname "$0")"
report=$PWD/build/report

case ${1-} in
  '') configurations=(default clang asan tsan fuzz) ;;
  --quick) configurations=(default) ;;
  *) echo "usage: $0 [--quick]" >&2; exit 2 ;;
esac

# What each configuration builds, and which of its tests run: tests of whole boards, of speed and of peers say nothing
# more under a sanitizer, nor do captures without compression beside those with it, nor the stacks of the agent, which has no
# sanitizer; and tests of one thread say nothing under TSan.
declare -A target=([fuzz]=fuzzers)
declare -A tests=(
  [default]='-LE ^(long|peers)$'
  [clang]='-L ^unit$ -LE ^(long|peers|board|bench)$'
  [asan]='-LE ^(long|peers|board|bench|agent)$ -E ^wire-without-zstd$'
  [tsan]='-LE ^(long|peers|board|bench|sequential)$'
  [fuzz]='-L ^fuzz$ -LE ^long$'
)

# gcc's ThreadSanitizer dies of a randomised address space on some kernels; some containers forbid to switch it off.
fixed_addresses=()
setarch -R true 2> /dev/null && fixed_addresses=(setarch -R)

build () {  # CONFIGURATION: exit status; what was said is in the report's folder
  cmake --preset "$1" && cmake --build --preset "$1" --target "${target[$1]:-all}"
}

run_tests () {  # CONFIGURATION
  local prefix=()
  [ "$1" = tsan ] && prefix=("${fixed_addresses[@]}")
  # shellcheck disable=SC2086  # a list of options
  "${prefix[@]}" ctest --preset "$1" ${tests[$1]} --output-junit "$report/$1.xml" --parallel "$(nproc)"
}

scripts/install-packages.sh build test || exit 1
rm -rf "$report"
mkdir -p "$report"
for configuration in "${configurations[@]}"; do
  echo "== $configuration"
  SECONDS=0
  build "$configuration" > "$report/$configuration.log" 2>&1
  echo "$? $SECONDS" > "$report/$configuration.build"
  if ! grep -q '^0 ' "$report/$configuration.build"; then
    tail -40 "$report/$configuration.log"
  else
    run_tests "$configuration"
  fi
done
exec /usr/bin/python3 scripts/report.py "$report" "${configurations[@]}"
