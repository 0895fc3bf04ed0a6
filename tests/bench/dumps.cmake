# SPDX-License-Identifier: Apache-2.0
add_executable (bench-dump-rate ${CMAKE_CURRENT_LIST_DIR}/dump-rate.c)
target_link_libraries (bench-dump-rate PRIVATE memflow memflow-serial-grammar PkgConfig::GLIB)
memflow_measured_test (bench-dump-rate LABELS bench
  COMMAND $<TARGET_FILE:bench-dump-rate> ${MEMFLOW_MODULE_DIR} ${CMAKE_SOURCE_DIR}/configs/recordings/stm32f205-fragment.txt)
