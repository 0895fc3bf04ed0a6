# SPDX-License-Identifier: Apache-2.0
# What is read of a process from outside, with memory made up.
foreach (test arena-vector core-process elf-image process pymalloc-walk)
  memflow_test (${test} ${CMAKE_CURRENT_LIST_DIR}/${test}.c LIBRARIES memflow-live-process LABELS sequential)
endforeach ()
