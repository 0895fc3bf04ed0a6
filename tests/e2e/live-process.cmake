# SPDX-License-Identifier: Apache-2.0
# Running processes, from outside.
add_executable (c-heap programs/c-heap.c)
target_compile_options (c-heap PRIVATE -fno-sanitize=all)
target_link_options (c-heap PRIVATE -fno-sanitize=all)
target_link_libraries (c-heap PRIVATE Threads::Threads)
memflow_e2e (attach)
memflow_e2e (attach ARGUMENTS --long LABELS long TIMEOUT 600)
set_property (TEST e2e-attach e2e-attach-long APPEND PROPERTY ENVIRONMENT "C_HEAP=$<TARGET_FILE:c-heap>")
add_executable (sample-stacks programs/sample-stacks.c)
target_link_libraries (sample-stacks PRIVATE memflow-live-process)
foreach (test torn-stacks attach-faults)
  memflow_e2e (${test} LABELS sequential)
  memflow_e2e (${test} ARGUMENTS --long LABELS long TIMEOUT 1800)
endforeach ()
set_property (TEST e2e-torn-stacks e2e-torn-stacks-long e2e-attach-faults e2e-attach-faults-long APPEND PROPERTY ENVIRONMENT "SAMPLE_STACKS=$<TARGET_FILE:sample-stacks>")
memflow_e2e (alive LABELS sequential)
memflow_e2e (growth LABELS sequential)
memflow_e2e (growth ARGUMENTS --long LABELS long TIMEOUT 1200)
memflow_e2e (core LABELS sequential)
memflow_e2e (core ARGUMENTS --long LABELS long TIMEOUT 1200)
# The same program for other machines, whose heaps have another layout, within an emulator.
memflow_cross (foreign-heaps FILE c-heap FOLDER c-heap SOURCES programs/c-heap.c OPTIONS -pthread
  TRIPLETS arm-linux-gnueabihf aarch64-linux-gnu i386-linux-gnu)
if (foreign-heaps_TRIPLETS)
  memflow_e2e (foreign-heaps ARGUMENTS ${foreign-heaps_TRIPLETS} LABELS sequential)
endif ()
memflow_e2e (foreign ARGUMENTS bookworm-armhf bookworm-i386 bullseye-armhf bullseye-i386 trixie-armhf trixie-i386 sid-armhf sid-i386 sid-amd64 bookworm-arm64
  LABELS long TIMEOUT 3600)
