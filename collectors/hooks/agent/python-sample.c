// SPDX-License-Identifier: Apache-2.0
// Python's allocators, sampled. A small block that is recorded is asked for as a large one:
// pymalloc gets that from the domain RAW and gives it back there, so that no free of any other
// small block has to be looked at.
#include "agent.h"

// Objects/obmalloc.c of CPython 3.8 to 3.14: what is larger goes to RAW.
enum { SMALL_MOST = 512 };

// ---- allocators of which each call is looked at: the domain RAW, and all that do not lead there

static void *
watched_malloc (void *context, size_t size)
{
  const MfDomain *domain = context;
  MfThread *thread = &mf_thread;
  if (thread->inside) {
    void *inner = domain->real.malloc (domain->real.context, size);
    thread->inner = (uintptr_t) inner;
    return inner;
  }
  thread->inside = true;
  void *block = domain->real.malloc (domain->real.context, size);
  mf_sample_alloc (domain->domain, (uintptr_t) block, size);
  thread->inside = false;
  return block;
}

static size_t
product (size_t n, size_t size)
{
  size_t bytes;
  return __builtin_mul_overflow (n, size, &bytes) ? SIZE_MAX : bytes;
}

static void *
watched_calloc (void *context, size_t n, size_t size)
{
  const MfDomain *domain = context;
  MfThread *thread = &mf_thread;
  if (thread->inside) {
    void *inner = domain->real.calloc (domain->real.context, n, size);
    thread->inner = (uintptr_t) inner;
    return inner;
  }
  thread->inside = true;
  void *block = domain->real.calloc (domain->real.context, n, size);
  mf_sample_alloc (domain->domain, (uintptr_t) block, product (n, size));
  thread->inside = false;
  return block;
}

static void *
watched_realloc (void *context, void *old, size_t size)
{
  const MfDomain *domain = context;
  MfThread *thread = &mf_thread;
  if (thread->inside) {
    void *inner = domain->real.realloc (domain->real.context, old, size);
    thread->inner = (uintptr_t) inner;
    return inner;
  }
  thread->inside = true;
  bool taken = mf_sample_takes (thread, size);
  void *block = domain->real.realloc (domain->real.context, old, size);
  mf_sample_realloc (domain->domain, (uintptr_t) old, (uintptr_t) block, size, taken);
  thread->inside = false;
  return block;
}

static void
watched_free (void *context, void *block)
{
  const MfDomain *domain = context;
  MfThread *thread = &mf_thread;
  if (thread->inside || !block) {
    domain->real.free (domain->real.context, block);
    return;
  }
  thread->inside = true;
  mf_sample_free ((uintptr_t) block);
  domain->real.free (domain->real.context, block);
  thread->inside = false;
}

// ---- pymalloc: only requests are looked at

static size_t
as_large (size_t size)
{
  return size > SMALL_MOST ? size : SMALL_MOST + 1;
}

// Whether the block came from RAW. If not, this is no pymalloc, and its frees have to be looked at
// from now on.
static bool
came_from_raw (MfDomain *domain, const void *block)
{
  if ((uintptr_t) block == mf_thread.inner)
    return true;
  domain->watched = true;
  mf_python_hook_domain ((int) domain->domain);
  return false;
}

static void
record_from_raw (MfDomain *domain, void *block, size_t size)
{
  came_from_raw (domain, block);
  mf_sample_record (domain->domain, (uintptr_t) block, size);
}

static MF_COLD void *
malloc_taken (MfDomain *domain, size_t size)
{
  MfThread *thread = &mf_thread;
  thread->inside = true;
  thread->inner = 0;
  void *block = domain->real.malloc (domain->real.context, as_large (size));
  record_from_raw (domain, block, size);
  thread->inside = false;
  return block;
}

static MF_COLD void *
malloc_large (MfDomain *domain, size_t size)
{
  MfThread *thread = &mf_thread;
  if (mf_sample_takes (thread, size))
    return malloc_taken (domain, size);
  thread->inside = true;
  void *block = domain->real.malloc (domain->real.context, size);
  if (!block)
    mf_sample_record (domain->domain, 0, size);
  thread->inside = false;
  return block;
}

static void *
light_malloc (void *context, size_t size)
{
  MfDomain *domain = context;
  if (MF_UNLIKELY (size > SMALL_MOST))
    return malloc_large (domain, size);
  if (MF_UNLIKELY ((mf_thread.left -= (int64_t) size) < 0) && mf_sample_takes (&mf_thread, 0))
    return malloc_taken (domain, size);
  return domain->real.malloc (domain->real.context, size);
}

static void *
light_calloc (void *context, size_t n, size_t size)
{
  MfDomain *domain = context;
  MfThread *thread = &mf_thread;
  size_t bytes = product (n, size);
  bool taken = mf_sample_takes (thread, bytes);
  if (!taken && bytes <= SMALL_MOST)
    return domain->real.calloc (domain->real.context, n, size);
  thread->inside = true;
  thread->inner = 0;
  void *block = taken && bytes <= SMALL_MOST
                    ? domain->real.calloc (domain->real.context, 1, as_large (bytes))
                    : domain->real.calloc (domain->real.context, n, size);
  if (taken)
    record_from_raw (domain, block, bytes);
  else if (!block)
    mf_sample_record (domain->domain, 0, bytes);
  thread->inside = false;
  return block;
}

static void *
light_realloc (void *context, void *old, size_t size)
{
  MfDomain *domain = context;
  MfThread *thread = &mf_thread;
  if (!old)
    return light_malloc (context, size);
  bool taken = mf_sample_takes (thread, size);
  thread->inside = true;
  thread->inner = 0;
  void *block = domain->real.realloc (domain->real.context, old, taken ? as_large (size) : size);
  if (taken)
    came_from_raw (domain, block);
  mf_sample_realloc (domain->domain, (uintptr_t) old, (uintptr_t) block, size, taken);
  thread->inside = false;
  return block;
}

// ---- choosing

MfDomain *
mf_python_sampled (const MfAllocator *hooked)
{
  bool ours = hooked->malloc == watched_malloc || hooked->malloc == light_malloc;
  return ours ? hooked->context : NULL;
}

// pymalloc takes no notice of its context, so its own free may be called with ours.
void
mf_python_sample (MfDomain *domain, MfAllocator *hooked)
{
  bool light = domain->domain != MF_RAW && !domain->watched && !domain->real.context
               && mf_python_is_own ((const void *) domain->real.free);
  *hooked = light ? (
                MfAllocator){ domain, light_malloc, light_calloc, light_realloc, domain->real.free }
                  : (MfAllocator){ domain, watched_malloc, watched_calloc, watched_realloc,
                      watched_free };
}

// ---- code objects: their frees are not seen, so their type tells

static void **watched_type;
static void (*free_code) (void *object);

static void
code_is_freed (void *object)
{
  mf_code_freed ((uintptr_t) object);
  free_code (object);
}

enum { DEALLOC = 6 }; // tp_dealloc, in words: Include/cpython/object.h

void
mf_python_watch_code (void *(*find) (const char *name))
{
  void **type = find ("PyCode_Type");
  if (!type || !type[DEALLOC] || !mf_python_is_own (type[DEALLOC]))
    return;
  watched_type = type;
  free_code = (void (*) (void *)) type[DEALLOC];
  type[DEALLOC] = (void *) code_is_freed;
}

void
mf_python_unwatch_code (void)
{
  if (free_code && watched_type[DEALLOC] == (void *) code_is_freed)
    watched_type[DEALLOC] = (void *) free_code;
}
