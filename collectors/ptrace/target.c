// SPDX-License-Identifier: Apache-2.0
// Looks at one process. A child that cannot be read is watched like the process that was asked for, with less ado.
#include "target.h"

#include <inttypes.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "standstill.h"

enum { FIRST_PAUSE_NS = 20000000, PROGRAM_EVERY_NS = 50000000 };
static const int64_t longest_pause_ns = 5000000000;

// ---- finding the Python

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

static void
add_counts (MfStackCounts *to, MfStackCounts counts)
{
  to->stacks += counts.stacks;
  to->retried += counts.retried;
  to->shortened += counts.shortened;
  to->torn += counts.torn;
}

static void
forget_python (MfTarget *target)
{
  if (target->stacks)
    add_counts (&target->counts, mf_stack_reader_counts (target->stacks));
  g_clear_pointer (&target->stacks, mf_stack_reader_free);
  g_clear_pointer (&target->types, mf_remote_types_free);
  mf_python_runtime_clear (&target->runtime);
}

// Many a child of a Python is none.
static void
tell_once (MfTarget *target, const char *why)
{
  if (g_strcmp0 (target->no_python, why) == 0)
    return;
  g_free (target->no_python);
  target->no_python = g_strdup (why);
  mf_log (target->ptrace, target->child ? MF_LOG_NOTE : MF_LOG_WARNING, "%s: only its memory is %s", why,
      mf_process_is_live (target->process) ? "watched" : "read");
}

// A process without a Python that can be read is watched all the same: its memory is known. There may be one later.
void
mf_target_look_for_python (MfTarget *target, int64_t now_ns)
{
  const MfStackNames names = { target->ptrace, intern, intern_stack };
  g_autoptr (GError) error = NULL;
  forget_python (target);
  target->pause_ns = CLAMP (target->pause_ns * 2, FIRST_PAUSE_NS, longest_pause_ns);
  target->search_ns = now_ns + target->pause_ns;
  if (!target->readable)
    return;
  if (mf_python_runtime_find (target->process, &target->runtime, &error))
    target->stacks = mf_stack_reader_new (target->process, &target->runtime, &names);
  else if (!g_error_matches (error, MF_PYTHON_ERROR, MF_PYTHON_ERROR_NOT_READY) || !mf_process_is_live (target->process))
    tell_once (target, error->message);
}

static void
name_input (MfTarget *target)
{
  g_autofree char *path = g_strdup_printf ("/proc/%u/comm", target->pid), *name = NULL;
  g_file_get_contents (path, &name, NULL, NULL);
  g_autofree char *input = g_strdup_printf ("process %u: %s", target->pid, name ? g_strchomp (name) : "?");
  target->input = mf_string (target->ptrace, input);
}

// ---- its life

// Only the process that was asked for has to be there.
static bool
refuse (const MfTarget *target, const char *why)
{
  return !target->child && mf_fail_option (target->ptrace, "pid", "%s", why);
}

static void
open_program (MfTarget *target)
{
  target->clocks = mf_thread_clocks_new (target->process);
  target->memory_fd = target->readable ? mf_process_open_memory (target->process, &target->memory_at) : -1;
  target->program_left = false;
}

static void
close_program (MfTarget *target)
{
  g_clear_pointer (&target->clocks, mf_thread_clocks_free);
  g_clear_pointer (&target->process, mf_process_close);
  if (target->memory_fd >= 0)
    close (target->memory_fd);
  target->memory_fd = -1;
}

static bool
open_process (MfTarget *target)
{
  g_autoptr (GError) error = NULL;
  target->process = mf_process_open ((int32_t) target->pid, &error);
  target->readable = target->process != NULL;
  if (target->readable)
    return true;
  if (!g_error_matches (error, MF_PROCESS_ERROR, MF_PROCESS_ERROR_FORBIDDEN))
    return refuse (target, error->message);
  mf_log (target->ptrace, MF_LOG_WARNING, "%s: only the size of its resident set is watched", error->message);
  g_clear_error (&error);
  target->process = mf_process_watch ((int32_t) target->pid, &error);
  return target->process || refuse (target, error->message);
}

MfTarget *
mf_target_new (Ptrace *ptrace, uint32_t pid, bool child)
{
  MfTarget *target = g_new0 (MfTarget, 1);
  *target = (MfTarget) { .ptrace = ptrace, .pid = pid, .child = child, .exit_fd = -1, .sizes_fd = -1, .memory_fd = -1 };
  if (!open_process (target)) {
    mf_target_free (target);
    return NULL;
  }
  target->exit_fd = (int) syscall (SYS_pidfd_open, pid, 0U);
  target->sizes_fd = mf_process_open_sizes (target->process);
  open_program (target);
  target->birth = mf_process_birth (target->process);
  target->program = mf_process_program (target->process);
  name_input (target);
  return target;
}

void
mf_target_free (MfTarget *target)
{
  forget_python (target);
  close_program (target);
  g_free (target->no_python);
  if (target->exit_fd >= 0)
    close (target->exit_fd);
  if (target->sizes_fd >= 0)
    close (target->sizes_fd);
  g_free (target);
}

// A process that nobody has waited for yet is still listed.
bool
mf_target_has_ended (const MfTarget *target)
{
  struct pollfd ended = { .fd = target->exit_fd, .events = POLLIN };
  if (target->exit_fd >= 0)
    return poll (&ended, 1, 0) > 0;
  uint64_t birth = mf_process_birth (target->process);
  return !birth || birth != target->birth;
}

void
mf_target_tell_end (MfTarget *target, bool ended)
{
  forget_python (target);
  const MfStackCounts counts = target->counts;
  mf_log (target->ptrace, MF_LOG_NOTE, "%" PRIu64 " looks at process %u%s; %" PRIu64 " stacks, of which %" PRIu64
      " changed while they were read: %" PRIu64 " of these are told up to the function that held still, and %" PRIu64
      " could not be read", target->samples, target->pid, ended ? ", which has ended" : "", counts.stacks, counts.retried, counts.shortened, counts.torn);
  if (target->ptrace->stop == BRIEF)
    mf_log (target->ptrace, MF_LOG_NOTE, "process %u stood still for at most %" PRId64 " us", target->pid,
        target->longest_stop_ns / 1000);
}

// ---- a look

bool
mf_target_publish (MfTarget *target, const MfThreadStack *thread, MfTime now, MfSize rss, MfSize pss)
{
  const MfProcessSample row = { .time = now, .stack = thread ? thread->stack : (MfStack) { 0 },
    .thread = thread ? (uint32_t) thread->thread : 0, .rss = rss, .pss = pss,
    .cpu = { thread && target->clocks ? mf_thread_clock (target->clocks, thread->thread, thread->stack.id, now.ns) : -1 } };
  if (thread && thread->torn) {
    mf_lost (target->ptrace, MfProcessSample_type.name, 1, MF_LOST_DAMAGED);
    return true;
  }
  return mf_emit (&target->ptrace->out, &row);
}

static MfSize
pss_now (MfTarget *target, int64_t now_ns)
{
  int64_t every_ns = target->ptrace->pss_every.ns;
  if (!target->readable || !every_ns || (target->pss && now_ns - target->pss_ns < every_ns))
    return target->pss && target->pss_ns == now_ns ? (MfSize) { target->pss } : MF_SIZE_NONE;
  target->pss_ns = now_ns;
  return mf_process_pss (target->process, &target->pss) ? (MfSize) { target->pss } : MF_SIZE_NONE;
}

// NULL = it runs on: that was wanted, or is said once.
static MfStandstill *
stand_still (MfTarget *target)
{
  g_autoptr (GError) error = NULL;
  MfStandstill *standstill = target->ptrace->stop == BRIEF ? mf_standstill_begin (target->process, &error) : NULL;
  if (error && !target->runs_on && !g_error_matches (error, MF_PROCESS_ERROR, MF_PROCESS_ERROR_GONE)) {
    target->runs_on = true;
    mf_log (target->ptrace, MF_LOG_WARNING, "%s: its stacks are read while it runs", error->message);
  }
  return standstill;
}

static const GArray *
take_stacks (MfTarget *target, int64_t now_ns)
{
  if (!target->stacks)
    return NULL;
  MfStandstill *standstill = stand_still (target);
  const GArray *stacks = mf_stack_reader_take (target->stacks, now_ns);
  int64_t stood_ns = standstill ? mf_standstill_end (standstill) : 0;
  target->longest_stop_ns = MAX (target->longest_stop_ns, stood_ns);
  return stacks;
}

// The next program may have another width of pointers, or may not be for us. While it is just beginning nothing may be mapped yet.
static bool
reopen (MfTarget *target, bool patient)
{
  g_autoptr (GError) error = NULL;
  MfProcess *process = mf_process_open ((int32_t) target->pid, &error);
  if (!process && patient && !g_error_matches (error, MF_PROCESS_ERROR, MF_PROCESS_ERROR_FORBIDDEN))
    return false;
  close_program (target);
  target->readable = process != NULL;
  target->process = process ? process : mf_process_watch ((int32_t) target->pid, NULL);
  open_program (target);
  return true;
}

bool
mf_target_has_left_program (MfTarget *target)
{
  return target->program_left = target->program_left || mf_process_memory_has_gone (target->memory_fd, target->memory_at);
}

// Without a descriptor of its memory it is asked for now and then even while all can be read: it may be the same interpreter again,
// whose addresses may be the same.
static bool
runs_another (MfTarget *target, int64_t now_ns)
{
  if (target->memory_fd >= 0 ? !target->program_left : target->stacks && now_ns < target->program_ns)
    return false;
  uint64_t program = mf_process_program (target->process);
  bool another = program && (target->memory_fd >= 0 || program != target->program);
  target->program_ns = now_ns + PROGRAM_EVERY_NS;
  target->program = program ? program : target->program;
  target->left_ns = another && !target->left_ns ? now_ns : target->left_ns;
  return another;
}

// Another program in the same process starts a new epoch.
static void
notice_program (MfTarget *target, int64_t now_ns)
{
  if (!runs_another (target, now_ns))
    return;
  forget_python (target);
  if (!reopen (target, now_ns - target->left_ns < PROGRAM_EVERY_NS))
    return;
  target->epoch++;
  target->pause_ns = target->search_ns = target->heap_ns = target->left_ns = 0;
  name_input (target);
}

// What is read of a file's mapping for the first time becomes resident by that: some hundred KiB when a heap is searched for. So
// heaps come first.
bool
mf_target_look (MfTarget *target)
{
  int64_t begin_ns = mf_now (target->ptrace).ns;
  uint64_t rss;
  notice_program (target, begin_ns);
  mf_context (target->ptrace, target->input, target->epoch);
  if (!target->stacks && begin_ns >= target->search_ns)
    mf_target_look_for_python (target, begin_ns);
  if (!mf_target_take_heaps (target, begin_ns))
    return false;
  MfTime now = mf_now (target->ptrace);
  const GArray *stacks = take_stacks (target, now.ns);
  if (!mf_process_rss_of (target->sizes_fd, &rss) || !rss) {  // it has no memory any more
    target->ptrace->fading = true;
    return true;
  }
  if (mf_target_has_left_program (target))
    return true;
  MfSize pss = pss_now (target, now.ns);
  target->samples++;
  if (!stacks) {
    forget_python (target);
    return mf_target_publish (target, NULL, now, (MfSize) { rss }, pss);
  }
  for (guint i = 0; i < stacks->len; i++)
    if (!mf_target_publish (target, &g_array_index (stacks, MfThreadStack, i), now, (MfSize) { rss }, i ? MF_SIZE_NONE : pss))
      return false;
  return true;
}
