# SPDX-License-Identifier: Apache-2.0
# Literals, configurations and option tables.
memflow_test (units ${CMAKE_CURRENT_LIST_DIR}/units.c LIBRARIES memflow-base)
