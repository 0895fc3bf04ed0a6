# SPDX-License-Identifier: Apache-2.0
# Configurations and literals.
memflow_fuzz (ini ${CMAKE_CURRENT_LIST_DIR}/fuzz-ini.c LIBRARIES memflow-config)
memflow_fuzz (literal ${CMAKE_CURRENT_LIST_DIR}/fuzz-literal.c LIBRARIES memflow-base)
