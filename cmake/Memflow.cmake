# SPDX-License-Identifier: Apache-2.0
# How modules and tests of memflow are built.

set (MEMFLOW_MODULE_DIR ${CMAKE_BINARY_DIR}/plugins-built)
set (MEMFLOW_INSTALL_MODULE_DIR ${CMAKE_INSTALL_LIBDIR}/memflow/plugins)

# memflow_plugin (NAME source... [LIBRARIES target...]): one shared module that links nothing of core.
function (memflow_plugin name)
  cmake_parse_arguments (arg "" "" "LIBRARIES" ${ARGN})
  add_library (${name} MODULE ${arg_UNPARSED_ARGUMENTS})
  set_target_properties (${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${MEMFLOW_MODULE_DIR})
  target_link_libraries (${name} PRIVATE memflow-api ${arg_LIBRARIES})
  if (NOT MEMFLOW_ASAN AND NOT MEMFLOW_TSAN)
    target_link_options (${name} PRIVATE -Wl,--no-undefined)
  endif ()
  install (TARGETS ${name} LIBRARY DESTINATION ${MEMFLOW_INSTALL_MODULE_DIR})
endfunction ()

# memflow_test (NAME source... [LIBRARIES target...] [LABELS label...]): a g_test program run by ctest
# in the source folder, so that tests/data is found.
function (memflow_test name)
  cmake_parse_arguments (arg "" "" "LIBRARIES;LABELS" ${ARGN})
  add_executable (test-${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries (test-${name} PRIVATE memflow-api PkgConfig::GLIB ${arg_LIBRARIES})
  add_test (NAME ${name} COMMAND test-${name} --tap WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties (${name} PROPERTIES LABELS "unit;${arg_LABELS}" TIMEOUT 300)
endfunction ()

# memflow_fuzz (NAME source... [LIBRARIES target...]): a fuzz target. With clang and -DMEMFLOW_FUZZ=ON it is a
# libFuzzer program; otherwise a program that runs the corpus once, so that every build checks it.
option (MEMFLOW_FUZZ "build the fuzz targets with libFuzzer (clang)" OFF)
function (memflow_fuzz name)
  cmake_parse_arguments (arg "" "" "LIBRARIES" ${ARGN})
  set (driver ${CMAKE_SOURCE_DIR}/tests/fuzz/standalone.c)
  if (MEMFLOW_FUZZ)
    set (driver)
  endif ()
  add_executable (fuzz-${name} ${arg_UNPARSED_ARGUMENTS} ${driver})
  target_link_libraries (fuzz-${name} PRIVATE memflow-api PkgConfig::GLIB ${arg_LIBRARIES})
  if (MEMFLOW_FUZZ)
    target_compile_options (fuzz-${name} PRIVATE -fsanitize=fuzzer)
    target_link_options (fuzz-${name} PRIVATE -fsanitize=fuzzer)
  else ()
    add_test (NAME fuzz-${name}-corpus COMMAND fuzz-${name} tests/fuzz/corpus/${name}
      WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  endif ()
endfunction ()
