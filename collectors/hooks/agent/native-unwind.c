// SPDX-License-Identifier: Apache-2.0
// From frame to frame: each row is looked up once for each instruction that has called.
#include "native-unwind.h"

#include <dlfcn.h>
#include <string.h>

#include "loaded-module.h"
#include "old-libc.h"

// ---- modules

// What the C library fills in, as in dlfcn.h of glibc 2.35: older ones lack it, so it is looked for when the agent starts.
typedef struct {
  unsigned long long flags;
  void *map_start, *map_end, *link_map, *eh_frame;
  unsigned long long reserved[8];
} FoundObject;
static int (*find_object) (void *address, FoundObject *found);

void
mf_unwind_start (void)
{
#if defined __GLIBC__ && !defined __arm__  // whose frames are found in another way
  *(void **) &find_object = dlsym (RTLD_DEFAULT, "_dl_find_object");
#endif
}

static bool
find_module (uintptr_t address, MfModuleFrames *module)
{
  if (find_object) {
    FoundObject found = { 0 };
    if (find_object ((void *) address, &found))
      return false;
    *module = (MfModuleFrames) { found.map_start, found.map_end, found.eh_frame };
    return module->index != NULL;
  }
  MfLoadedModule loaded;
  bool found = mf_loaded_module_find (address, &loaded);
  *module = loaded.frames;
  return found && module->index != NULL;
}

// ---- rows

static bool
look_up (uintptr_t instruction, MfUnwindRow *row)
{
  MfModuleFrames module;
  return find_module (instruction, &module) && mf_call_frame (&module, instruction, row);
}

bool
mf_unwind_function (uintptr_t instruction, uintptr_t *start, uintptr_t *end)
{
  MfModuleFrames module;
  return find_module (instruction, &module) && mf_call_frame_function (&module, instruction, start, end);
}

// The row of the call that returns to `address`, which may be the first instruction of the next function.
static const MfUnwindRow *
row_of (MfUnwindRows *rows, uintptr_t address)
{
  MfUnwindRow *row = &rows->rows[(address * UINT64_C (0x9e3779b97f4a7c15) >> 32) % MF_UNWIND_ROWS];
  if (__builtin_expect (row->address == address, 1))
    return row;
  MfUnwindRow found = { 0 };
  if (!look_up (address - 1, &found))
    return NULL;
  found.address = address;
  *row = found;
  return row;
}

// ---- the walk

typedef struct { uintptr_t address, sp, fp; } Frame;
typedef struct { uintptr_t low, high; } Stack;

extern void *__libc_stack_end __attribute__ ((weak));

// The C library puts what belongs to a thread at the upper end of its stack; the first thread's is elsewhere.
static Stack
stack_of_thread (uintptr_t sp)
{
  enum { LARGEST = 1 << 30 };
  uintptr_t own = (uintptr_t) __builtin_thread_pointer ();
  uintptr_t first = &__libc_stack_end ? (uintptr_t) __libc_stack_end : 0;
  uintptr_t high = own > sp && own - sp < LARGEST ? own : first;
  return high > sp && high - sp < LARGEST ? (Stack) { sp, high } : (Stack) { 0, 0 };
}

static bool
load (const Stack *stack, uintptr_t at, uintptr_t *value)
{
  if (at < stack->low || at > stack->high - sizeof *value || at % sizeof *value)
    return false;
  *value = *(const uintptr_t *) at;
  return true;
}

// A signed return address has a signature in its upper bits.
static uintptr_t
plain (uintptr_t address)
{
#if defined __aarch64__
  return address & ((UINT64_C (1) << 48) - 1);
#else
  return address;
#endif
}

// Leaves a frame. False = the tables do not fit the stack.
static bool
leave (Frame *frame, const MfUnwindRow *row, const Stack *stack)
{
  enum { WORD = sizeof (uintptr_t) };
  uintptr_t cfa = (row->from_frame_pointer ? frame->fp : frame->sp) + (uintptr_t) (intptr_t) row->cfa;
  if (cfa <= frame->sp || cfa > stack->high || row->return_address == MF_UNWIND_SAME
      || !load (stack, cfa + (uintptr_t) (row->return_address * WORD), &frame->address)
      || (row->frame_pointer != MF_UNWIND_SAME
          && !load (stack, cfa + (uintptr_t) (row->frame_pointer * WORD), &frame->fp)))
    return false;
  frame->address = plain (frame->address);
  frame->sp = cfa;
  return true;
}

// Where this function itself stands. Its own frame is the first one that is left.
#if defined __x86_64__
#define HERE(frame) __asm__ volatile ("lea 0(%%rip), %0; mov %%rsp, %1; mov %%rbp, %2" \
    : "=r" ((frame).address), "=r" ((frame).sp), "=r" ((frame).fp))
#elif defined __i386__
#define HERE(frame) __asm__ volatile ("call 1f; 1: pop %0; mov %%esp, %1; mov %%ebp, %2" \
    : "=r" ((frame).address), "=r" ((frame).sp), "=r" ((frame).fp))
#elif defined __aarch64__
#define HERE(frame) __asm__ volatile ("adr %0, .; mov %1, sp; mov %2, x29" \
    : "=r" ((frame).address), "=r" ((frame).sp), "=r" ((frame).fp))
#else
#define HERE(frame) ((frame) = (Frame) { 0 })
#endif

__attribute__ ((noinline)) uint32_t
mf_unwind (MfUnwindRows *rows, uintptr_t *addresses, uint32_t most, MfUnwindEnd *end)
{
  Frame frame;
  HERE (frame);
  frame.address++;  // as if the next byte were behind a call
  Stack stack = stack_of_thread (frame.sp);
  *end = stack.high ? MF_UNWIND_UNKNOWN : MF_UNWIND_FOREIGN;
  for (uint32_t n = 0; stack.high; n++) {
    const MfUnwindRow *row = row_of (rows, frame.address);
    if (row && row->end)
      *end = MF_UNWIND_WHOLE;
    if (!row || row->end || !leave (&frame, row, &stack) || !frame.address)
      return n;
    if (n == most) {
      *end = MF_UNWIND_CUT;
      return n;
    }
    addresses[n] = frame.address;
  }
  return 0;
}
