# SPDX-License-Identifier: Apache-2.0
memflow_test (code-cost ${CMAKE_CURRENT_LIST_DIR}/code-cost.c LIBRARIES memflow-code-cost)
