# SPDX-License-Identifier: Apache-2.0
memflow_script_test (bench-recorder tests/bench/recorder.py LABELS bench TIMEOUT 600)
set_tests_properties (bench-recorder PROPERTIES ENVIRONMENT "MEMFLOW=${CMAKE_BINARY_DIR}/memflow")
