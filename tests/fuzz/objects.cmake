# SPDX-License-Identifier: Apache-2.0
memflow_fuzz (objects ${CMAKE_CURRENT_LIST_DIR}/fuzz-objects.c LIBRARIES memflow-objects)
