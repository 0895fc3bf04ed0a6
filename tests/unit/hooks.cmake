# SPDX-License-Identifier: Apache-2.0
memflow_test (ring-reader unit/ring-reader.c LIBRARIES memflow-ring-reader)
memflow_test (code-lines unit/code-lines.c LIBRARIES memflow-ring-reader)
