# SPDX-License-Identifier: Apache-2.0
# The algorithms behind the analyzer hotspots and the format stacks.
memflow_test (allocation-trace ${CMAKE_CURRENT_LIST_DIR}/allocation-trace.c LIBRARIES memflow-allocation-trace)
