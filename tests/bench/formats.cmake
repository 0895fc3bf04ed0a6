# SPDX-License-Identifier: Apache-2.0
# Not tests: programs that print figures.
add_executable (bench-format-throughput ${CMAKE_CURRENT_LIST_DIR}/format-throughput.c)
target_link_libraries (bench-format-throughput PRIVATE csv-cells json-cells)
add_test (NAME bench-format-throughput COMMAND bench-format-throughput)
set_tests_properties (bench-format-throughput PROPERTIES LABELS bench)
