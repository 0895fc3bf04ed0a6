# SPDX-License-Identifier: Apache-2.0
memflow_test (harness ${CMAKE_CURRENT_LIST_DIR}/harness.c LIBRARIES memflow-harness)
