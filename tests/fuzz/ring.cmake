# SPDX-License-Identifier: Apache-2.0
memflow_fuzz (ring fuzz/fuzz-ring.c LIBRARIES memflow-ring-reader)
