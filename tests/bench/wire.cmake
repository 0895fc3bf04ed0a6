# SPDX-License-Identifier: Apache-2.0
add_executable (bench-wire ${CMAKE_CURRENT_LIST_DIR}/wire.c)
target_link_libraries (bench-wire PRIVATE memflow-wire PkgConfig::GLIB)
add_test (NAME bench-wire COMMAND bench-wire)
set_tests_properties (bench-wire PROPERTIES LABELS bench)
