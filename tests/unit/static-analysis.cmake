# SPDX-License-Identifier: Apache-2.0
memflow_test (static-analysis ${CMAKE_CURRENT_LIST_DIR}/static-analysis.c LIBRARIES memflow-static-analysis)
