# SPDX-License-Identifier: Apache-2.0
# The collector hooks on real interpreters. The agent cannot be preloaded below a sanitizer's own allocator, but the
# programs that it is preloaded to have none. Those that try the agent and the recorder, which have one thread each, more
# than the pipeline behind them are `sequential`.
memflow_e2e (known-truth LABELS agent sequential)
memflow_e2e (known-truth ARGUMENTS --long LABELS long TIMEOUT 3600)
memflow_e2e (hooks)

# What is live by the recording against what the C library itself counts.
add_executable (live-chunks programs/live-chunks.c)
target_compile_options (live-chunks PRIVATE -fno-sanitize=all)
target_link_options (live-chunks PRIVATE -fno-sanitize=all)
memflow_e2e (live-chunks LABELS agent sequential)
set_property (TEST e2e-live-chunks APPEND PROPERTY ENVIRONMENT "LIVE_CHUNKS=$<TARGET_FILE:live-chunks>")
memflow_e2e (setuid LABELS sequential)
set_property (TEST e2e-setuid APPEND PROPERTY ENVIRONMENT "LIVE_CHUNKS=$<TARGET_FILE:live-chunks>")
memflow_e2e (hooks-programs)
# A program of its own for what a Python does not call; without sanitizers, for the same reason.
add_executable (hooks-calls programs/hooks-calls.c)
target_compile_options (hooks-calls PRIVATE -fno-sanitize=all -fno-builtin
  $<$<C_COMPILER_ID:GNU>:-Wno-use-after-free>)
target_link_options (hooks-calls PRIVATE -fno-sanitize=all)
target_link_libraries (hooks-calls PRIVATE ${CMAKE_DL_LIBS})
memflow_e2e (hooks-agent)
set_property (TEST e2e-hooks-agent APPEND PROPERTY ENVIRONMENT "MEMFLOW_HOOKS_CALLS=$<TARGET_FILE:hooks-calls>")
memflow_e2e (hooks-stacks LABELS agent sequential)
memflow_e2e (record LABELS sequential)

add_executable (native-calls programs/native-calls.c)
target_compile_options (native-calls PRIVATE -fno-sanitize=all -O1 -g -fomit-frame-pointer)
target_link_options (native-calls PRIVATE -fno-sanitize=all)
memflow_e2e (native LABELS sequential)
set_property (TEST e2e-native APPEND PROPERTY ENVIRONMENT "NATIVE_CALLS=$<TARGET_FILE:native-calls>")
# What it is about happens in the other process.
memflow_e2e (attach-hooks LABELS sequential TIMEOUT 180)
memflow_e2e (attach-hooks ARGUMENTS --long LABELS long TIMEOUT 3600)
