# SPDX-License-Identifier: Apache-2.0
# GLib starts compilers from a thread of its own, which TSan cannot see into.
memflow_script_test (pyc-run tests/e2e/pyc.py LABELS e2e sequential)
set_tests_properties (pyc-run PROPERTIES ENVIRONMENT "MEMFLOW=${CMAKE_BINARY_DIR}/memflow")
