// SPDX-License-Identifier: Apache-2.0
// The malloc family, in front of libc's. What the Python domains ask of it is theirs and not recorded again.
#include "agent.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#define MF_EXPORT __attribute__ ((visibility ("default")))

static struct {
  void *(*malloc) (size_t size);
  void *(*calloc) (size_t n, size_t size);
  void *(*realloc) (void *block, size_t size);
  void *(*memalign) (size_t alignment, size_t size);
  void *(*valloc) (size_t size);
  void *(*pvalloc) (size_t size);
  int (*posix_memalign) (void **block, size_t alignment, size_t size);
  void *(*aligned_alloc) (size_t alignment, size_t size);
  void (*free) (void *block);
} real;

// What dlsym itself asks for while it looks for the functions above. Never given back.
static _Alignas (16) char early[4096];
static size_t early_used;

static void *
early_block (size_t size)
{
  size_t from = early_used, bytes = (size + 15) & ~(size_t) 15;
  if (bytes < size || bytes > sizeof early - from)
    return NULL;
  early_used += bytes;
  return early + from;
}

static bool
is_early (const void *block)
{
  return (uintptr_t) block - (uintptr_t) early < sizeof early;
}

static bool
find_real (void)
{
  static bool finding;
  if (finding)
    return false;
  finding = true;
  *(void **) &real.calloc = dlsym (RTLD_NEXT, "calloc");
  *(void **) &real.realloc = dlsym (RTLD_NEXT, "realloc");
  *(void **) &real.memalign = dlsym (RTLD_NEXT, "memalign");
  *(void **) &real.valloc = dlsym (RTLD_NEXT, "valloc");
  *(void **) &real.pvalloc = dlsym (RTLD_NEXT, "pvalloc");
  *(void **) &real.posix_memalign = dlsym (RTLD_NEXT, "posix_memalign");
  *(void **) &real.aligned_alloc = dlsym (RTLD_NEXT, "aligned_alloc");
  *(void **) &real.free = dlsym (RTLD_NEXT, "free");
  *(void **) &real.malloc = dlsym (RTLD_NEXT, "malloc");
  return true;
}

static inline bool
is_ready (void)
{
  return MF_LIKELY (real.malloc != NULL) || find_real ();
}

// Whether the call that begins is to be recorded; if so, nothing below it is.
static inline bool
enter (void)
{
  if (MF_UNLIKELY (mf_python_watching))
    mf_python_hook_again ();
  if (MF_LIKELY (!(mf_agent.options & MF_RING_MALLOC)) || !mf_agent.region || mf_thread.inside)
    return false;
  return mf_thread.inside = true;
}

// Records what the real function has returned. errno is the caller's.
static void *
leave (void *block, size_t size)
{
  int error = errno;
  (mf_agent.sampling ? mf_sample_alloc : mf_tell_alloc) (MF_MALLOC, (uintptr_t) block, size);
  mf_thread.inside = false;
  errno = error;
  return block;
}

static void
record_free (const void *block)
{
  if (mf_agent.sampling)
    mf_sample_free ((uintptr_t) block);
  else
    mf_tell_free (MF_MALLOC, (uintptr_t) block);
}

static void
record_realloc (const void *old, const void *block, size_t size)
{
  if (mf_agent.sampling)
    mf_sample_realloc (MF_MALLOC, (uintptr_t) old, (uintptr_t) block, size, mf_sample_takes (&mf_thread, size));
  else
    mf_tell_realloc (MF_MALLOC, (uintptr_t) old, (uintptr_t) block, size);
}

MF_EXPORT void *
malloc (size_t size)
{
  if (!is_ready ())
    return early_block (size);
  if (MF_LIKELY (!enter ()))
    return real.malloc (size);
  return leave (real.malloc (size), size);
}

MF_EXPORT void *
calloc (size_t n, size_t size)
{
  size_t bytes;
  if (__builtin_mul_overflow (n, size, &bytes))
    bytes = SIZE_MAX;
  if (!is_ready ())
    return early_block (bytes);
  if (MF_LIKELY (!enter ()))
    return real.calloc (n, size);
  return leave (real.calloc (n, size), bytes);
}

MF_EXPORT void
free (void *block)
{
  if (!block || is_early (block) || !is_ready ())
    return;
  if (MF_LIKELY (!enter ())) {
    real.free (block);
    return;
  }
  record_free (block);
  real.free (block);
  mf_thread.inside = false;
}

// C23: the caller says what it asked for. A libc that lacks them is not in the way of a program that has found them here.
MF_EXPORT void free_sized (void *block, size_t size);
MF_EXPORT void free_aligned_sized (void *block, size_t alignment, size_t size);

void
free_sized (void *block, size_t size)
{
  (void) size;
  free (block);
}

void
free_aligned_sized (void *block, size_t alignment, size_t size)
{
  (void) alignment;
  (void) size;
  free (block);
}

static void *
move_early (const void *old, size_t size)
{
  size_t room = (size_t) (early + sizeof early - (const char *) old);
  void *block = malloc (size);
  return block ? memcpy (block, old, size < room ? size : room) : NULL;
}

// realloc (block, 0) is a free of glibc and returns NULL.
MF_EXPORT void *
realloc (void *old, size_t size)
{
  if (!is_ready ())
    return early_block (size);
  if (is_early (old))
    return move_early (old, size);
  if (MF_LIKELY (!enter ()))
    return real.realloc (old, size);
  if (!old)
    return leave (real.realloc (old, size), size);
  void *block = real.realloc (old, size);
  int error = errno;
  if (!block && !size)
    record_free (old);
  else
    record_realloc (old, block, size);
  mf_thread.inside = false;
  errno = error;
  return block;
}

MF_EXPORT void *
reallocarray (void *old, size_t n, size_t size)
{
  size_t bytes;
  if (!__builtin_mul_overflow (n, size, &bytes))
    return realloc (old, bytes);
  errno = ENOMEM;
  return NULL;
}

MF_EXPORT int
posix_memalign (void **block, size_t alignment, size_t size)
{
  if (!is_ready ())
    return ENOMEM;
  if (MF_LIKELY (!enter ()))
    return real.posix_memalign (block, alignment, size);
  void *got = NULL;
  int error = real.posix_memalign (&got, alignment, size);
  leave (got, size);
  if (!error)
    *block = got;
  return error;
}

MF_EXPORT void *
aligned_alloc (size_t alignment, size_t size)
{
  if (!is_ready ())
    return NULL;
  return enter () ? leave (real.aligned_alloc (alignment, size), size) : real.aligned_alloc (alignment, size);
}

MF_EXPORT void *
memalign (size_t alignment, size_t size)
{
  if (!is_ready ())
    return NULL;
  return enter () ? leave (real.memalign (alignment, size), size) : real.memalign (alignment, size);
}

MF_EXPORT void *
valloc (size_t size)
{
  if (!is_ready ())
    return NULL;
  return enter () ? leave (real.valloc (size), size) : real.valloc (size);
}

MF_EXPORT void *
pvalloc (size_t size)
{
  if (!is_ready ())
    return NULL;
  return enter () ? leave (real.pvalloc (size), size) : real.pvalloc (size);
}
