# SPDX-License-Identifier: Apache-2.0
# Also as a target's agent has it: without zstd.
memflow_test (wire unit/wire.c LIBRARIES memflow-wire LABELS sequential)
memflow_test (wire-alloc unit/wire-alloc.c LIBRARIES memflow-wire LABELS sequential)
file (GLOB wire_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/core/wire/*.c)
memflow_test (wire-without-zstd unit/wire.c ${wire_sources} LABELS sequential)
target_include_directories (test-wire-without-zstd PRIVATE ${CMAKE_SOURCE_DIR}/core/wire)
