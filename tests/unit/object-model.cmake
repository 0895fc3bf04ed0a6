# SPDX-License-Identifier: Apache-2.0
# Sizes of Python's objects, against what interpreters measured of themselves; targets.
memflow_test (object-sizes ${CMAKE_CURRENT_LIST_DIR}/object-sizes.c ${CMAKE_CURRENT_LIST_DIR}/object-rows.c
  LIBRARIES memflow-objects)
memflow_test (object-model ${CMAKE_CURRENT_LIST_DIR}/object-model.c LIBRARIES memflow-targets)

# Random shapes against the interpreters installed here.
add_executable (object-price ${CMAKE_CURRENT_LIST_DIR}/object-price.c)
target_link_libraries (object-price PRIVATE memflow-objects)
memflow_script_test (object-shapes ${CMAKE_CURRENT_LIST_DIR}/object-shapes.py
  ARGUMENTS $<TARGET_FILE:object-price> LABELS long)
