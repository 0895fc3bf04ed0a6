# SPDX-License-Identifier: Apache-2.0
# memflow against a real firmware in qemu, against terminals that the test holds, and on recordings.
memflow_script_test (microbit ${CMAKE_CURRENT_LIST_DIR}/microbit.py ARGUMENTS $<TARGET_FILE:memflow-command>
  LABELS board e2e TIMEOUT 180)
memflow_script_test (serial-port ${CMAKE_CURRENT_LIST_DIR}/serial-port.py ARGUMENTS $<TARGET_FILE:memflow-command>
  LABELS e2e TIMEOUT 120)
memflow_script_test (serial-input ${CMAKE_CURRENT_LIST_DIR}/serial-input.py ARGUMENTS $<TARGET_FILE:memflow-command>
  LABELS e2e TIMEOUT 120)
