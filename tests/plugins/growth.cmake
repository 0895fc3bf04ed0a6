# SPDX-License-Identifier: Apache-2.0
# The analyzer growth through the harness, and its algorithms alone.
memflow_test (plugin-growth ${CMAKE_CURRENT_LIST_DIR}/growth.c LIBRARIES memflow-harness memflow-growth)
target_compile_definitions (test-plugin-growth PRIVATE MEMFLOW_MODULES="${MEMFLOW_MODULE_DIR}")
add_dependencies (test-plugin-growth growth)
memflow_test (resident-trend ${CMAKE_SOURCE_DIR}/tests/unit/resident-trend.c LIBRARIES memflow-growth)
memflow_test (rising-stacks ${CMAKE_SOURCE_DIR}/tests/unit/rising-stacks.c LIBRARIES memflow-growth)
