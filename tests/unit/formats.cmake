# SPDX-License-Identifier: Apache-2.0
# The formats: cells, and each plugin linked with a host that keeps everything in memory.
memflow_test (cells ${CMAKE_CURRENT_LIST_DIR}/cells.c LIBRARIES csv-cells json-cells)
memflow_test (csv ${CMAKE_CURRENT_LIST_DIR}/csv.c ${CMAKE_CURRENT_LIST_DIR}/format-host.c
  ${CMAKE_SOURCE_DIR}/formats/csv/csv.c LIBRARIES csv-cells)
memflow_test (json ${CMAKE_CURRENT_LIST_DIR}/json.c ${CMAKE_CURRENT_LIST_DIR}/format-host.c
  ${CMAKE_SOURCE_DIR}/formats/json/json.c LIBRARIES json-cells PkgConfig::JSON)
memflow_test (text-report ${CMAKE_CURRENT_LIST_DIR}/text-report.c ${CMAKE_CURRENT_LIST_DIR}/format-host.c
  ${CMAKE_SOURCE_DIR}/formats/text/text.c LIBRARIES text-report)
memflow_test (text-map ${CMAKE_CURRENT_LIST_DIR}/text-map.c LIBRARIES text-report)
foreach (format csv json)
  target_compile_definitions (test-${format} PRIVATE MEMFLOW_PYTHON="${MEMFLOW_PYTHON}")
endforeach ()
