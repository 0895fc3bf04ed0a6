# SPDX-License-Identifier: Apache-2.0
memflow_test (replay-types unit/replay.c LIBRARIES memflow-wire memflow)
target_compile_definitions (test-replay-types PRIVATE MODULES="${MEMFLOW_MODULE_DIR}")
add_dependencies (test-replay-types replay capture)
