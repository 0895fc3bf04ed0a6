# SPDX-License-Identifier: Apache-2.0
memflow_fuzz (pyc fuzz/fuzz-pyc.c LIBRARIES memflow-code-cost)
memflow_fuzz (mpy fuzz/fuzz-mpy.c LIBRARIES memflow-bytecode)
memflow_fuzz (zip fuzz/fuzz-zip.c LIBRARIES memflow-pyc-source)
memflow_fuzz (static fuzz/fuzz-static.c LIBRARIES memflow-static-analysis)
