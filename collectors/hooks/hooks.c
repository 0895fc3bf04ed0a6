// SPDX-License-Identifier: Apache-2.0
// The collector `hooks`: runs a program with the agent in it and publishes each call of its allocators.
#include <memflow/plugin.h>

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#if defined __x86_64__
#include <cpuid.h>
#include <x86intrin.h>
#endif

#include "program.h"
#include "ring-reader.h"

enum { BLOCK, DROP };
enum { LEAST_SLEEP = 500, MOST_SLEEP = 8000, LOOK_EVERY = 5000000, TERM_AFTER = 1000000000, LONGEST_END = 5 };

typedef struct {
  MfStage stage;
  MfArgv command;
  MfSize ring;
  uint32_t threads, full_ring;
  MfDuration patience;
  bool malloc, stacks, free_stacks;
  MF_OUT (MfAlloc) out;

  MfProgram program;
  MfRingReader *reader;
  uint64_t lost;
  uint32_t stacks_verdict;  // MF_STACKS_*, the worst one that a thread has told
  bool python, tsc, terminated;
  int64_t stop_ns;          // when the run was told to stop; 0 = it was not
} Hooks;

// ---- the clock of the rings

static int64_t
monotonic_ns (void)
{
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

// The processor's counter is used where it runs at one speed on all cores.
static bool
counter_is_invariant (void)
{
#if defined __x86_64__
  enum { POWER = 0x80000007, INVARIANT = 1 << 8 };
  unsigned a, b, c, d;
  return __get_cpuid (POWER, &a, &b, &c, &d) && d & INVARIANT;
#else
  return false;
#endif
}

static MfRingInstant
instant (const Hooks *hooks)
{
  MfRingInstant now = { 0, monotonic_ns () };
  now.ticks = (uint64_t) now.ns;
#if defined __x86_64__
  if (hooks->tsc)
    now.ticks = __rdtsc ();
#endif
  return now;
}

// ---- what the reader tells and asks for

static void *
resize (void *user, void *old, size_t bytes)
{
  return mf_resize (user, old, bytes);
}

static MfString
intern (void *user, const char *text, size_t n)
{
  return mf_string_n (user, text, n);
}

static MfStack
intern_stack (void *user, MfStack caller, MfFrame frame)
{
  return mf_stack (user, caller, frame);
}

static bool
publish (void *user, const MfAlloc *event)
{
  Hooks *hooks = user;
  return mf_emit (&hooks->out, event);
}

static void
note_program (void *user, int32_t process, uint32_t version, uint32_t stacks)
{
  static const char *const reasons[] = {
    [MF_STACKS_VERSION] = "its version is not one whose frames are known (3.8 to 3.13, final releases)",
    [MF_STACKS_LAYOUT] = "its frames do not lie where those of its version do",
    [MF_STACKS_SYMBOLS] = "it lacks functions that are needed to verify where its frames are",
  };
  Hooks *hooks = user;
  hooks->python |= stacks != MF_STACKS_NO_PYTHON;
  bool known = stacks < sizeof reasons / sizeof reasons[0];
  if (!known || !reasons[stacks] || hooks->stacks_verdict == stacks)
    return;
  hooks->stacks_verdict = stacks;
  mf_log (hooks, MF_LOG_WARNING, "process %d: no Python stacks of Python %u.%u: %s", process, version >> 8 & 0xff,
      version & 0xff, reasons[stacks]);
}

static void
note_loss (void *user, MfRingLoss reason, uint64_t count, const char *why)
{
  static const uint32_t reasons[] = { [MF_RING_DROPPED] = MF_LOST_QUEUE_FULL, [MF_RING_CUT_SHORT] = MF_LOST_TRUNCATED,
    [MF_RING_DAMAGED] = MF_LOST_DAMAGED, [MF_RING_HOMELESS] = MF_LOST_REFUSED };
  Hooks *hooks = user;
  hooks->lost += count;
  if (count)
    mf_lost (hooks, MfAlloc_type.name, count, reasons[reason]);
  if (why)
    mf_log (hooks, MF_LOG_WARNING, "a ring of the program is damaged and not read any more: %s", why);
}

// ---- starting

// The agent lies beside the folder of the plugins: ../agent/libmemflow-agent.so.
static bool
find_agent (char *path, size_t n)
{
  Dl_info module;
  if (!dladdr ((void *) find_agent, &module) || !module.dli_fname)
    return false;
  char *folder = realpath (module.dli_fname, NULL), *slash = folder ? strrchr (folder, '/') : NULL;
  int length = slash ? snprintf (path, n, "%.*s/../agent/libmemflow-agent.so", (int) (slash - folder), folder) : -1;
  free (folder);
  return length > 0 && (size_t) length < n;
}

static uint32_t
region_options (const Hooks *hooks)
{
  return (hooks->stacks ? MF_RING_STACKS : 0) | (hooks->stacks && hooks->free_stacks ? MF_RING_FREE_STACKS : 0)
      | (hooks->malloc ? MF_RING_MALLOC : 0) | (hooks->full_ring == DROP ? MF_RING_DROP : 0)
      | (hooks->tsc ? MF_RING_TSC : 0);
}

static void
name_input (Hooks *hooks)
{
  char text[256] = "";
  size_t n = 0;
  for (uint32_t i = 0; i < hooks->command.n && n < sizeof text; i++)
    n += (size_t) snprintf (text + n, sizeof text - n, "%s%s", i ? " " : "", hooks->command.words[i]);
  mf_context (hooks, mf_string (hooks, text), 0);
}

static bool
hooks_start (void *stage)
{
  Hooks *hooks = stage;
  uint64_t ring = hooks->ring.bytes;
  hooks->program = (MfProgram) { .exit_fd = -1, .ring_fd = -1 };
  if (!hooks->command.n)
    return mf_fail_option (hooks, "command", "there is nothing to run: give a command, for example  -- python3 app.py");
  if (mf_run (hooks)->deterministic)
    return mf_fail_option (hooks, "command", "a running program never gives the same twice: run it without --deterministic");
  if (ring & (ring - 1))
    return mf_fail_option (hooks, "ring", "the size of a ring has to be a power of two, such as 256KiB");
  hooks->tsc = counter_is_invariant ();
  const MfRingRegion how = { .magic = MF_RING_MAGIC, .n_slots = hooks->threads, .ring_size = (uint32_t) ring,
    .options = region_options (hooks), .reader = (int32_t) getpid (), .patience = (uint64_t) hooks->patience.ns };
  const char *failed = mf_program_prepare (&hooks->program, &how);
  return !failed || mf_fail_option (hooks, "ring", "%s: %s", failed, strerror (errno));
}

static bool
launch (Hooks *hooks)
{
  char agent[4096];
  const MfRingSink sink = { hooks, resize, intern, intern_stack, publish, note_program, note_loss };
  if (!find_agent (agent, sizeof agent))
    return mf_fail (hooks, "cannot tell where the agent is: the plugin was loaded from an unknown place");
  hooks->reader = mf_ring_reader_new (hooks->program.region, hooks->threads, (uint32_t) hooks->ring.bytes,
      instant (hooks), &sink);
  if (!hooks->reader)
    return mf_fail (hooks, "not enough memory to read the rings");
  const char *failed = mf_program_start (&hooks->program, hooks->command.words, hooks->command.n, agent);
  return !failed || mf_fail_option (hooks, "command", "%s '%s': %s", failed,
      access (agent, R_OK) ? agent : hooks->command.words[0], strerror (errno));
}

// ---- running

static bool
is_gone (int32_t process)
{
  return kill (process, 0) != 0 && errno == ESRCH;
}

// A run that is to stop gives the program time to end by itself (^C of a terminal reaches it, too).
static void
end_program (Hooks *hooks)
{
  int64_t now = monotonic_ns ();
  if (!hooks->stop_ns)
    hooks->stop_ns = now;
  if (!hooks->terminated && now - hooks->stop_ns > TERM_AFTER) {
    hooks->terminated = true;
    kill (hooks->program.process, SIGTERM);
  }
  if (now - hooks->stop_ns > (int64_t) LONGEST_END * TERM_AFTER)
    kill (hooks->program.process, SIGKILL);
}

// Reads the rings until the program has ended. More often while there is much to read.
static bool
follow (Hooks *hooks)
{
  uint32_t sleep = LEAST_SLEEP;
  int64_t looked = 0;
  for (bool going = true; going;) {
    uint32_t bell = atomic_load (&hooks->program.region->bell);
    MfRingInstant now = instant (hooks);
    bool busy = mf_ring_reader_drain (hooks->reader, now, &going) > 0;
    if (now.ns - looked >= LOOK_EVERY) {
      looked = now.ns;
      if (mf_wait (hooks, -1, (MfDuration) { 0 }) == MF_WAIT_STOP)
        end_program (hooks);
      if (mf_program_has_ended (&hooks->program))
        return true;
      mf_ring_reader_reap (hooks->reader, is_gone);
    }
    sleep = busy ? LEAST_SLEEP : sleep * 2 < MOST_SLEEP ? sleep * 2 : MOST_SLEEP;
    mf_program_sleep (&hooks->program, bell, sleep);
  }
  return false;
}

static void
tell_end (Hooks *hooks, uint32_t others)
{
  uint64_t events = mf_ring_reader_events (hooks->reader);
  uint32_t threads = mf_ring_reader_threads (hooks->reader);
  if (others)
    mf_log (hooks, MF_LOG_WARNING, "%u other %s of the program may go on: what they do from now on is not recorded", others,
        others == 1 ? "process" : "processes");
  if (!threads)
    mf_log (hooks, MF_LOG_WARNING, "the program ended without a recorded call: no Python ran in it%s", hooks->malloc ? ""
        : "; set malloc = yes to record calls of malloc");
  else
    mf_log (hooks, MF_LOG_NOTE, "%" PRIu64 " calls of %u %s recorded, %" PRIu64 " lost; the program ended with status %d",
        events, threads, threads == 1 ? "thread" : "threads", hooks->lost, hooks->program.status);
}

static bool
hooks_collect (void *stage)
{
  Hooks *hooks = stage;
  name_input (hooks);
  if (!launch (hooks))
    return false;
  bool going = follow (hooks);
  atomic_store (&hooks->program.region->detached, 1);
  if (!going)
    return false;
  mf_ring_reader_reap (hooks->reader, is_gone);
  uint32_t others = mf_ring_reader_others (hooks->reader, hooks->program.process);
  mf_ring_reader_finish (hooks->reader, instant (hooks), &going);
  if (mf_run (hooks)->size && MF_HOST_OF (hooks)->size > offsetof (MfHost, program_status))
    mf_program_status (hooks, hooks->program.status);
  tell_end (hooks, others);
  return going;
}

static void
hooks_stop (void *stage)
{
  Hooks *hooks = stage;
  mf_ring_reader_free (hooks->reader);
  hooks->reader = NULL;
  mf_program_clear (&hooks->program);
}

static const char help[] =
  "Starts the command after -- with a small library preloaded that wraps the allocators of CPython (3.8 to 3.13):\n"
  "each request, with its size, its time and the Python functions that led to it. The program keeps its standard\n"
  "input and output and needs no change; its exit status becomes memflow's.\n\n"
  "One logical allocation counts once: what an object asks of malloc below its own domain is not told again. With\n"
  "malloc = yes, the calls of malloc that do not come from Python's allocators are recorded, too, also of programs\n"
  "without a Python.\n\n"
  "A full ring stops the thread that fills it until it has been read, at most for `patience` (full-ring = block),\n"
  "or drops what does not fit (full-ring = drop). Dropped calls are counted exactly.";

MF_PLUGIN (Hooks, "hooks", .kind = MF_COLLECTOR,
  .summary = "each allocation of a Python program, with time and stack",
  .help = help,
  MF_OPTIONS (
    MF_OPTION (Hooks, command, NULL, "the program and its arguments, after --"),
    MF_OPTION (Hooks, ring, "256KiB", "shared memory of each thread; a power of two", .low = 16384, .high = 1 << 28),
    MF_OPTION (Hooks, threads, "256", "most threads that have a ring at one time", .low = 1, .high = 4096),
    MF_CHOICE (Hooks, full_ring, "block", "what a full ring does", "block", "drop"),
    MF_OPTION (Hooks, patience, "10s", "longest time that a full ring stops a thread", .low = 0, .high = 3.6e12),
    MF_OPTION (Hooks, malloc, "no", "record malloc and its family"),
    MF_OPTION (Hooks, stacks, "yes", "record which Python functions led to an allocation"),
    MF_OPTION (Hooks, free_stacks, "no", "and to a free")),
  MF_PUBLISHES (MF_OUTPUT (Hooks, out, MfAlloc)),
  .start = hooks_start, .collect = hooks_collect, .stop = hooks_stop);
