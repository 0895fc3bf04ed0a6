# SPDX-License-Identifier: Apache-2.0
# A stranger's module through the real pipeline into every format.
add_library (stranger MODULE ${CMAKE_CURRENT_LIST_DIR}/stranger.c)
set_target_properties (stranger PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/stranger-modules)
target_link_libraries (stranger PRIVATE memflow-api)
if (TARGET memflow-command)
  memflow_script_test (stranger ${CMAKE_CURRENT_LIST_DIR}/stranger.py
    ARGUMENTS $<TARGET_FILE:memflow-command> $<TARGET_FILE_DIR:stranger> LABELS e2e TIMEOUT 60)
endif ()
