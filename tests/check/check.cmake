# SPDX-License-Identifier: Apache-2.0
# The tools that decide whether all is well are tested too.
memflow_script_test (check-report tests/check/report.py ARGUMENTS $<TARGET_FILE:measure>)
