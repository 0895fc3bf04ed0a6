# SPDX-License-Identifier: Apache-2.0
memflow_script_test (bench-hooks-overhead tests/bench/hooks-overhead.py LABELS bench)
set_tests_properties (bench-hooks-overhead PROPERTIES ENVIRONMENT "MEMFLOW=${CMAKE_BINARY_DIR}/memflow")
