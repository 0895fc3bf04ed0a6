# SPDX-License-Identifier: Apache-2.0
# The parts of the core, each alone.
foreach (test intern schema lane)
  memflow_test (${test} ${CMAKE_CURRENT_LIST_DIR}/${test}.c LIBRARIES memflow-core)
endforeach ()
