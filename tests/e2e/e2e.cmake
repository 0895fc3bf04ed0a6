# SPDX-License-Identifier: Apache-2.0
# The command as a user runs it. The environment names what was built.

# memflow_e2e (NAME [ARGUMENTS word...] [LABELS label...] [TIMEOUT seconds]): tests/e2e/NAME.py.
function (memflow_e2e name)
  cmake_parse_arguments (arg "" "TIMEOUT" "ARGUMENTS;LABELS" ${ARGN})
  set (test e2e-${name})
  if (long IN_LIST arg_LABELS)
    set (test e2e-${name}-long)
  endif ()
  memflow_script_test (${test} tests/e2e/${name}.py LABELS e2e ${arg_LABELS} TIMEOUT ${arg_TIMEOUT}
    ARGUMENTS ${arg_ARGUMENTS})
  set_tests_properties (${test} PROPERTIES
    ENVIRONMENT "MEMFLOW=${CMAKE_BINARY_DIR}/memflow;MEMFLOW_MEASURE=$<TARGET_FILE:measure>")
endfunction ()

memflow_e2e (stm32)
memflow_e2e (memory-error)
memflow_e2e (command)
memflow_e2e (determinism)
memflow_e2e (interrupt)
memflow_e2e (full-disk)
memflow_e2e (memory LABELS bench)
memflow_e2e (stream LABELS bench)
memflow_e2e (stream ARGUMENTS --long LABELS bench long TIMEOUT 3600)
