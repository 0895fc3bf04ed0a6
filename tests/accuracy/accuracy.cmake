# SPDX-License-Identifier: Apache-2.0
# What the object model says of whole modules, against what interpreters take for them.
add_executable (load-price ${CMAKE_CURRENT_LIST_DIR}/load-price.c)
target_link_libraries (load-price PRIVATE memflow-code-cost PkgConfig::GLIB)
memflow_script_test (load-cost ${CMAKE_CURRENT_LIST_DIR}/load-cost.py ARGUMENTS corpus LABELS unit sequential)
memflow_script_test (load-cost-libraries ${CMAKE_CURRENT_LIST_DIR}/load-cost.py ARGUMENTS libraries LABELS long sequential
  TIMEOUT 1800)
set_tests_properties (load-cost load-cost-libraries PROPERTIES
  ENVIRONMENT "LOAD_PRICE=$<TARGET_FILE:load-price>;MEMFLOW=${CMAKE_BINARY_DIR}/memflow")

# What static-memory says before, against tracemalloc in fresh interpreters: Debian's by default, all that are here under `long`.
foreach (topic import-cost programs statements)
  memflow_script_test (${topic} ${CMAKE_CURRENT_LIST_DIR}/${topic}.py ARGUMENTS quick LABELS e2e sequential)
  memflow_script_test (${topic}-long ${CMAKE_CURRENT_LIST_DIR}/${topic}.py ARGUMENTS long LABELS long sequential TIMEOUT 900)
  set_tests_properties (${topic} ${topic}-long PROPERTIES ENVIRONMENT "MEMFLOW=${CMAKE_BINARY_DIR}/memflow")
endforeach ()

# The same for MicroPython, against gc.mem_alloc (): noted figures by default, measured again under `long`.
memflow_script_test (micropython ${CMAKE_CURRENT_LIST_DIR}/micropython.py ARGUMENTS quick LABELS e2e)
memflow_script_test (micropython-long ${CMAKE_CURRENT_LIST_DIR}/micropython.py ARGUMENTS long LABELS long TIMEOUT 900)
set_tests_properties (micropython micropython-long PROPERTIES ENVIRONMENT "MEMFLOW=${CMAKE_BINARY_DIR}/memflow")
