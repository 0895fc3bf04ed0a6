# SPDX-License-Identifier: Apache-2.0
# The algorithms behind the analyzer fragmentation.
foreach (test heap-map heap-cause heap-change)
  memflow_test (${test} ${CMAKE_CURRENT_LIST_DIR}/${test}.c LIBRARIES memflow-heap-map)
endforeach ()
