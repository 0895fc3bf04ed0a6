# SPDX-License-Identifier: Apache-2.0
# Each plugin alone, driven through the harness.
foreach (test fragmentation size-classes)
  memflow_test (plugin-${test} ${CMAKE_CURRENT_LIST_DIR}/${test}.c LIBRARIES memflow-harness memflow-heap-map)
  target_compile_definitions (test-plugin-${test} PRIVATE MEMFLOW_MODULES="${MEMFLOW_MODULE_DIR}")
  target_include_directories (test-plugin-${test} PRIVATE ${CMAKE_SOURCE_DIR}/plugins/${test})
  add_dependencies (test-plugin-${test} ${test})
endforeach ()
