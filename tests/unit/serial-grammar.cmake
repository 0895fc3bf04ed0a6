# SPDX-License-Identifier: Apache-2.0
add_library (serial-recorder STATIC ${CMAKE_CURRENT_LIST_DIR}/serial-recorder.c)
target_include_directories (serial-recorder PUBLIC ${CMAKE_CURRENT_LIST_DIR})
target_link_libraries (serial-recorder PUBLIC memflow-serial-grammar PkgConfig::GLIB)
memflow_test (serial-grammar ${CMAKE_CURRENT_LIST_DIR}/serial-grammar.c LIBRARIES serial-recorder
  LABELS sequential)
memflow_test (serial-synthetic ${CMAKE_CURRENT_LIST_DIR}/serial-synthetic.c
  ${CMAKE_CURRENT_LIST_DIR}/serial-firmware.c LIBRARIES serial-recorder)
