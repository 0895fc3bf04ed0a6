# SPDX-License-Identifier: Apache-2.0
# Against other tools, where they are installed: CONTRIBUTING.md tells how to get them.
memflow_script_test (peers-compare tests/peers/compare.py LABELS peers TIMEOUT 3600)
set_tests_properties (peers-compare PROPERTIES ENVIRONMENT "MEMFLOW_RECORD=${CMAKE_BINARY_DIR}/memflow record" RUN_SERIAL ON)
memflow_script_test (peers-austin tests/peers/austin.py LABELS peers TIMEOUT 600)
set_tests_properties (peers-austin PROPERTIES ENVIRONMENT "MEMFLOW=${CMAKE_BINARY_DIR}/memflow" RUN_SERIAL ON)
