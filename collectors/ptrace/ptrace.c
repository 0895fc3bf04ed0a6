// SPDX-License-Identifier: Apache-2.0
// The collector `ptrace`: looks at a running Python process again and again, and publishes what its threads run and how
// much memory it has.
#include "ptrace.h"

#include <inttypes.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "process-tree.h"
#include "target.h"

enum { CHILDREN_EVERY_NS = 10000000, HAND_ON_NS = 200000000, LONG_NS = 20000000, COARSE_NS = 2000000 };

static MfTarget *
target_at (const Ptrace *self, guint i)
{
  return g_ptr_array_index (self->targets, i);
}

static bool
watch (Ptrace *self, uint32_t pid, bool child)
{
  MfTarget *target = mf_target_new (self, pid, child);
  if (!target)
    return false;
  g_ptr_array_add (self->targets, target);
  self->unannounced |= target->exit_fd < 0;
  if (target->exit_fd >= 0)
    epoll_ctl (self->exits, EPOLL_CTL_ADD, target->exit_fd, &(struct epoll_event) { .events = EPOLLIN });
  return true;
}

static bool
open_core (Ptrace *self)
{
  if (self->pid != UINT32_MAX)
    return mf_fail_option (self, "core", "either a core file or a process, not both");
  MfTarget *target = mf_target_new_core (self, self->core.path, self->core_root.path);
  if (target)
    g_ptr_array_add (self->targets, target);
  return target != NULL;
}

static bool
ptrace_start (void *stage)
{
  Ptrace *self = stage;
  self->exits = epoll_create1 (EPOLL_CLOEXEC);
  self->targets = g_ptr_array_new_with_free_func ((GDestroyNotify) mf_target_free);
  if (self->core.path)
    return open_core (self);
  if (self->pid == UINT32_MAX)
    return mf_fail_option (self, "pid", "no process: give its number (memflow scan lists them), or a core file");
  return mf_live (self) && watch (self, self->pid, false);
}

// ---- children

static bool
is_watched (const Ptrace *self, uint32_t pid)
{
  for (guint i = 0; i < self->targets->len; i++)
    if (target_at (self, i)->pid == pid)
      return true;
  return false;
}

static bool
adopt (void *stage, int32_t process, int32_t parent)
{
  Ptrace *self = stage;
  return is_watched (self, (uint32_t) parent) && !is_watched (self, (uint32_t) process) && process != getpid ()
      && watch (self, (uint32_t) process, true);
}

static void
look_for_children (Ptrace *self, int64_t now_ns)
{
  if (!self->tree || now_ns < self->children_ns)
    return;
  self->children_ns = now_ns + CHILDREN_EVERY_NS;
  mf_process_tree_look (&self->family, adopt, self);
}

// ---- the run

static void
leave_ended (Ptrace *self)
{
  for (guint i = 0; i < self->targets->len;) {
    MfTarget *target = target_at (self, i);
    if (!mf_target_has_ended (target)) {
      i++;
      continue;
    }
    self->seen |= target->samples > 0;
    mf_target_tell_end (target, true);
    g_ptr_array_remove_index (self->targets, i);
  }
}

static bool
look_at_all (Ptrace *self)
{
  self->fading = false;
  look_for_children (self, mf_now (self).ns);
  for (guint i = 0; i < self->targets->len; i++)
    if (!mf_target_look (target_at (self, i)))
      return false;
  return true;
}

static bool
tell_end (Ptrace *self)
{
  for (guint i = 0; i < self->targets->len; i++) {
    self->seen |= target_at (self, i)->samples > 0;
    mf_target_tell_end (target_at (self, i), false);
  }
  if (self->late)
    mf_log (self, MF_LOG_NOTE, "%" PRIu64 " looks were left out, because the one before took too long or came too late", self->late);
  return self->seen || mf_fail_option (self, "pid", "process %u ended before it was seen once", self->pid);
}

// Waits for a moment, or for the end of a process. A wait of the host hands on what was seen, which wakes others, and is as
// exact as a ms: that is for now and then, and for long waits. The end of a process is also seen by the next look.
static MfWait
wait_until (Ptrace *self, int64_t at_ns)
{
  int64_t now = mf_now (self).ns, left = at_ns - now;
  if (now >= self->handed_on_ns + HAND_ON_NS || left >= LONG_NS) {
    self->handed_on_ns = now;
    MfWait ready = mf_wait (self, self->exits, (MfDuration) { left >= LONG_NS ? left - COARSE_NS : 0 });
    if (ready != MF_WAIT_TIMEOUT)
      return ready;
    left = at_ns - mf_now (self).ns;
  }
  const struct timespec rest = { 0, MAX (left, 0) };
  clock_nanosleep (CLOCK_MONOTONIC, 0, &rest, NULL);
  return mf_stopping (self) ? MF_WAIT_STOP : MF_WAIT_TIMEOUT;
}

// Until the time of the next look. False = there is none: the run stops, or nothing is left to look at.
static bool
await_next (Ptrace *self, int64_t at_ns)
{
  MfWait ready;
  do {
    ready = wait_until (self, at_ns);
    if (ready == MF_WAIT_READY || self->unannounced || self->fading)
      leave_ended (self);
  } while (ready == MF_WAIT_READY && self->targets->len);
  return ready == MF_WAIT_TIMEOUT && self->targets->len;
}

// Looks at fixed times; those that would come too late are left out, not made up for.
static bool
ptrace_collect (void *stage)
{
  Ptrace *self = stage;
  if (self->core.path)
    return mf_target_look_at_core (target_at (self, 0));
  int64_t next = mf_now (self).ns;
  prctl (PR_SET_TIMERSLACK, 1000UL);  // of this thread, in ns: wake up when asked to, not when others do
  do {
    if (!look_at_all (self))
      return false;
    int64_t left_out = MAX (mf_now (self).ns - next, 0) / self->interval.ns;
    self->late += (uint64_t) left_out;
    next += (left_out + 1) * self->interval.ns;
  } while (await_next (self, next));
  return tell_end (self);
}

static void
ptrace_stop (void *stage)
{
  Ptrace *self = stage;
  g_clear_pointer (&self->targets, g_ptr_array_unref);
  if (self->exits > 0)
    close (self->exits);
}

// ---- what there is to look at

static bool
ptrace_scan (MfScan *scan)
{
  g_autoptr (GDir) folder = g_dir_open ("/proc", 0, NULL);
  for (const char *name; folder && (name = g_dir_read_name (folder));) {
    MfPythonRuntime runtime = { 0 };
    int32_t id = (int32_t) g_ascii_strtoll (name, NULL, 10);
    g_autoptr (MfProcess) process = id > 0 ? mf_process_open (id, NULL) : NULL;
    if (process && mf_python_runtime_find (process, &runtime, NULL)) {
      g_autofree char *what = g_strdup_printf ("Python %u.%u.%u, %u bit, %s", runtime.version >> 24, runtime.version >> 16 & 0xff,
          runtime.version >> 8 & 0xff, mf_process_word (process) * 8, runtime.told ? "offsets told by itself" : "offsets known");
      scan->found (scan, name, what);
    }
    mf_python_runtime_clear (&runtime);
  }
  return true;
}

static const char help[] =
  "Reads the stacks of all threads of a running CPython (3.8 to 3.14) from outside, and the size of its\n"
  "memory, every `interval`. Nothing is loaded into the process, and with stop = never it is not stopped: a stack\n"
  "that changes while it is read is read again, then told up to the innermost function that was in it all the time, or\n"
  "counted as lost. With stop = brief all threads stand still for some microseconds each time.\n\n"
  "It needs the rights of a debugger: the same user and kernel.yama.ptrace_scope = 0, or CAP_SYS_PTRACE.\n"
  "Without them only the resident set is watched.\n\n"
  "With heap = once or repeatedly it also reads the heap of pymalloc, block by block, by memory reads alone. A pool\n"
  "that changes meanwhile is read again; one that never holds still is counted as inconsistent. c-heap = yes adds\n"
  "the chunks of glibc's heap, for which the process has to stand still while they are copied: how long is told.\n\n"
  "With alive = TYPE or ADDRESS it is told why such objects are alive: the shortest way to them from the modules and\n"
  "the frames of the threads, as an expression. Ways that differ in indices and keys alone are told once. Each is read\n"
  "again before it is told; what is said to be on the stack of a function may be a rest of what it did before. That takes as much memory as the heap, for the time.\n\n"
  "With tree = yes the processes that it has started and starts are looked at, too, and theirs, each as an input of its\n"
  "own, from the look after they began until they end. One that lives shorter than two looks may not be seen. A\n"
  "program that replaces another in the same process starts a new epoch.\n\n"
  "A program for another machine that qemu-user runs is read within the emulator.\n\n"
  "With core = FILE the same is read, once, from a core file of the kernel or of gcore. What such a file leaves out is\n"
  "read from the programs and libraries that it names, if their build-ids are the same; which are missing is told, and\n"
  "core-root says where those of another machine are. Which memory was resident is not in a core file.\n\n"
  "`memflow scan` lists the processes that can be read.";

MF_PLUGIN (Ptrace, "ptrace", .kind = MF_COLLECTOR,
  .summary = "what a running Python process does, and its memory, from outside",
  .help = help,
  MF_OPTIONS (
    MF_OPTION (Ptrace, pid, NULL, "number of the process", .low = 1, .high = 4194304),
    MF_OPTION (Ptrace, core, NULL, "core file that is read instead of a process"),
    MF_OPTION (Ptrace, core_root, NULL,
      "folder that stands for the root of the machine that the core is from; not set = this machine"),
    MF_OPTION (Ptrace, interval, "10ms", "from one look to the next", .low = 1e6, .high = 3.6e12),
    MF_CHOICE (Ptrace, stop, "never", "whether the process stands still while it is read", "never", "brief"),
    MF_CHOICE (Ptrace, heap, "no", "whether the arenas, pools and blocks of pymalloc are read", "no", "once", "repeatedly"),
    MF_OPTION (Ptrace, heap_every, "10s", "how often, with heap = repeatedly", .low = 1e7, .high = 3.6e12),
    MF_OPTION (Ptrace, census, "yes", "with the heap: which objects are in its blocks, and what keeps arenas"),
    MF_OPTION (Ptrace, alive, NULL,
      "with the heap: types (Session, collections.deque) and addresses (0x7f…) of objects of which is asked what keeps them alive; "
      "arenas = all in arenas that are almost empty"),
    MF_OPTION (Ptrace, chains, "10", "most ways that are told for each of them", .low = 1, .high = 10000),
    MF_OPTION (Ptrace, c_heap, "no",
      "with the heap: the chunks of the C library's heap, too; the process stands still while they are copied"),
    MF_OPTION (Ptrace, pss_every, "1s", "how often the proportional set is measured, which costs about 1 ms; 0s = never",
      .low = 0, .high = 3.6e12),
    MF_OPTION (Ptrace, tree, "no", "whether the processes that it starts, and those that these start, are looked at, too")),
  MF_PUBLISHES (
    MF_OUTPUT (Ptrace, out, MfProcessSample),
    MF_OUTPUT (Ptrace, core_threads, MfCoreThread),
    MF_OUTPUT (Ptrace, heaps.regions, MfHeapRegion),
    MF_OUTPUT (Ptrace, heaps.blocks, MfHeapBlock),
    MF_OUTPUT (Ptrace, heaps.snapshots, MfHeapSnapshot),
    MF_OUTPUT (Ptrace, heaps.classes, MfPymallocClassRow),
    MF_OUTPUT (Ptrace, heaps.totals, MfPymallocTotalRow),
    MF_OUTPUT (Ptrace, heaps.census, MfObjectCensus),
    MF_OUTPUT (Ptrace, heaps.arenas, MfPymallocArena),
    MF_OUTPUT (Ptrace, heaps.chains, MfObjectChain),
    MF_OUTPUT (Ptrace, heaps.c_totals, MfGlibcTotalRow),
    MF_OUTPUT (Ptrace, heaps.memory, MfProcessMemory)),
  .start = ptrace_start, .collect = ptrace_collect, .stop = ptrace_stop, .scan = ptrace_scan);
