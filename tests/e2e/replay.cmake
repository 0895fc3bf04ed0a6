# SPDX-License-Identifier: Apache-2.0
memflow_script_test (replay ${CMAKE_CURRENT_LIST_DIR}/replay.py ARGUMENTS $<TARGET_FILE:memflow-command>
  LABELS e2e TIMEOUT 180)
