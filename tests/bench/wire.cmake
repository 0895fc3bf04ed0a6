# SPDX-License-Identifier: Apache-2.0
add_executable (bench-wire ${CMAKE_CURRENT_LIST_DIR}/wire.c)
target_link_libraries (bench-wire PRIVATE memflow-wire PkgConfig::GLIB)
memflow_measured_test (bench-wire LABELS bench COMMAND $<TARGET_FILE:bench-wire>)
