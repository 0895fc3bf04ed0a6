// SPDX-License-Identifier: Apache-2.0
// The clock of the rings, read by both sides: a counter of the processor where it runs evenly, or CLOCK_MONOTONIC in ns.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#if defined __x86_64__ || defined __i386__
#include <cpuid.h>
#endif

static inline uint64_t
mf_clock_ns (void)
{
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}

#if defined __x86_64__ || defined __i386__
enum { MF_CLOCK_HAS_COUNTER = 1 };

static inline uint64_t
mf_clock_counter (void)
{
  return __builtin_ia32_rdtsc ();
}

// Whether it runs at one speed, on all cores alike (CPUID 80000007h, invariant TSC).
static inline bool
mf_clock_counter_is_even (void)
{
  enum { POWER = 0x80000007, INVARIANT = 1 << 8 };
  unsigned a, b, c, d;
  return __get_cpuid (POWER, &a, &b, &c, &d) && d & INVARIANT;
}

#elif defined __aarch64__
enum { MF_CLOCK_HAS_COUNTER = 1 };

static inline uint64_t
mf_clock_counter (void)
{
  uint64_t count;
  __asm__ volatile ("mrs %0, cntvct_el0" : "=r" (count));
  return count;
}

// It always does (Arm ARM, generic timer), but below 10 MHz (cntfrq_el0) it tells less than CLOCK_MONOTONIC.
static inline bool
mf_clock_counter_is_even (void)
{
  enum { LEAST = 10000000 };
  uint64_t frequency;
  __asm__ ("mrs %0, cntfrq_el0" : "=r" (frequency));
  return frequency >= LEAST;
}

#else
enum { MF_CLOCK_HAS_COUNTER = 0 };

static inline uint64_t
mf_clock_counter (void)
{
  return mf_clock_ns ();
}

static inline bool
mf_clock_counter_is_even (void)
{
  return false;
}
#endif
