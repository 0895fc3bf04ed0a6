# SPDX-License-Identifier: Apache-2.0
add_library (bench-rows MODULE bench/rows.c)
set_target_properties (bench-rows PROPERTIES PREFIX "" OUTPUT_NAME rows LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench-modules)
target_link_libraries (bench-rows PRIVATE memflow-api)
add_executable (bench-row-rate bench/row-rate.c)
target_link_libraries (bench-row-rate PRIVATE memflow PkgConfig::GLIB)
memflow_measured_test (bench-row-rate LABELS bench COMMAND $<TARGET_FILE:bench-row-rate> ${CMAKE_BINARY_DIR}/bench-modules)
