# SPDX-License-Identifier: Apache-2.0
# Not tests: programs that print figures.
add_executable (bench-format-throughput ${CMAKE_CURRENT_LIST_DIR}/format-throughput.c)
target_link_libraries (bench-format-throughput PRIVATE csv-cells json-cells)
memflow_measured_test (bench-format-throughput LABELS bench COMMAND $<TARGET_FILE:bench-format-throughput>)
