# SPDX-License-Identifier: Apache-2.0
# Every file of ok/ and bad/ against the exact text that stands next to it.
memflow_test (config-folders ${CMAKE_CURRENT_LIST_DIR}/folders.c LIBRARIES memflow-config)
