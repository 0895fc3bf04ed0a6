# SPDX-License-Identifier: Apache-2.0
# The algorithm behind the analyzer size-classes; the recording is read as a heap map.
memflow_test (size-tally ${CMAKE_CURRENT_LIST_DIR}/size-tally.c
  LIBRARIES memflow-size-tally memflow-heap-map)
