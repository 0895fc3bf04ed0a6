// SPDX-License-Identifier: Apache-2.0
// For recordings without Python's own domains: the stacks of calls of malloc are still Python's, and its frames have to be
// verified under its lock. One domain is looked at until that is done, then the interpreter gets its allocator back.
#include "agent.h"

static void *
probe_malloc (void *context, size_t size)
{
  MfDomain *domain = context;
  MfThread *thread = &mf_thread;
  if (!thread->inside) {
    thread->inside = true;
    mf_python_thread_state (domain->domain);
    if (mf_frames_are_settled ())
      mf_python_unhook (domain);
    thread->inside = false;
  }
  return domain->real.malloc (domain->real.context, size);
}

static void *
pass_calloc (void *context, size_t n, size_t size)
{
  const MfDomain *domain = context;
  return domain->real.calloc (domain->real.context, n, size);
}

static void *
pass_realloc (void *context, void *block, size_t size)
{
  const MfDomain *domain = context;
  return domain->real.realloc (domain->real.context, block, size);
}

static void
pass_free (void *context, void *block)
{
  const MfDomain *domain = context;
  domain->real.free (domain->real.context, block);
}

void
mf_python_probe (MfDomain *domain, MfAllocator *hooked)
{
  *hooked = (MfAllocator) { domain, probe_malloc, pass_calloc, pass_realloc, pass_free };
}

bool
mf_python_is_probed (const MfAllocator *allocator)
{
  return allocator->malloc == probe_malloc;
}
