# SPDX-License-Identifier: Apache-2.0
# What works on allocations one by one, driven through the harness.
memflow_test (plugin-hotspots ${CMAKE_CURRENT_LIST_DIR}/hotspots.c LIBRARIES memflow-harness memflow-allocation-trace)
target_compile_definitions (test-plugin-hotspots PRIVATE MEMFLOW_MODULES="${MEMFLOW_MODULE_DIR}")
add_dependencies (test-plugin-hotspots hotspots)
