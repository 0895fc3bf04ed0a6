# SPDX-License-Identifier: Apache-2.0
# Literals, configurations and option tables.
memflow_test (units ${CMAKE_CURRENT_LIST_DIR}/units.c LIBRARIES memflow-base)
memflow_test (config ${CMAKE_CURRENT_LIST_DIR}/config.c LIBRARIES memflow-config)
memflow_test (options ${CMAKE_CURRENT_LIST_DIR}/options.c LIBRARIES memflow-config)
