# SPDX-License-Identifier: Apache-2.0
# Whole pipelines inside a test program. Collectors and formats that misbehave on demand lie in a folder of their own.
set (test_parts ${CMAKE_BINARY_DIR}/tests/parts)
foreach (part ticker slow visitor)
  add_library (part-${part} MODULE ${CMAKE_CURRENT_LIST_DIR}/../modules/parts/${part}.c)
  set_target_properties (part-${part} PROPERTIES PREFIX "" OUTPUT_NAME ${part} LIBRARY_OUTPUT_DIRECTORY ${test_parts})
  target_link_libraries (part-${part} PRIVATE memflow-api)
endforeach ()

foreach (test pipeline-api pipeline-flow pipeline-output)
  memflow_test (${test} ${CMAKE_CURRENT_LIST_DIR}/${test}.c LIBRARIES memflow Threads::Threads)
  target_compile_definitions (test-${test} PRIVATE MEMFLOW_TEST_PARTS="${test_parts}")
  add_dependencies (test-${test} part-ticker part-slow serial json csv text fragmentation size-classes)
endforeach ()

# The example that the C API comes with.
add_executable (example-embed ${CMAKE_SOURCE_DIR}/examples/embed.c)
target_link_libraries (example-embed PRIVATE memflow)
add_test (NAME example-embed COMMAND example-embed configs/stm32.ini ${CMAKE_BINARY_DIR}/tests
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties (example-embed PROPERTIES LABELS unit PASS_REGULAR_EXPRESSION
  "\nlargest free run: 12000 B of 322 runs\n$")
