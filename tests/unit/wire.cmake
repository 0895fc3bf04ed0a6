# SPDX-License-Identifier: Apache-2.0
memflow_test (wire unit/wire.c LIBRARIES memflow-wire LABELS sequential)
