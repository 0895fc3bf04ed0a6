// SPDX-License-Identifier: Apache-2.0
// The three allocator domains of CPython, wrapped through PyMem_SetAllocator (CPython 3.8 to 3.13,
// Include/cpython/pymem.h). One logical allocation counts once: what happens below a hook is not recorded.
#include "agent.h"

#include <dlfcn.h>
#include <stdlib.h>

typedef struct {
  void *context;
  void *(*malloc) (void *context, size_t size);
  void *(*calloc) (void *context, size_t n, size_t size);
  void *(*realloc) (void *context, void *block, size_t size);
  void (*free) (void *context, void *block);
} Allocator;

typedef struct { unsigned domain; Allocator real; } Domain;

// What was wrapped, once for each allocator that was found: while it starts, CPython takes a wrapped one out,
// puts it back later, and expects it to lead to the same real one.
enum { MOST_WRAPPED = 32 };
static Domain wrapped[MOST_WRAPPED];
static unsigned n_wrapped;
static void (*get_allocator) (int domain, Allocator *allocator);
static void (*set_allocator) (int domain, Allocator *allocator);
static int (*is_initialized) (void);
bool mf_python_watching;

// ---- the hooks

static void *
hook_malloc (void *context, size_t size)
{
  const Domain *domain = context;
  MfThread *thread = &mf_thread;
  if (thread->inside)
    return domain->real.malloc (domain->real.context, size);
  thread->inside = true;
  void *block = domain->real.malloc (domain->real.context, size);
  mf_record_alloc (domain->domain, (uintptr_t) block, size);
  thread->inside = false;
  return block;
}

static void *
hook_calloc (void *context, size_t n, size_t size)
{
  const Domain *domain = context;
  MfThread *thread = &mf_thread;
  if (thread->inside)
    return domain->real.calloc (domain->real.context, n, size);
  thread->inside = true;
  void *block = domain->real.calloc (domain->real.context, n, size);
  size_t bytes;
  if (__builtin_mul_overflow (n, size, &bytes))
    bytes = SIZE_MAX;
  mf_record_alloc (domain->domain, (uintptr_t) block, bytes);
  thread->inside = false;
  return block;
}

static void *
hook_realloc (void *context, void *old, size_t size)
{
  const Domain *domain = context;
  MfThread *thread = &mf_thread;
  if (thread->inside)
    return domain->real.realloc (domain->real.context, old, size);
  thread->inside = true;
  void *block = domain->real.realloc (domain->real.context, old, size);
  if (old)
    mf_record_realloc (domain->domain, (uintptr_t) old, (uintptr_t) block, size);
  else
    mf_record_alloc (domain->domain, (uintptr_t) block, size);
  thread->inside = false;
  return block;
}

static void
hook_free (void *context, void *block)
{
  const Domain *domain = context;
  MfThread *thread = &mf_thread;
  if (thread->inside || !block) {
    domain->real.free (domain->real.context, block);
    return;
  }
  thread->inside = true;
  mf_record_free (domain->domain, (uintptr_t) block);
  if (domain->domain == MF_OBJ)
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
  get_allocator = (void (*) (int, Allocator *)) find ("PyMem_GetAllocator");
  set_allocator = (void (*) (int, Allocator *)) find ("PyMem_SetAllocator");
  is_initialized = (int (*) (void)) find ("Py_IsInitialized");
  if (!get_allocator || !set_allocator || !is_initialized)
    return false;
  mf_frames_start (find);
  return true;
}

static Domain *
wrap (unsigned domain, const Allocator *real)
{
  for (unsigned i = 0; i < n_wrapped; i++)
    if (wrapped[i].domain == domain && !memcmp (&wrapped[i].real, real, sizeof *real))
      return &wrapped[i];
  if (n_wrapped == MOST_WRAPPED)
    return NULL;
  wrapped[n_wrapped] = (Domain) { domain, *real };
  return &wrapped[n_wrapped++];
}

static void
hook_domain (int i)
{
  Allocator now;
  get_allocator (i, &now);
  Domain *domain = now.malloc == hook_malloc ? NULL : wrap ((unsigned) i, &now);
  if (!domain)
    return;
  Allocator hooked = { domain, hook_malloc, hook_calloc, hook_realloc, hook_free };
  set_allocator (i, &hooked);
}

void
mf_python_hook (void)
{
  for (int i = 0; i < MF_N_PYTHON_DOMAINS; i++)
    hook_domain (i);
  mf_python_watching = true;
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
      hook_domain (i);
  thread->inside = false;
}
