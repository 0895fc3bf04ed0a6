// SPDX-License-Identifier: Apache-2.0
// Which numbers of processes are meant: in a container they are others, and a reader would look for the wrong process.
#pragma once

#include <stdint.h>
#include <unistd.h>

// The PID namespace of this process (pid_namespaces(7)); 0 = it cannot be told.
static inline uint64_t
mf_pid_space (void)
{
  char link[64];  // pid:[4026531836]
  ssize_t n = readlink ("/proc/self/ns/pid", link, sizeof link);
  uint64_t number = 0;
  for (ssize_t i = 0; i < n; i++)
    if (link[i] >= '0' && link[i] <= '9')
      number = number * 10 + (uint64_t) (link[i] - '0');
  return number;
}
