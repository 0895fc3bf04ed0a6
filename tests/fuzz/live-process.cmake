# SPDX-License-Identifier: Apache-2.0
memflow_fuzz (core ${CMAKE_CURRENT_LIST_DIR}/fuzz-core.c LIBRARIES memflow-live-process)
memflow_fuzz (object-graph ${CMAKE_CURRENT_LIST_DIR}/fuzz-object-graph.c LIBRARIES memflow-live-process)
