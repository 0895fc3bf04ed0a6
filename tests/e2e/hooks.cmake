# SPDX-License-Identifier: Apache-2.0
# The collector hooks on real interpreters. The agent cannot be preloaded below a sanitizer's own allocator, but the
# programs that it is preloaded to have none.
memflow_e2e (known-truth)
memflow_e2e (hooks)
