# SPDX-License-Identifier: Apache-2.0
memflow_test (import-graph ${CMAKE_CURRENT_LIST_DIR}/import-graph.c LIBRARIES memflow-import-graph memflow-needs)
