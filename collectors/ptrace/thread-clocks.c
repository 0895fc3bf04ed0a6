// SPDX-License-Identifier: Apache-2.0
// /proc/PID/task/TID/schedstat: time on a processor, time waiting for one, time slices (Documentation/scheduler/sched-stats.rst).
#include "thread-clocks.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
  MOST_CLOCKS = 256,   // descriptors: further threads have no clock
  TICK_NS = 12000000,  // longer than one, by which the clock of a running thread goes on
  ASK_AGAIN_NS = 10000000
};

typedef struct {
  int file;          // -1 = cannot be opened
  uint32_t stack;    // the thread's, when it was asked
  int64_t ns, asked_ns, moved_ns;  // moved_ns: when it was seen to be another
} Clock;

struct MfThreadClocks {
  const MfProcess *process;
  GHashTable *clocks;  // thread -> Clock
};

static void
free_clock (gpointer pointer)
{
  Clock *clock = pointer;
  if (clock->file >= 0)
    close (clock->file);
  g_free (clock);
}

MfThreadClocks *
mf_thread_clocks_new (const MfProcess *process)
{
  MfThreadClocks *clocks = g_new0 (MfThreadClocks, 1);
  clocks->process = process;
  clocks->clocks = g_hash_table_new_full (g_direct_hash, g_direct_equal, NULL, free_clock);
  return clocks;
}

void
mf_thread_clocks_free (MfThreadClocks *clocks)
{
  if (!clocks)
    return;
  g_hash_table_unref (clocks->clocks);
  g_free (clocks);
}

static Clock *
clock_of (MfThreadClocks *clocks, uint64_t thread)
{
  gpointer key = GSIZE_TO_POINTER (thread);
  Clock *clock = g_hash_table_lookup (clocks->clocks, key);
  if (clock || g_hash_table_size (clocks->clocks) >= MOST_CLOCKS)
    return clock;
  g_autofree char *path = g_strdup_printf ("/proc/%d/task/%" G_GUINT64_FORMAT "/schedstat", mf_process_id (clocks->process),
      (guint64) thread);
  clock = g_new0 (Clock, 1);
  clock->file = open (path, O_RDONLY | O_CLOEXEC);
  clock->ns = -1;
  g_hash_table_insert (clocks->clocks, key, clock);
  return clock;
}

// Whether the thread waits, and has not begun to run as far as its stack tells.
static bool
stands (const Clock *clock, uint32_t stack, int64_t now_ns)
{
  return clock->stack == stack && clock->asked_ns - clock->moved_ns >= TICK_NS && now_ns - clock->asked_ns < ASK_AGAIN_NS;
}

static bool
read_clock (const Clock *clock, int64_t *ns)
{
  char text[64];
  ssize_t n = clock->file >= 0 ? pread (clock->file, text, sizeof text - 1, 0) : 0;
  text[MAX (n, 0)] = '\0';
  *ns = n > 0 ? (int64_t) strtoull (text, NULL, 10) : -1;
  return n >= 0;
}

// A thread that has ended leaves its place to others: its number may come again.
int64_t
mf_thread_clock (MfThreadClocks *clocks, uint64_t thread, uint32_t stack, int64_t now_ns)
{
  int64_t ns;
  Clock *clock = thread ? clock_of (clocks, thread) : NULL;
  if (!clock)
    return -1;
  if (stands (clock, stack, now_ns))
    return clock->ns;
  if (!read_clock (clock, &ns)) {
    g_hash_table_remove (clocks->clocks, GSIZE_TO_POINTER (thread));
    return -1;
  }
  bool moved = ns != clock->ns || stack != clock->stack;
  *clock = (Clock) { clock->file, stack, ns, now_ns, moved ? now_ns : clock->moved_ns };
  return ns;
}
