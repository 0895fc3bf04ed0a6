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

# The whole way from a capture. Its limit is in plain look-ups, not in seconds.
add_executable (bench-analysis-path ${CMAKE_CURRENT_LIST_DIR}/analysis-path.c)
target_link_libraries (bench-analysis-path PRIVATE memflow memflow-wire PkgConfig::GLIB)
if (NOT MEMFLOW_ASAN AND NOT MEMFLOW_TSAN)
  memflow_measured_test (bench-analysis-path LABELS bench
    COMMAND $<TARGET_FILE:bench-analysis-path> 3000 ${CMAKE_BINARY_DIR}/bench-analysis-path.mfc 60)
  memflow_measured_test (bench-analysis-path-long LABELS bench long TIMEOUT 1200
    COMMAND $<TARGET_FILE:bench-analysis-path> 100000 ${CMAKE_BINARY_DIR}/bench-analysis-path-long.mfc 60)
endif ()
