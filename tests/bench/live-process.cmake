# SPDX-License-Identifier: Apache-2.0
add_executable (bench-stack-samples bench/stack-samples.c)
target_link_libraries (bench-stack-samples PRIVATE memflow-live-process)
memflow_measured_test (bench-stack-samples LABELS bench COMMAND $<TARGET_FILE:bench-stack-samples> ${MEMFLOW_PYTHON} 3000 2)
add_executable (bench-heap-walk bench/heap-walk.c)
target_link_libraries (bench-heap-walk PRIVATE memflow-live-process)
memflow_measured_test (bench-heap-walk LABELS bench COMMAND $<TARGET_FILE:bench-heap-walk> ${MEMFLOW_PYTHON} 40)
