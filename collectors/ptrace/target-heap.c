// SPDX-License-Identifier: Apache-2.0
// The heaps of one process: of each interpreter, and of the C library.
#include "target.h"

#include <inttypes.h>

#include "standstill.h"

enum { MOST_TRIES = 4 };  // for the C heap

// A heap of an interpreter, and what lives in it.
typedef struct {
  char *name;
  MfPymallocHeap heap;
  MfCensus census;
  bool counted;
  GPtrArray *alive;  // of GArray of MfAliveRow
  MfTime time;
  MfDuration took;
} Walked;

// All of one moment: read first, published when all is read, for that may have to wait.
typedef struct {
  MfTarget *target;
  GArray *walked;  // of Walked
  MfGlibcHeap glibc;
  MfTime c_time;
  MfDuration c_stopped;
  bool c_read;
  MfMemoryMap map;
} Moment;

static void
clear_walked (void *pointer)
{
  Walked *walked = pointer;
  mf_pymalloc_heap_clear (&walked->heap);
  if (walked->counted)
    mf_census_clear (&walked->census);
  g_clear_pointer (&walked->alive, g_ptr_array_unref);
  g_free (walked->name);
}

// ---- reading

static MfRemoteTypes *
types_of (MfTarget *target)
{
  if (!target->types)
    target->types = mf_remote_types_new (target->process, &target->runtime.offsets);
  return target->types;
}

static void
take_census (MfTarget *target, Walked *walked)
{
  mf_census_take (target->process, &target->runtime, &walked->heap, types_of (target), &walked->census);
  walked->counted = true;
  if (walked->census.unread_pools)
    mf_log (target->ptrace, MF_LOG_WARNING, "%" PRIu64 " pools went away before their objects could be counted",
        walked->census.unread_pools);
}

static void
tell_graph (const MfTarget *target, const MfObjectGraph *graph)
{
  if (!graph->modules)
    mf_log (target->ptrace, MF_LOG_WARNING, "the dict of the modules was not found: what only modules keep alive is told as of no way");
  if (graph->full)
    mf_log (target->ptrace, MF_LOG_WARNING, "there are more than %u objects: the ways to those that are far from the roots are not known",
        MF_MOST_NODES);
}

static void
ask_why_alive (MfTarget *target, Walked *walked)
{
  const Ptrace *ptrace = target->ptrace;
  MfGraphMemory *memory = mf_graph_memory_new (target->process, &target->runtime, &walked->heap, types_of (target));
  MfObjectGraph graph;
  mf_object_graph_take (&graph, memory, target->process, &target->runtime, &walked->heap);
  tell_graph (target, &graph);
  walked->alive = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
  for (uint32_t i = 0; i < ptrace->alive.n; i++) {
    uint32_t ways;
    GArray *rows = mf_alive_rows (&graph, &walked->heap, ptrace->alive.items[i], ptrace->chains, &ways);
    if (!rows->len)
      mf_log (ptrace, MF_LOG_WARNING, "there is no object '%s' in %s", ptrace->alive.items[i], walked->name);
    if (ways > ptrace->chains)
      mf_log (ptrace, MF_LOG_NOTE, "%u of %u ways to '%s' are told; chains = %u tells all", ptrace->chains, ways, ptrace->alive.items[i],
          ways);
    g_ptr_array_add (walked->alive, rows);
  }
  mf_object_graph_clear (&graph);
  mf_graph_memory_free (memory);
}

static void
walk_heap (Moment *moment, uint64_t interpreter, uint32_t number)
{
  MfTarget *target = moment->target;
  g_autoptr (GError) error = NULL;
  MfArenaVector vector;
  Walked walked = { .time = mf_now (target->ptrace) };
  if (!mf_pymalloc_find (target->process, &target->runtime, interpreter, &vector, &error)
      || !mf_pymalloc_walk (target->process, &target->runtime, &vector, &walked.heap, &error)) {
    mf_log (target->ptrace, MF_LOG_WARNING, "%s", error->message);
    mf_pymalloc_heap_clear (&walked.heap);
    return;
  }
  walked.name = number ? g_strdup_printf ("pymalloc of interpreter %u", number) : g_strdup ("pymalloc");
  if (walked.heap.front)
    mf_log (target->ptrace, MF_LOG_NOTE, "%s of process %u is in debug mode (PYTHONMALLOC=debug, -X dev): each block is %u bytes larger",
        walked.name, target->pid, 3 * mf_process_word (target->process));
  if (walked.heap.inconsistent && !mf_process_is_live (target->process))
    mf_log (target->ptrace, MF_LOG_WARNING, "%u of %u pools of %s are not whole in the core: the figures lack what is in them",
        walked.heap.inconsistent, walked.heap.pools->len, walked.name);
  walked.took.ns = mf_now (target->ptrace).ns - walked.time.ns;
  g_array_append_val (moment->walked, walked);
}

// Of each interpreter that has arenas of its own: all have since 3.12.
static void
walk_python_heaps (Moment *moment)
{
  const MfTarget *target = moment->target;
  const MfPythonOffsets *offsets = &target->runtime.offsets;
  uint64_t interpreter = 0;
  for (uint32_t i = 0; (interpreter = mf_python_next_interpreter (target->process, &target->runtime, interpreter)); i++) {
    uint64_t number = 0;
    mf_process_number (target->process, interpreter + (uint64_t) offsets->interpreter_id, 4, &number);
    walk_heap (moment, interpreter, (uint32_t) number);
    if (offsets->obmalloc < 0)
      return;
  }
}

// The process stands still only for the copy; which memory is resident is read at the same time. False = the error says why.
static bool
copy_c_heap (Moment *moment, GError **error)
{
  const MfTarget *target = moment->target;
  MfGlibcPlace place;
  bool live = mf_process_is_live (target->process);
  if (!mf_glibc_find (target->process, &place, error))
    return false;
  MfStandstill *standstill = live ? mf_standstill_begin (target->process, error) : NULL;
  bool copied = (standstill || !live) && mf_glibc_copy (target->process, &place, &moment->glibc, error);
  if (copied && live)
    mf_memory_map_read (target->process, &moment->map, NULL);
  moment->c_stopped.ns = standstill ? mf_standstill_end (standstill) : 0;
  return copied && mf_glibc_read (target->process, &place, &moment->glibc, error);
}

// A thread that is stopped within malloc leaves its arena halfway, and a heap that grows while its records are searched does not fit
// them: a moment later it has come out.
static void
read_c_heap (Moment *moment)
{
  g_autoptr (GError) error = NULL;
  moment->c_time = mf_now (moment->target->ptrace);
  for (int i = 0; i < MOST_TRIES && !moment->c_read; i++) {
    g_clear_error (&error);
    mf_memory_map_clear (&moment->map);
    mf_glibc_heap_clear (&moment->glibc);
    moment->c_read = copy_c_heap (moment, &error);
    if (!moment->c_read && (error->domain != MF_GLIBC_ERROR || !mf_process_is_live (moment->target->process)))
      break;
  }
  if (!moment->c_read)
    mf_log (moment->target->ptrace, MF_LOG_WARNING, "%s", error->message);
}

// What of its memory was resident is not in a core.
static void
read_map (Moment *moment)
{
  g_autoptr (GError) error = NULL;
  if (mf_process_is_live (moment->target->process) && !moment->map.mappings && !mf_memory_map_read (moment->target->process, &moment->map, &error))
    mf_log (moment->target->ptrace, MF_LOG_WARNING, "%s", error->message);
}

static void
divide_memory (Moment *moment, MfMemoryDivision *division)
{
  mf_memory_division_init (division, moment->target->process, &moment->map);
  for (guint i = 0; i < moment->walked->len; i++)
    mf_memory_division_pymalloc (division, &g_array_index (moment->walked, Walked, i).heap);
  mf_memory_division_rest (division, moment->c_read ? &moment->glibc : NULL);
}

// ---- publishing

static bool
publish_walked (Ptrace *ptrace, const Walked *walked)
{
  const MfHeapMoment moment = { walked->name, ++ptrace->snapshots, walked->time, walked->took };
  if (!mf_publish_pymalloc (&ptrace->stage, &ptrace->heaps, &walked->heap, &moment)
      || (walked->counted && !mf_publish_census (&ptrace->stage, &ptrace->heaps, &walked->heap, &walked->census, &moment)))
    return false;
  for (guint i = 0; walked->alive && i < walked->alive->len; i++)
    if (!mf_publish_alive (&ptrace->stage, &ptrace->heaps, g_ptr_array_index (walked->alive, i), &moment))
      return false;
  return true;
}

static bool
publish (const Moment *moment, const MfMemoryDivision *division)
{
  Ptrace *ptrace = moment->target->ptrace;
  for (guint i = 0; i < moment->walked->len; i++)
    if (!publish_walked (ptrace, &g_array_index (moment->walked, Walked, i)))
      return false;
  const MfHeapMoment c_moment = { "C heap", ptrace->snapshots + 1, moment->c_time, moment->c_stopped };
  ptrace->snapshots += moment->c_read;
  return (!moment->c_read || mf_publish_glibc (&ptrace->stage, &ptrace->heaps, &moment->glibc, &c_moment))
      && (!moment->map.mappings
          || mf_publish_memory (&ptrace->stage, &ptrace->heaps, division, moment->target->moments + 1, moment->c_time));
}

// The sooner the map is read behind the arenas, the better they fit. The census takes longest.
static bool
take_all (MfTarget *target)
{
  Moment moment = { .target = target, .walked = g_array_new (FALSE, FALSE, sizeof (Walked)), .c_time = mf_now (target->ptrace) };
  MfMemoryDivision division = { 0 };
  g_array_set_clear_func (moment.walked, clear_walked);
  if (target->stacks)
    walk_python_heaps (&moment);
  if (target->ptrace->c_heap)
    read_c_heap (&moment);
  read_map (&moment);
  if (moment.map.mappings)
    divide_memory (&moment, &division);
  for (guint i = 0; target->ptrace->census && i < moment.walked->len; i++)
    take_census (target, &g_array_index (moment.walked, Walked, i));
  for (guint i = 0; target->ptrace->alive.n && i < moment.walked->len; i++)
    ask_why_alive (target, &g_array_index (moment.walked, Walked, i));
  bool going = mf_target_has_left_program (target) || publish (&moment, &division);
  target->moments += moment.walked->len || moment.c_read;
  mf_memory_division_clear (&division);
  mf_memory_map_clear (&moment.map);
  mf_glibc_heap_clear (&moment.glibc);
  g_array_unref (moment.walked);
  return going;
}

// What takes long must not leave no time for looks: at least as long as it took passes until the next.
bool
mf_target_take_heaps (MfTarget *target, int64_t now_ns)
{
  Ptrace *ptrace = target->ptrace;
  if (ptrace->heap == HEAP_NO || !target->readable || (!target->stacks && !target->no_python) || now_ns < target->heap_ns)
    return true;
  bool going = take_all (target);
  int64_t end_ns = mf_now (ptrace).ns;
  target->heap_ns = ptrace->heap == HEAP_ONCE ? INT64_MAX : MAX (now_ns + ptrace->heap_every.ns, end_ns + (end_ns - now_ns));
  return going;
}
