# SPDX-License-Identifier: Apache-2.0
# The agents of other machines and C libraries, on a program in C: natively where the processor can, else under qemu-user.
memflow_cross (known-blocks FILE known-blocks FOLDER known-blocks SOURCES programs/known-blocks.c
  OPTIONS -fno-builtin)
if (memflow-agents_TRIPLETS)
  memflow_e2e (machines ARGUMENTS ${memflow-agents_TRIPLETS})
endif ()
