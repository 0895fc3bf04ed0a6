# SPDX-License-Identifier: Apache-2.0
memflow_fuzz (serial ${CMAKE_CURRENT_LIST_DIR}/fuzz-serial.c LIBRARIES memflow-serial-grammar)
