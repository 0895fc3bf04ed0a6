# SPDX-License-Identifier: Apache-2.0
memflow_fuzz (wire fuzz/fuzz-wire.c LIBRARIES memflow-wire)
