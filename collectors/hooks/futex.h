// SPDX-License-Identifier: Apache-2.0
// Waiting for a word of the region to change, and waking those who wait. The kernel's numbers stand here because not
// every C library comes with the kernel's headers.
#pragma once

#include <limits.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MF_FUTEX_WAIT, MF_FUTEX_WAKE };

// Waits while the word is `value`, for less than a second at most. Changes errno.
static inline void
mf_futex_wait (_Atomic uint32_t *word, uint32_t value, uint32_t ns)
{
  const struct { long seconds, ns; } most = { 0, (long) ns };  // the kernel's, whatever libc's timespec is
  syscall (SYS_futex, word, MF_FUTEX_WAIT, value, &most, NULL, 0);
}

static inline void
mf_futex_wake (_Atomic uint32_t *word)
{
  syscall (SYS_futex, word, MF_FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
