// SPDX-License-Identifier: Apache-2.0
// libdwfl unwinds; memory and registers come from here.
#include "native-stack.h"

#include <elfutils/libdwfl.h>

enum { REGISTERS = 17 };  // DWARF numbers them; the last one is where the frame stands

struct MfNativeStack {
  const MfProcess *process;
  Dwfl *dwfl;
  Dwfl_Callbacks callbacks;
  bool is_attached;
  const MfHijack *hijack;   // of this walk
  bool (*visit) (void *user, uint64_t at);
  void *user;
};

static int
find_no_debuginfo (Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base, const char *file, const char *link, GElf_Word crc,
    char **path)
{
  (void) module, (void) data, (void) name, (void) base, (void) file, (void) link, (void) crc, (void) path;
  return -1;
}

MfNativeStack *
mf_native_stack_new (const MfProcess *process)
{
  MfNativeStack *stack = g_new0 (MfNativeStack, 1);
  stack->process = process;
  stack->callbacks = (Dwfl_Callbacks) { .find_elf = dwfl_build_id_find_elf, .find_debuginfo = find_no_debuginfo };
  stack->dwfl = dwfl_begin (&stack->callbacks);
  if (stack->dwfl)
    dwfl_report_begin (stack->dwfl);
  return stack;
}

void
mf_native_stack_free (MfNativeStack *stack)
{
  if (!stack)
    return;
  if (stack->dwfl)
    dwfl_end (stack->dwfl);
  g_free (stack);
}

void
mf_native_stack_add (MfNativeStack *stack, const char *path, uint64_t from)
{
  if (stack->dwfl)
    dwfl_report_elf (stack->dwfl, path, path, -1, from, false);
}

// ---- what libdwfl asks for

static pid_t
next_thread (Dwfl *dwfl, void *user, void **thread)
{
  const MfNativeStack *stack = user;
  (void) dwfl;
  bool first = !*thread;
  *thread = user;
  return first ? mf_process_id (stack->process) : 0;
}

static bool
get_thread (Dwfl *dwfl, pid_t id, void *user, void **thread)
{
  (void) dwfl, (void) id;
  *thread = user;
  return true;
}

static bool
read_memory (Dwfl *dwfl, Dwarf_Addr at, Dwarf_Word *word, void *user)
{
  const MfNativeStack *stack = user;
  (void) dwfl;
  return mf_process_pointer (stack->process, at, word);
}

static bool
set_registers (Dwfl_Thread *thread, void *user)
{
  const MfNativeStack *stack = user;
  Dwarf_Word words[REGISTERS];
  unsigned n = mf_hijack_registers (stack->hijack, words, REGISTERS);
  if (!n || !dwfl_thread_state_registers (thread, 0, n, words))
    return false;
  dwfl_thread_state_register_pc (thread, mf_hijack_instruction (stack->hijack));
  return true;
}

static const Dwfl_Thread_Callbacks thread_callbacks = { .next_thread = next_thread, .get_thread = get_thread,
  .memory_read = read_memory, .set_initial_registers = set_registers };

void
mf_native_stack_ready (MfNativeStack *stack)
{
  if (!stack->dwfl)
    return;
  dwfl_report_end (stack->dwfl, NULL, NULL);
  stack->is_attached = dwfl_attach_state (stack->dwfl, NULL, mf_process_id (stack->process), &thread_callbacks, stack);
}

static int
take_frame (Dwfl_Frame *frame, void *user)
{
  const MfNativeStack *stack = user;
  Dwarf_Addr at;
  if (!dwfl_frame_pc (frame, &at, NULL))
    return DWARF_CB_ABORT;
  return stack->visit (stack->user, at) ? DWARF_CB_OK : DWARF_CB_ABORT;
}

bool
mf_native_stack_walk (MfNativeStack *stack, const MfHijack *hijack, bool (*visit) (void *user, uint64_t at), void *user)
{
  stack->hijack = hijack;
  stack->visit = visit;
  stack->user = user;
  return stack->is_attached && dwfl_getthread_frames (stack->dwfl, mf_process_id (stack->process), take_frame, stack) == DWARF_CB_OK;
}
