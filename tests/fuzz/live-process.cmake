# SPDX-License-Identifier: Apache-2.0
memflow_fuzz (core ${CMAKE_CURRENT_LIST_DIR}/fuzz-core.c LIBRARIES memflow-live-process)
