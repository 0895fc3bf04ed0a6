# SPDX-License-Identifier: Apache-2.0
memflow_test (ring-reader unit/ring-reader.c LIBRARIES memflow-ring-reader)
memflow_test (agent-file unit/agent-file.c LIBRARIES memflow-ring-reader)

memflow_test (native-unwind unit/native-unwind.c ${CMAKE_SOURCE_DIR}/collectors/hooks/agent/native-unwind.c
  ${CMAKE_SOURCE_DIR}/collectors/hooks/agent/loaded-module.c
  ${CMAKE_SOURCE_DIR}/collectors/hooks/agent/call-frames.c)
target_include_directories (test-native-unwind PRIVATE ${CMAKE_SOURCE_DIR}/collectors/hooks/agent)
memflow_test (native-symbols unit/native-symbols.c LIBRARIES memflow-native-symbols)
memflow_test (layouts unit/layouts.c ${CMAKE_SOURCE_DIR}/collectors/hooks/agent/layouts.c LIBRARIES memflow-ring-reader)
target_include_directories (test-layouts PRIVATE ${CMAKE_SOURCE_DIR}/collectors/hooks/agent)
memflow_test (sampled-blocks unit/sampled-blocks.c ${CMAKE_SOURCE_DIR}/collectors/hooks/agent/sample.c)
target_include_directories (test-sampled-blocks PRIVATE ${CMAKE_SOURCE_DIR}/collectors/hooks
  ${CMAKE_SOURCE_DIR}/collectors/hooks/agent)
memflow_test (frames-walk unit/frames-walk.c ${CMAKE_SOURCE_DIR}/collectors/hooks/agent/walk.c)
target_include_directories (test-frames-walk PRIVATE ${CMAKE_SOURCE_DIR}/collectors/hooks
  ${CMAKE_SOURCE_DIR}/collectors/hooks/agent)
memflow_test (map-ledger unit/map-ledger.c LIBRARIES memflow-ring-reader PkgConfig::GLIB)
memflow_test (recorder unit/recorder.c ${CMAKE_SOURCE_DIR}/collectors/hooks/recorder/interner.c
  ${CMAKE_SOURCE_DIR}/collectors/hooks/recorder/file-outlet.c
  LIBRARIES memflow-ring-reader memflow-link memflow-wire)
target_include_directories (test-recorder PRIVATE ${CMAKE_SOURCE_DIR}/collectors/hooks/recorder)
# The targets are children of these programs, so there must be no sanitizer in them.
if (NOT MEMFLOW_ASAN AND NOT MEMFLOW_TSAN)
  memflow_test (hijack unit/hijack.c LIBRARIES memflow-injector)
  memflow_test (safe-place unit/safe-place.c LIBRARIES memflow-injector)
  memflow_test (injector unit/injector.c LIBRARIES memflow-injector)
  target_compile_definitions (test-injector PRIVATE AGENT="$<TARGET_FILE:memflow-agent>")
  add_dependencies (test-injector memflow-agent)
endif ()
