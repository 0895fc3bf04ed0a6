# SPDX-License-Identifier: Apache-2.0
# Sorts behind e2e.cmake, which defines memflow_e2e.
memflow_e2e (targets)
memflow_e2e (budget LABELS sequential)
set_property (TEST e2e-budget APPEND PROPERTY ENVIRONMENT "MEMFLOW_PRICED=${CMAKE_BINARY_DIR}/tests/priced")
memflow_e2e (predeploy LABELS sequential)
