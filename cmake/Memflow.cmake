# SPDX-License-Identifier: Apache-2.0
# How modules and tests of memflow are built.

set (MEMFLOW_MODULE_DIR ${CMAKE_BINARY_DIR}/modules)
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

# Every test runs under tests/measure.c, which adds its peak memory and cpu time to its output. A test may print further
# figures for the report: "# measured NAME VALUE UNIT [<=|>=|== LIMIT]". Exit status 77 means skipped.
if (BUILD_TESTING)
  add_executable (measure ${CMAKE_CURRENT_SOURCE_DIR}/tests/measure.c)
  target_compile_options (measure PRIVATE -fno-sanitize=all)
  target_link_options (measure PRIVATE -fno-sanitize=all)
endif ()

# memflow_measured_test (NAME [LABELS label...] [TIMEOUT seconds] COMMAND word...): run by ctest in the source folder, so
# that tests/data is found. Labels bench and board keep the machine to themselves.
function (memflow_measured_test name)
  cmake_parse_arguments (arg "" "TIMEOUT" "LABELS;COMMAND" ${ARGN})
  if (NOT arg_TIMEOUT)
    set (arg_TIMEOUT 300)
  endif ()
  add_test (NAME ${name} COMMAND measure ${arg_COMMAND} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties (${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT} SKIP_RETURN_CODE 77)
  if ("bench" IN_LIST arg_LABELS OR "board" IN_LIST arg_LABELS)
    set_tests_properties (${name} PROPERTIES RUN_SERIAL ON)
  endif ()
endfunction ()

# memflow_test (NAME source... [LIBRARIES target...] [LABELS label...]): a g_test program.
function (memflow_test name)
  cmake_parse_arguments (arg "" "" "LIBRARIES;LABELS" ${ARGN})
  add_executable (test-${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries (test-${name} PRIVATE memflow-api PkgConfig::GLIB ${arg_LIBRARIES})
  memflow_measured_test (${name} LABELS unit ${arg_LABELS} COMMAND $<TARGET_FILE:test-${name}> --tap)
endfunction ()

# memflow_script_test (NAME script [ARGUMENTS word...] [LABELS label...] [TIMEOUT seconds]): a Python script, run by Debian's
# own interpreter because that one sees Debian's modules.
find_program (MEMFLOW_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program (MEMFLOW_PYTHON python3)
function (memflow_script_test name script)
  cmake_parse_arguments (arg "" "TIMEOUT" "ARGUMENTS;LABELS" ${ARGN})
  memflow_measured_test (${name} LABELS ${arg_LABELS} TIMEOUT ${arg_TIMEOUT}
    COMMAND ${MEMFLOW_PYTHON} -B ${script} ${arg_ARGUMENTS})
endfunction ()

# memflow_fuzz (NAME source... [LIBRARIES target...]): a fuzz target. With clang and -DMEMFLOW_FUZZ=ON it is a libFuzzer
# program that runs for 5 s, and for 10 minutes under the label long; what it finds lands in its folder of the build.
# Otherwise it is a program that runs the corpus once, so that every build checks it.
option (MEMFLOW_FUZZ "build the fuzz targets with libFuzzer (clang)" OFF)
if (MEMFLOW_FUZZ)  # the fuzzer is guided by the coverage of the libraries too
  add_compile_options (-fsanitize=fuzzer-no-link)
endif ()
add_custom_target (fuzzers)

function (memflow_fuzz_run test seconds timeout fuzzer corpus)
  set (found ${CMAKE_BINARY_DIR}/found/${test})
  file (MAKE_DIRECTORY ${found})
  memflow_measured_test (${test} LABELS ${ARGN} TIMEOUT ${timeout} COMMAND $<TARGET_FILE:${fuzzer}>
    -max_total_time=${seconds} -artifact_prefix=${found}/ -print_final_stats=1 -verbosity=0 ${found} ${corpus})
endfunction ()

function (memflow_fuzz name)
  cmake_parse_arguments (arg "" "" "LIBRARIES" ${ARGN})
  set (corpus ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  add_executable (fuzz-${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries (fuzz-${name} PRIVATE memflow-api PkgConfig::GLIB ${arg_LIBRARIES})
  add_dependencies (fuzzers fuzz-${name} measure)
  if (MEMFLOW_FUZZ)
    target_link_options (fuzz-${name} PRIVATE -fsanitize=fuzzer)
    memflow_fuzz_run (fuzz-${name} 5 60 fuzz-${name} ${corpus} fuzz)
    memflow_fuzz_run (fuzz-${name}-long 600 900 fuzz-${name} ${corpus} fuzz long)
  else ()
    target_sources (fuzz-${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/fuzz/standalone.c)
    memflow_measured_test (fuzz-${name}-corpus LABELS fuzz COMMAND $<TARGET_FILE:fuzz-${name}> ${corpus})
  endif ()
endfunction ()
