# SPDX-License-Identifier: Apache-2.0
memflow_fuzz (ring fuzz/fuzz-ring.c LIBRARIES memflow-ring-reader)
memflow_fuzz (elf-kind fuzz/fuzz-elf-kind.c LIBRARIES memflow-ring-reader)
memflow_fuzz (link fuzz/fuzz-link.c LIBRARIES memflow-link)
