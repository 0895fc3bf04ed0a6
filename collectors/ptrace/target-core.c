// SPDX-License-Identifier: Apache-2.0
// A core file as a target: one look, at everything. It has no resident set and no clocks.
#include "core-process.h"
#include "target.h"

// ---- opening

static void
tell_of_core (MfTarget *target, const MfCoreSummary *summary, const char *path)
{
  const char *program = *summary->program ? summary->program : "name not told";
  g_autofree char *end = summary->signal ? g_strdup_printf ("ended by signal %d (%s)", summary->signal, g_strsignal (summary->signal))
                                         : g_strdup ("dumped while it ran");
  g_autofree char *input = g_strdup_printf ("core of process %u: %s", target->pid, program);
  target->input = mf_string (target->ptrace, input);
  mf_log (target->ptrace, MF_LOG_NOTE, "%s: process %u, %s, %u threads, %u bits, %s", path, target->pid, program, summary->threads,
      mf_process_word (target->process) * 8, end);
  for (guint i = 0; i < summary->remarks->len; i++)
    mf_log (target->ptrace, MF_LOG_WARNING, "%s", (const char *) g_ptr_array_index (summary->remarks, i));
}

MfTarget *
mf_target_new_core (Ptrace *ptrace, const char *path, const char *root)
{
  g_autoptr (GError) error = NULL;
  MfCoreSummary summary;
  MfTarget *target = g_new0 (MfTarget, 1);
  *target = (MfTarget) { .ptrace = ptrace, .exit_fd = -1, .sizes_fd = -1, .memory_fd = -1, .readable = true };
  target->process = mf_process_open_core (path, root, &summary, &error);
  if (target->process) {
    target->pid = (uint32_t) mf_process_id (target->process);
    target->signal = summary.signal;
    target->first_thread = summary.first_thread;
    tell_of_core (target, &summary, path);
  } else {
    mf_fail_option (ptrace, "core", "%s", error->message);
    g_clear_pointer (&target, mf_target_free);
  }
  mf_core_summary_clear (&summary);
  return target;
}

// ---- the look

static const MfThreadStack *
stack_of (const GArray *stacks, int32_t thread)
{
  for (guint i = 0; stacks && i < stacks->len; i++)
    if (g_array_index (stacks, MfThreadStack, i).thread == (uint64_t) thread)
      return &g_array_index (stacks, MfThreadStack, i);
  return NULL;
}

static bool
publish_thread (MfTarget *target, int32_t thread, const MfThreadStack *stack)
{
  const MfCoreThread row = { .stack = stack && !stack->torn ? stack->stack : (MfStack) { 0 }, .thread = (uint32_t) thread,
    .signal = thread && thread == target->first_thread ? (uint32_t) target->signal : 0,
    .interpreter = stack ? stack->interpreter : 0, .functions = stack && !stack->torn ? stack->frames : 0,
    .state = !stack ? MF_CORE_THREAD_NO_PYTHON : stack->torn ? MF_CORE_THREAD_UNREADABLE
        : stack->frames ? MF_CORE_THREAD_PYTHON : MF_CORE_THREAD_NO_FUNCTION };
  return mf_emit (&target->ptrace->core_threads, &row);
}

// All threads of the dump, then those of Python whose number is not among them.
static bool
publish_threads (MfTarget *target, const GArray *stacks)
{
  g_autoptr (GArray) threads = mf_process_threads (target->process);
  g_autoptr (GHashTable) told = g_hash_table_new (NULL, NULL);
  for (guint i = 0; i < threads->len; i++) {
    int32_t thread = g_array_index (threads, int32_t, i);
    g_hash_table_add (told, GINT_TO_POINTER (thread));
    if (!publish_thread (target, thread, stack_of (stacks, thread)))
      return false;
  }
  for (guint i = 0; stacks && i < stacks->len; i++) {
    const MfThreadStack *stack = &g_array_index (stacks, MfThreadStack, i);
    if (!g_hash_table_contains (told, GINT_TO_POINTER ((int32_t) stack->thread))
        && !publish_thread (target, (int32_t) stack->thread, stack))
      return false;
  }
  return true;
}

bool
mf_target_look_at_core (MfTarget *target)
{
  MfTime now = mf_now (target->ptrace);
  mf_context (target->ptrace, target->input, target->epoch);
  mf_target_look_for_python (target, now.ns);
  if (!mf_target_take_heaps (target, now.ns))
    return false;
  const GArray *stacks = target->stacks ? mf_stack_reader_take (target->stacks, now.ns) : NULL;
  for (guint i = 0; stacks && i < stacks->len; i++)
    if (!mf_target_publish (target, &g_array_index (stacks, MfThreadStack, i), now, MF_SIZE_NONE, MF_SIZE_NONE))
      return false;
  if (!publish_threads (target, stacks) || !mf_flush (target->ptrace))
    return false;
  return stacks || target->moments || mf_fail_option (target->ptrace, "core", "neither stacks nor heaps can be read from it");
}
