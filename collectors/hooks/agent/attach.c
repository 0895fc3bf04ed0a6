// SPDX-License-Identifier: Apache-2.0
// Recording a program that was running already: memflow has had this library loaded into it and calls memflow_attach in one
// of its threads, whatever that was doing. Allocators are put in front of the interpreter's, and taken away again.
#include "agent.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MF_EXPORT __attribute__ ((visibility ("default")))

// `fd` is a region, and is closed; `process` is how the reader calls this process. Returns one of MF_ATTACH*.
MF_EXPORT long memflow_attach (int fd, int process);

// A domain as it was found, and the way of its calls while they are recorded.
typedef struct { MfDomain found; MfAllocator hooked; } Front;
static Front fronts[MF_N_PYTHON_DOMAINS];
static const MfAllocator front_functions[MF_N_PYTHON_DOMAINS];
static _Atomic bool is_live;
static _Atomic bool is_armed;  // a call under the interpreter's lock has been seen

// ---- threads that have been here: another recording begins only when none of them is in a call of the last one

enum { MOST_LISTED = 4096 };
static _Atomic (MfThread *) listed[MOST_LISTED];

// A thread that finds no place is not waited for, so it is not recorded; nor is one that nearly is over.
static MF_COLD bool
list (MfThread *thread)
{
  if (thread->closings)
    return false;
  for (uint32_t i = 0; i < MOST_LISTED; i++) {
    MfThread *nobody = NULL;
    if (!atomic_compare_exchange_strong (&listed[i], &nobody, thread))
      continue;
    int error = errno;
    pthread_setspecific (mf_agent.at_exit, thread);  // takes it off the list
    errno = error;
    return thread->is_listed = true;
  }
  return false;
}

// A thread ends with its memory: not as long as somebody may be looking at it.
static _Atomic uint32_t lookers;

static void
unlist (MfThread *thread)
{
  for (uint32_t i = 0; thread->is_listed && i < MOST_LISTED; i++)
    if (atomic_load (&listed[i]) == thread) {
      atomic_store (&listed[i], NULL);
      thread->is_listed = false;
    }
  while (atomic_load (&lookers))
    sched_yield ();
}

// The other threads were the parent's.
void
mf_attach_after_fork (void)
{
  for (uint32_t i = 0; i < MOST_LISTED; i++)
    if (atomic_load (&listed[i]) && atomic_load (&listed[i]) != &mf_thread)
      atomic_store (&listed[i], NULL);
}

// Makes all threads see `is_live` as it is from now on, and shows here what they wrote to `busy` before they looked at it.
static void
let_all_see (void)
{
  enum { EXPEDITED = 8, REGISTER = 16 };  // MEMBARRIER_CMD_PRIVATE_EXPEDITED, linux/membarrier.h
  const struct timespec pause = { 0, 1000000 };
#ifdef SYS_membarrier
  if (!syscall (SYS_membarrier, REGISTER, 0) && !syscall (SYS_membarrier, EXPEDITED, 0))
    return;
#endif
  nanosleep (&pause, NULL);  // processors show each other what they have written in much less time
}

static bool
is_somebody_busy (void)
{
  bool busy = false;
  atomic_fetch_add (&lookers, 1);
  for (uint32_t i = 0; i < MOST_LISTED && !busy; i++) {
    MfThread *thread = atomic_load (&listed[i]);
    busy = thread && atomic_load (&thread->busy);
  }
  atomic_fetch_sub (&lookers, 1);
  return busy;
}

// ---- the end of a recording

static bool
has_ended (void)
{
  return atomic_load_explicit (&mf_agent.region->detached, memory_order_relaxed) || mf_stream_reader_died ();
}

static bool
is_front (int domain, const MfAllocator *allocator)
{
  return allocator->malloc == front_functions[domain].malloc;
}

// Nobody will read what a reader that died has left.
static void
give_memory_back (void)
{
  size_t size = mf_ring_region_size (mf_agent.n_slots, mf_agent.ring_size);
  atomic_store (&mf_agent.region->detached, 1);
  madvise ((uint8_t *) mf_agent.region + MF_RING_PAGE, size - MF_RING_PAGE, MADV_REMOVE);
}

// Puts the interpreter's allocators back, in a call that is under its lock: whoever else changes them is, too. If somebody has
// put others in front meanwhile, they stay, and lead through the functions below to the ones that were found.
static MF_COLD void
end_recording (unsigned domain)
{
  bool live = true;
  if (domain == MF_RAW || !atomic_compare_exchange_strong (&is_live, &live, false))
    return;
  int error = errno;
  for (int i = 0; i < MF_N_PYTHON_DOMAINS; i++) {
    MfAllocator now;
    mf_python_get (i, &now);
    if (is_front (i, &now))
      mf_python_set (i, &fronts[i].found.real);
  }
  mf_python_unwatch_code ();
  if (mf_stream_reader_died ())
    give_memory_back ();
  errno = error;
}

// ---- calls
// The context of an allocator is passed on as it is, and stays the one that was found: so each of the five words of an
// allocator may be exchanged by itself while other threads call it, and no mixture of old and new ones is wrong.

// Whether the call that begins is recorded. Calls of the domain RAW are, once another domain was called: until then they may
// come from below a call that began before the recording.
static bool
is_recorded (MfThread *thread, unsigned domain)
{
  if (MF_UNLIKELY (!atomic_load_explicit (&is_live, memory_order_relaxed)))
    return false;
  if (thread->inside)
    return true;
  if (MF_UNLIKELY (has_ended ())) {
    end_recording (domain);
    return false;
  }
  if (MF_UNLIKELY (thread->recording != mf_agent.recording))
    mf_stream_renew (thread);
  if (MF_LIKELY (atomic_load_explicit (&is_armed, memory_order_relaxed)))
    return true;
  if (domain != MF_RAW)
    atomic_store (&is_armed, true);
  return domain != MF_RAW;
}

static MF_HOT void
count_busy (MfThread *thread, int change)
{
  uint32_t busy = atomic_load_explicit (&thread->busy, memory_order_relaxed);
  atomic_store_explicit (&thread->busy, busy + (uint32_t) change, memory_order_relaxed);
  atomic_signal_fence (memory_order_seq_cst);
}

bool
mf_attach_enter (MfThread *thread)
{
  if (!thread->is_listed)
    return true;
  count_busy (thread, 1);
  return atomic_load_explicit (&is_live, memory_order_relaxed);
}

void
mf_attach_leave (MfThread *thread)
{
  if (!thread->is_listed)
    return;
  atomic_signal_fence (memory_order_seq_cst);
  count_busy (thread, -1);
  unlist (thread);
}

// One for twelve callers, as the agent has to be small: a call more is about 1 ns.
static __attribute__ ((noinline)) const MfAllocator *
begin (MfThread *thread, unsigned domain, void **context)
{
  if (MF_UNLIKELY (!thread->is_listed) && !list (thread))
    return &fronts[domain].found.real;
  count_busy (thread, 1);
  if (!is_recorded (thread, domain))
    return &fronts[domain].found.real;
  *context = fronts[domain].hooked.context;
  return &fronts[domain].hooked;
}

static MF_HOT void
end (MfThread *thread)
{
  atomic_signal_fence (memory_order_seq_cst);
  if (MF_LIKELY (thread->is_listed))
    count_busy (thread, -1);
}

static MF_HOT void *
front_malloc (unsigned domain, void *context, size_t size)
{
  const MfAllocator *allocator = begin (&mf_thread, domain, &context);
  void *block = allocator->malloc (context, size);
  end (&mf_thread);
  return block;
}

static MF_HOT void *
front_calloc (unsigned domain, void *context, size_t n, size_t size)
{
  const MfAllocator *allocator = begin (&mf_thread, domain, &context);
  void *block = allocator->calloc (context, n, size);
  end (&mf_thread);
  return block;
}

static MF_HOT void *
front_realloc (unsigned domain, void *context, void *old, size_t size)
{
  const MfAllocator *allocator = begin (&mf_thread, domain, &context);
  void *block = allocator->realloc (context, old, size);
  end (&mf_thread);
  return block;
}

static MF_HOT void
front_free (unsigned domain, void *context, void *block)
{
  const MfAllocator *allocator = begin (&mf_thread, domain, &context);
  allocator->free (context, block);
  end (&mf_thread);
}

#define FRONT(name, domain) \
  static void *name##_malloc (void *context, size_t size) { return front_malloc (domain, context, size); } \
  static void *name##_calloc (void *context, size_t n, size_t size) { return front_calloc (domain, context, n, size); } \
  static void *name##_realloc (void *context, void *old, size_t size) { return front_realloc (domain, context, old, size); } \
  static void name##_free (void *context, void *block) { front_free (domain, context, block); }

FRONT (raw, MF_RAW)
FRONT (mem, MF_MEM)
FRONT (obj, MF_OBJ)

static const MfAllocator front_functions[MF_N_PYTHON_DOMAINS] = {
  [MF_RAW] = { NULL, raw_malloc, raw_calloc, raw_realloc, raw_free },
  [MF_MEM] = { NULL, mem_malloc, mem_calloc, mem_realloc, mem_free },
  [MF_OBJ] = { NULL, obj_malloc, obj_calloc, obj_realloc, obj_free },
};

// ---- the start

void
mf_attach_hook_again (int domain)
{
  fronts[domain].hooked = mf_python_hooked (&fronts[domain].found);
}

static bool
is_same (const MfAllocator *a, const MfAllocator *b)
{
  return !memcmp (a, b, sizeof *a);
}

// Whether a domain can be hooked: not if others have been put in front of what an earlier recording has left.
static bool
can_hook (int domain, const MfAllocator *now)
{
  const MfAllocator *before = &fronts[domain].found.real;
  return !before->malloc || is_front (domain, now) || is_same (before, now);
}

// Installs the fronts without the interpreter's lock, which the exchange of single words allows.
static void
hook (int domain, MfAllocator now)
{
  Front *front = &fronts[domain];
  if (!is_front (domain, &now))
    front->found = (MfDomain) { .domain = (unsigned) domain, .real = now };
  front->found.watched = false;
  front->hooked = mf_python_hooked (&front->found);
  if (is_front (domain, &now))
    return;
  MfAllocator allocator = front_functions[domain];
  allocator.context = now.context;
  mf_python_set (domain, &allocator);
}

static bool
take_region (MfRingRegion *region, int32_t process)
{
  enum { LAST_WORD = sizeof (MfRingRegion) - sizeof (uint32_t) };
  static bool has_fork_handler;
  static size_t size;
  if (region->life_at > LAST_WORD || region->life_at % sizeof (uint32_t) || !mf_agent_set (region, process))
    return false;
  if (!has_fork_handler && pthread_atfork (NULL, NULL, mf_stream_after_fork))
    return false;
  has_fork_handler = true;
  MfRingRegion *old = mf_agent.region;
  mf_agent.life = (const _Atomic uint32_t *) ((const uint8_t *) region + region->life_at);
  mf_agent.region = region;
  if (old)
    mf_own_unmap (old, size);
  size = mf_ring_region_size (mf_agent.n_slots, mf_agent.ring_size);
  mf_agent.forked = mf_agent.foreign = false;
  mf_agent.recording++;
  return true;
}

static long
start_recording (MfRingRegion *region, int32_t process, uint64_t since)
{
  MfAllocator now[MF_N_PYTHON_DOMAINS];
  if (!mf_python_find ())
    return MF_ATTACH_NO_PYTHON;
  if (!mf_python_is_running ())
    return MF_ATTACH_NOT_RUNNING;
  for (int i = 0; i < MF_N_PYTHON_DOMAINS; i++) {
    mf_python_get (i, &now[i]);
    if (!can_hook (i, &now[i]))
      return MF_ATTACH_WRAPPED;
  }
  if (!take_region (region, process))
    return MF_ATTACH_NO_MEMORY;
  atomic_fetch_add (&mf_code_epoch, 1);
  atomic_fetch_add (&mf_modules_epoch, 1);
  mf_python_find ();  // once more: by the options of this recording
  if (mf_agent.options & MF_RING_NATIVE)
    mf_native_start ();
  mf_agent.start_up = mf_clock_ns () - since;
  atomic_store (&is_armed, false);
  for (int i = 0; i < MF_N_PYTHON_DOMAINS; i++)
    hook (i, now[i]);
  mf_python_watch ();
  atomic_store (&is_live, true);
  return MF_ATTACHED;
}

static long
attach (int fd, int32_t process)
{
  uint64_t since = mf_clock_ns ();
  if (mf_agent.region && !has_ended ())
    return MF_ATTACH_RECORDED;
  if (atomic_exchange (&is_live, false))  // no call has seen that the last recording has ended
    let_all_see ();
  if (is_somebody_busy ())
    return MF_ATTACH_UNFINISHED;
  MfRingRegion *region = mf_agent_map (fd);
  if (!region)
    return MF_ATTACH_NO_REGION;
  size_t size = mf_ring_region_size (region->n_slots, region->ring_size);
  long answer = start_recording (region, process, since);
  atomic_store (&region->answer, (uint32_t) answer + 1);
  if (answer != MF_ATTACHED)
    mf_own_unmap (region, size);
  return answer;
}

long
memflow_attach (int fd, int process)
{
  int error = errno;
  long answer = attach (fd, process);
  close (fd);
  errno = error;
  return answer;
}
