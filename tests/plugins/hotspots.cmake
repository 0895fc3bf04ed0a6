# SPDX-License-Identifier: Apache-2.0
# What works on allocations one by one, driven through the harness.
foreach (test hotspots stacks)
  memflow_test (plugin-${test} ${CMAKE_CURRENT_LIST_DIR}/${test}.c LIBRARIES memflow-harness memflow-allocation-trace)
  target_compile_definitions (test-plugin-${test} PRIVATE MEMFLOW_MODULES="${MEMFLOW_MODULE_DIR}")
  add_dependencies (test-plugin-${test} ${test})
endforeach ()
