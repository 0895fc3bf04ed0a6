# SPDX-License-Identifier: Apache-2.0
# Documentation that is printed by the command, and code in it that must compile.
memflow_script_test (docs-generated tests/docs/generated.py ARGUMENTS $<TARGET_FILE:memflow-command> LABELS docs)
add_custom_target (update-docs COMMAND ${MEMFLOW_PYTHON} -B tests/docs/generated.py $<TARGET_FILE:memflow-command> update
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
memflow_script_test (docs-guide tests/docs/guide.py LABELS docs ARGUMENTS $<TARGET_FILE:memflow-command>
  ${CMAKE_C_COMPILER} ${CMAKE_SOURCE_DIR}/core/include)
