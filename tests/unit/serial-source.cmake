# SPDX-License-Identifier: Apache-2.0
memflow_test (serial-repl ${CMAKE_CURRENT_LIST_DIR}/serial-repl.c LIBRARIES memflow-serial-source
  LABELS serial)
memflow_test (serial-source ${CMAKE_CURRENT_LIST_DIR}/serial-source.c LIBRARIES memflow-serial-source
  LABELS serial)
memflow_test (serial-memory ${CMAKE_CURRENT_LIST_DIR}/serial-memory.c LIBRARIES memflow LABELS serial)
