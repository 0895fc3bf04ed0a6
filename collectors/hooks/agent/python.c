// SPDX-License-Identifier: Apache-2.0
// The three allocator domains of CPython, wrapped through PyMem_SetAllocator (CPython 3.8 to 3.14,
// Include/cpython/pymem.h). One logical allocation counts once: what happens below a hook is not recorded.
#include "agent.h"

#include <dlfcn.h>
#include <stdlib.h>

// What was wrapped, once for each allocator that was found: while it starts, CPython takes a wrapped one out,
// puts it back later, and expects it to lead to the same real one.
enum { MOST_WRAPPED = 32 };
static MfDomain wrapped[MOST_WRAPPED];
static unsigned n_wrapped;
static void (*get_allocator) (int domain, MfAllocator *allocator);
static void (*set_allocator) (int domain, MfAllocator *allocator);
static int (*is_initialized) (void);
bool mf_python_watching;

// ---- the hooks

static void *
hook_malloc (void *context, size_t size)
{
  const MfDomain *domain = context;
  MfThread *thread = &mf_thread;
  if (thread->inside)
    return domain->real.malloc (domain->real.context, size);
  thread->inside = true;
  void *block = domain->real.malloc (domain->real.context, size);
  mf_tell_alloc (domain->domain, (uintptr_t) block, size);
  thread->inside = false;
  return block;
}

static void *
hook_calloc (void *context, size_t n, size_t size)
{
  const MfDomain *domain = context;
  MfThread *thread = &mf_thread;
  if (thread->inside)
    return domain->real.calloc (domain->real.context, n, size);
  thread->inside = true;
  void *block = domain->real.calloc (domain->real.context, n, size);
  size_t bytes;
  if (__builtin_mul_overflow (n, size, &bytes))
    bytes = SIZE_MAX;
  mf_tell_alloc (domain->domain, (uintptr_t) block, bytes);
  thread->inside = false;
  return block;
}

static void *
hook_realloc (void *context, void *old, size_t size)
{
  const MfDomain *domain = context;
  MfThread *thread = &mf_thread;
  if (thread->inside)
    return domain->real.realloc (domain->real.context, old, size);
  thread->inside = true;
  void *block = domain->real.realloc (domain->real.context, old, size);
  if (old)
    mf_tell_realloc (domain->domain, (uintptr_t) old, (uintptr_t) block, size);
  else
    mf_tell_alloc (domain->domain, (uintptr_t) block, size);
  thread->inside = false;
  return block;
}

static void
hook_free (void *context, void *block)
{
  const MfDomain *domain = context;
  MfThread *thread = &mf_thread;
  if (thread->inside || !block) {
    domain->real.free (domain->real.context, block);
    return;
  }
  thread->inside = true;
  mf_tell_free (domain->domain, (uintptr_t) block);
  if (domain->domain == MF_OBJ)
    mf_code_freed ((uintptr_t) block);
  domain->real.free (domain->real.context, block);
  thread->inside = false;
}

// Of the domain OBJ, when types are asked for.
static void
hook_typed_free (void *context, void *block)
{
  const MfDomain *domain = context;
  MfThread *thread = &mf_thread;
  if (thread->inside || !block) {
    domain->real.free (domain->real.context, block);
    return;
  }
  thread->inside = true;
  mf_types_free ((uintptr_t) block);
  mf_code_freed ((uintptr_t) block);
  domain->real.free (domain->real.context, block);
  thread->inside = false;
}

// ---- installing them

static void *
find (const char *name)
{
  return dlsym (RTLD_DEFAULT, name);
}

bool
mf_python_find (void)
{
  get_allocator = (void (*) (int, MfAllocator *)) find ("PyMem_GetAllocator");
  set_allocator = (void (*) (int, MfAllocator *)) find ("PyMem_SetAllocator");
  is_initialized = (int (*) (void)) find ("Py_IsInitialized");
  if (!get_allocator || !set_allocator || !is_initialized)
    return false;
  mf_frames_start (find);
  mf_types_start (find);
  return true;
}

bool
mf_python_is_own (const void *function)
{
  Dl_info theirs, its;
  return dladdr ((void *) set_allocator, &its) && dladdr (function, &theirs) && its.dli_fbase == theirs.dli_fbase;
}

bool
mf_python_is_running (void)
{
  return is_initialized ();
}

void
mf_python_get (int domain, MfAllocator *allocator)
{
  get_allocator (domain, allocator);
}

void
mf_python_set (int domain, MfAllocator *allocator)
{
  set_allocator (domain, allocator);
}

static MfDomain *
wrap (unsigned domain, const MfAllocator *real)
{
  for (unsigned i = 0; i < n_wrapped; i++)
    if (wrapped[i].domain == domain && !memcmp (&wrapped[i].real, real, sizeof *real))
      return &wrapped[i];
  if (n_wrapped == MOST_WRAPPED)
    return NULL;
  wrapped[n_wrapped] = (MfDomain) { .domain = domain, .real = *real };
  return &wrapped[n_wrapped++];
}

MfAllocator
mf_python_hooked (MfDomain *domain)
{
  MfAllocator hooked = { domain, hook_malloc, hook_calloc, hook_realloc, hook_free };
  if (domain->domain == MF_OBJ && mf_agent.options & MF_RING_TYPES)
    hooked.free = hook_typed_free;
  if (mf_agent.sampling)
    mf_python_sample (domain, &hooked);
  if (mf_agent.options & MF_RING_NO_PYTHON)
    mf_python_probe (domain, &hooked);
  return hooked;
}

void
mf_python_hook_domain (int i)
{
  MfAllocator now;
  if (mf_agent.options & MF_RING_ATTACHED) {
    mf_attach_hook_again (i);
    return;
  }
  get_allocator (i, &now);
  MfDomain *domain = mf_python_sampled (&now);
  if (mf_agent.options & MF_RING_NO_PYTHON && (i != MF_OBJ || mf_frames_are_settled () || mf_python_is_probed (&now)))
    return;
  if (!domain && now.malloc != hook_malloc)
    domain = wrap ((unsigned) i, &now);
  if (!domain)
    return;
  MfAllocator hooked = mf_python_hooked (domain);
  if (hooked.malloc != now.malloc)
    set_allocator (i, &hooked);
}

void
mf_python_unhook (const MfDomain *domain)
{
  MfAllocator real = domain->real;
  set_allocator ((int) domain->domain, &real);
}

void
mf_python_watch (void)
{
  if (mf_agent.sampling || mf_agent.options & MF_RING_NO_PYTHON)
    mf_python_watch_code (find);
}

void
mf_python_hook (void)
{
  for (int i = 0; i < MF_N_PYTHON_DOMAINS; i++)
    mf_python_hook_domain (i);
  mf_python_watching = true;
  mf_python_watch ();
}

void
mf_python_hook_again (void)
{
  MfThread *thread = &mf_thread;
  if (thread->inside)
    return;
  thread->inside = true;
  if (is_initialized ())
    mf_python_watching = false;
  else
    for (int i = 0; i < MF_N_PYTHON_DOMAINS; i++)
      mf_python_hook_domain (i);
  thread->inside = false;
}
