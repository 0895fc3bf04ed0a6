// SPDX-License-Identifier: Apache-2.0
// The calls that ask the kernel for memory, in front of libc's. What libc itself maps does not come
// by here. Both forms of mmap are stood for: no header may take one for the other.
#undef _FILE_OFFSET_BITS
#include "agent.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

#include "futex.h"
#undef mmap64

#define MF_EXPORT __attribute__ ((visibility ("default")))

static struct {
  void *(*mmap) (void *at, size_t size, int protection, int flags, int fd, off_t offset);
  void *(*mmap64) (void *at, size_t size, int protection, int flags, int fd, int64_t offset);
  int (*munmap) (void *at, size_t size);
  void *(*mremap) (void *at, size_t old_size, size_t size, int flags, ...);
  int (*brk) (void *end);
  void *(*sbrk) (intptr_t by);
} real;

static void
find_real (void)
{
  *(void **) &real.mmap = dlsym (RTLD_NEXT, "mmap");
  *(void **) &real.mmap64 = dlsym (RTLD_NEXT, "mmap64");
  *(void **) &real.mremap = dlsym (RTLD_NEXT, "mremap");
  *(void **) &real.brk = dlsym (RTLD_NEXT, "brk");
  *(void **) &real.sbrk = dlsym (RTLD_NEXT, "sbrk");
  *(void **) &real.munmap = dlsym (RTLD_NEXT, "munmap");
}

// Whether the call that begins is to be recorded; if so, nothing below it is.
static bool
enter (void)
{
  if (!real.munmap)
    find_real ();
  if (!(mf_agent.options & MF_RING_MAPS) || !mf_agent.region || mf_thread.inside)
    return false;
  return mf_thread.inside = true;
}

// ---- order: a call is made and recorded under a lock, so that calls are told as the kernel
// carried them out and only if it did. A call may take as long as its pages need: who has waited
// for it too long goes on without.

enum { FREE, HELD, AWAITED, GLANCE = 100000000, ROOM = 1024 }; // ns; bytes
static const uint64_t patience = 1000000000;
static _Atomic uint32_t order;

static bool
take_order (void)
{
  uint32_t nobody = FREE;
  if (atomic_compare_exchange_strong (&order, &nobody, HELD))
    return true;
  uint64_t since = mf_clock_ns ();
  while (atomic_exchange (&order, AWAITED) != FREE) {
    mf_futex_wait (&order, AWAITED, GLANCE);
    if (mf_clock_ns () - since > patience)
      return false;
  }
  return true;
}

static void
give_order (bool taken)
{
  if (taken && atomic_exchange (&order, FREE) == AWAITED)
    mf_futex_wake (&order);
}

void
mf_maps_after_fork (void)
{
  atomic_store (&order, FREE);
}

// ---- the agent's own memory

void *
mf_own_map (size_t size)
{
  if (!real.munmap)
    find_real ();
  void *pages = real.mmap (
      NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return pages == MAP_FAILED ? NULL : pages;
}

void
mf_own_unmap (void *pages, size_t size)
{
  if (!real.munmap)
    find_real ();
  real.munmap (pages, size);
}

// ---- maps

typedef struct {
  bool taken;
  int error;
} Call;

static Call
begin_call (void)
{
  Call call = { .error = errno };
  if (mf_thread.ring)
    mf_stream_room (
        &mf_thread, ROOM); // who waits for the reader does it before it makes others wait
  call.taken = take_order ();
  errno = call.error;
  return call;
}

// errno is what the real function has left.
static void
end_call (Call call, int error)
{
  give_order (call.taken);
  mf_thread.inside = false;
  errno = error;
}

static void *
record_map (Call call, void *got, size_t size)
{
  int error = errno;
  mf_record_alloc (MF_MAP, got == MAP_FAILED ? 0 : (uintptr_t) got, size);
  end_call (call, error);
  return got;
}

MF_EXPORT void *
mmap (void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
  if (!enter ())
    return real.mmap (at, size, protection, flags, fd, offset);
  Call call = begin_call ();
  return record_map (call, real.mmap (at, size, protection, flags, fd, offset), size);
}

#ifdef __GLIBC__
MF_EXPORT void *
mmap64 (void *at, size_t size, int protection, int flags, int fd, off64_t offset)
{
  if (!enter ())
    return real.mmap64 (at, size, protection, flags, fd, offset);
  Call call = begin_call ();
  return record_map (call, real.mmap64 (at, size, protection, flags, fd, offset), size);
}
#endif

MF_EXPORT int
munmap (void *at, size_t size)
{
  if (!enter ())
    return real.munmap (at, size);
  Call call = begin_call ();
  int failed = real.munmap (at, size), error = errno;
  if (!failed)
    mf_record_unmap (MF_MAP, (uintptr_t) at, size);
  end_call (call, error);
  return failed;
}

// A map that stays where it was, as well: MREMAP_DONTUNMAP, or an old size of 0.
static void
record_remap (uintptr_t old, size_t old_size, void *got, size_t size, int flags)
{
  enum { DONT_UNMAP = 4 };
  bool stays = !old_size || flags & DONT_UNMAP;
  if (stays && got != MAP_FAILED)
    mf_record_alloc (MF_MAP, (uintptr_t) got, size);
  else
    mf_record_remap (MF_MAP, old, old_size, got == MAP_FAILED ? 0 : (uintptr_t) got, size);
}

MF_EXPORT void *
mremap (void *old, size_t old_size, size_t size, int flags, ...)
{
  va_list more;
  va_start (more, flags);
  void *to = flags & MREMAP_FIXED ? va_arg (more, void *) : NULL;
  va_end (more);
  if (!enter ())
    return real.mremap (old, old_size, size, flags, to);
  Call call = begin_call ();
  void *got = real.mremap (old, old_size, size, flags, to);
  int error = errno;
  record_remap ((uintptr_t) old, old_size, got, size, flags);
  end_call (call, error);
  return got;
}

// ---- the break

static void
record_break (uintptr_t before, uintptr_t after)
{
  if (after > before)
    mf_record_alloc (MF_BREAK, before, after - before);
  if (after < before)
    mf_record_unmap (MF_BREAK, after, before - after);
}

MF_EXPORT int
brk (void *end)
{
  if (!enter ())
    return real.brk (end);
  Call call = begin_call ();
  uintptr_t before = (uintptr_t) real.sbrk (0);
  int failed = real.brk (end), error = errno;
  if (!failed)
    record_break (before, (uintptr_t) end);
  else if ((uintptr_t) end > before)
    mf_record_alloc (MF_BREAK, 0, (uintptr_t) end - before);
  end_call (call, error);
  return failed;
}

MF_EXPORT void *
sbrk (intptr_t by)
{
  if (!enter ())
    return real.sbrk (by);
  Call call = begin_call ();
  void *before = real.sbrk (by);
  int error = errno;
  if (before != (void *) -1)
    record_break ((uintptr_t) before, (uintptr_t) before + (uintptr_t) by);
  else if (by > 0)
    mf_record_alloc (MF_BREAK, 0, (uint64_t) by);
  end_call (call, error);
  return before;
}
