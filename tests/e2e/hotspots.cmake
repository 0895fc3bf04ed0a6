# SPDX-License-Identifier: Apache-2.0
# From a capture to reports, flame graphs and a comparison. The module writes the captures in tests/data/alloc.
add_library (known-program MODULE modules/known-program.c)
set_target_properties (known-program PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/known-program)
target_link_libraries (known-program PRIVATE memflow-api)
memflow_script_test (e2e-hotspots tests/e2e/hotspots.py ARGUMENTS ${CMAKE_BINARY_DIR}/known-program LABELS e2e)
set_tests_properties (e2e-hotspots PROPERTIES
  ENVIRONMENT "MEMFLOW=${CMAKE_BINARY_DIR}/memflow;MEMFLOW_MEASURE=$<TARGET_FILE:measure>")
