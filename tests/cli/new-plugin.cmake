# SPDX-License-Identifier: Apache-2.0
# The templates grow into plugins that work.
memflow_script_test (new-plugin tests/cli/new-plugin.py LABELS cli ARGUMENTS $<TARGET_FILE:memflow-command>
  ${CMAKE_COMMAND} ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR}/core/include)
