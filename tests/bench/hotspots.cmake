# SPDX-License-Identifier: Apache-2.0
# The rate holds for a table that fits the cache; that of a million live blocks is bound by memory. The lower limits leave
# room for a loaded machine and are not held against sanitizers.
add_executable (bench-hotspots-rate bench/hotspots-rate.c)
target_link_libraries (bench-hotspots-rate PRIVATE memflow-allocation-trace)
if (NOT MEMFLOW_ASAN AND NOT MEMFLOW_TSAN)
  memflow_measured_test (bench-hotspots-rate LABELS bench COMMAND $<TARGET_FILE:bench-hotspots-rate> 5000 20 6)
  memflow_measured_test (bench-hotspots-rate-long LABELS bench long TIMEOUT 600
    COMMAND $<TARGET_FILE:bench-hotspots-rate> 100000 1000 3)
endif ()
