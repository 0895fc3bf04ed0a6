# SPDX-License-Identifier: Apache-2.0
add_executable (bench-bytecode-reader ${CMAKE_CURRENT_LIST_DIR}/bytecode.c)
target_link_libraries (bench-bytecode-reader PRIVATE memflow-bytecode PkgConfig::GLIB)
if (NOT MEMFLOW_ASAN AND NOT MEMFLOW_TSAN)
  memflow_script_test (bench-bytecode tests/bench/bytecode.py LABELS bench)
  set_tests_properties (bench-bytecode PROPERTIES ENVIRONMENT "BENCH_BYTECODE=$<TARGET_FILE:bench-bytecode-reader>")
endif ()
