// SPDX-License-Identifier: Apache-2.0
// x86-64: System V calling convention, signal frames as in Linux arch/x86/include/uapi/asm/sigcontext.h.
#include "machine.h"

#ifdef __x86_64__
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <ucontext.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

enum { DIRECTION = 1 << 10, TRAP = 1 << 8 };
enum { RESTART = 512, RESTART_NOINTR = 513, RESTART_NOHAND = 514, RESTART_BLOCK = 516, SYSCALL_BYTES = 2 };

static struct user_regs_struct *
registers_of (MfThreadState *state)
{
  return (struct user_regs_struct *) state->registers;
}

static const struct user_regs_struct *
read_registers (const MfThreadState *state)
{
  return (const struct user_regs_struct *) state->registers;
}

static uint64_t
instruction (const MfThreadState *state)
{
  return read_registers (state)->rip;
}

static uint64_t
stack (const MfThreadState *state)
{
  return read_registers (state)->rsp;
}

static long
system_call (const MfThreadState *state)
{
  return (long) read_registers (state)->orig_rax;
}

static unsigned
registers (const MfThreadState *state, uint64_t *words, unsigned most)
{
  const struct user_regs_struct *its = read_registers (state);
  const uint64_t all[] = { its->rax, its->rdx, its->rcx, its->rbx, its->rsi, its->rdi, its->rbp, its->rsp, its->r8, its->r9, its->r10,
    its->r11, its->r12, its->r13, its->r14, its->r15, its->rip };
  if (sizeof all > most * sizeof *words)
    return 0;
  memcpy (words, all, sizeof all);
  return sizeof all / sizeof all[0];
}

// ---- the frame

// As the kernel writes them: what sigreturn reads of a ucontext ends with the first word of the mask.
enum { CONTEXT_BYTES = offsetof (ucontext_t, uc_sigmask) + sizeof (uint64_t), FLAGS = 7 };  // UC_FP_XSTATE, UC_SIGCONTEXT_SS, UC_STRICT_..
enum { LEGACY = 512, SOFTWARE_AT = 464, MAGIC_1 = 0x46505853, MAGIC_2 = 0x46505845, BV_AT = LEGACY, NO_ALTERNATE_STACK = 0x7fffffff };
_Static_assert (offsetof (ucontext_t, uc_mcontext) == 40 && offsetof (ucontext_t, uc_sigmask) == 296, "layout of a ucontext");

// Software bytes of the extended state: struct _fpx_sw_bytes.
typedef struct { uint32_t magic, extended_size; uint64_t features; uint32_t size, padding[7]; } Software;
_Static_assert (sizeof (Software) == LEGACY - SOFTWARE_AT, "layout of the software bytes");

// The matrix registers are large, and only programs that asked for them may have them in a frame.
static const uint64_t matrix_features = UINT64_C (3) << 17;

static uint64_t
word_at (const uint8_t *at)
{
  uint64_t word;
  memcpy (&word, at, sizeof word);
  return word;
}

// What an interrupted system call does when the thread goes on: it is made again, as the kernel would; one that would need to
// know how long it has waited says that it was interrupted.
static void
settle_system_call (struct user_regs_struct *registers)
{
  long answer = (long) registers->rax;
  if ((long) registers->orig_rax < 0)
    return;
  if (answer == -RESTART || answer == -RESTART_NOINTR || answer == -RESTART_NOHAND) {
    registers->rax = registers->orig_rax;
    registers->rip -= SYSCALL_BYTES;
  } else if (answer == -RESTART_BLOCK)
    registers->rax = (uint64_t) -EINTR;
}

static void
write_registers (ucontext_t *context, const struct user_regs_struct *registers)
{
  const struct { int to; uint64_t value; } words[] = {
    { REG_R8, registers->r8 }, { REG_R9, registers->r9 }, { REG_R10, registers->r10 }, { REG_R11, registers->r11 },
    { REG_R12, registers->r12 }, { REG_R13, registers->r13 }, { REG_R14, registers->r14 }, { REG_R15, registers->r15 },
    { REG_RDI, registers->rdi }, { REG_RSI, registers->rsi }, { REG_RBP, registers->rbp }, { REG_RBX, registers->rbx },
    { REG_RDX, registers->rdx }, { REG_RAX, registers->rax }, { REG_RCX, registers->rcx }, { REG_RSP, registers->rsp },
    { REG_RIP, registers->rip }, { REG_EFL, registers->eflags },
    { REG_CSGSFS, (registers->cs & 0xffff) | (registers->ss & 0xffff) << 48 },
  };
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    context->uc_mcontext.gregs[words[i].to] = (greg_t) words[i].value;
}

// Bytes of the extended state that belong into a frame. 0 = it is not understood.
static size_t
extended_size (const MfThreadState *state, uint64_t *features)
{
  enum { HEADER = 64, MATRIX_AT = 2752 };  // where tiles begin, in the order of the kernel, which is that of the processor
  if (state->n_extended < LEGACY + HEADER || state->n_extended > MF_STATE_MOST)
    return 0;
  *features = word_at (state->extended + SOFTWARE_AT);
  if (*features & matrix_features && !(word_at (state->extended + BV_AT) & matrix_features)) {
    *features &= ~matrix_features;
    return state->n_extended < MATRIX_AT ? state->n_extended : MATRIX_AT;
  }
  return state->n_extended;
}

static void
write_extended (uint8_t *to, const MfThreadState *state, size_t size, uint64_t features)
{
  const Software software = { MAGIC_1, (uint32_t) size + sizeof (uint32_t), features, (uint32_t) size, { 0 } };
  const uint32_t end = MAGIC_2;
  memcpy (to, state->extended, size);
  memcpy (to + SOFTWARE_AT, &software, sizeof software);
  memcpy (to + size, &end, sizeof end);
}

// From the top downwards: the extended state, the result, the context.
static bool
frame (const MfThreadState *state, uint64_t mask, uint64_t top, MfCallFrame *frame)
{
  uint64_t features = 0;
  size_t size = extended_size (state, &features);
  struct user_regs_struct registers = *read_registers (state);
  ucontext_t *context = (ucontext_t *) frame->bytes;
  size_t context_room = (CONTEXT_BYTES + sizeof frame->result + 63) & ~(size_t) 63;
  if (!size || top < MF_FRAME_MOST)
    return false;
  uint64_t extended = (top - size - sizeof (uint32_t)) & ~UINT64_C (63);
  frame->at = extended - context_room;
  frame->result = extended - sizeof frame->result;
  frame->n = context_room + size + sizeof (uint32_t);
  memset (frame->bytes, 0, frame->n);
  context->uc_flags = FLAGS;
  context->uc_stack.ss_flags = NO_ALTERNATE_STACK;  // refused and ignored: the one of the thread stays
  settle_system_call (&registers);
  write_registers (context, &registers);
  context->uc_mcontext.fpregs = (void *) (uintptr_t) extended;
  memcpy (frame->bytes + offsetof (ucontext_t, uc_sigmask), &mask, sizeof mask);
  write_extended (frame->bytes + context_room, state, size, features);
  return true;
}

// ---- the call

static void
call (MfThreadState *state, const MfCallFrame *frame, uint64_t stub, uint64_t function,
    const uint64_t arguments[MF_CALL_ARGUMENTS])
{
  struct user_regs_struct *registers = registers_of (state);
  registers->rip = stub;
  registers->rsp = frame->at;
  registers->rax = function;
  registers->rbx = frame->result;
  registers->rdi = arguments[0];
  registers->rsi = arguments[1];
  registers->rdx = arguments[2];
  registers->rcx = arguments[3];
  registers->r8 = arguments[4];
  registers->r9 = arguments[5];
  registers->orig_rax = UINT64_MAX;
  registers->eflags &= ~(unsigned long long) (DIRECTION | TRAP);
}

static void
skip (MfThreadState *state)
{
  registers_of (state)->orig_rax = UINT64_MAX;
}

static bool
asks (const MfThreadState *state, long number)
{
  return (long) read_registers (state)->orig_rax == number;
}

// E8 relative; FF /2, with or without REX, with each form of an operand.
static unsigned
call_before (const uint8_t before[8])
{
  enum { END = 8, NEAR = 5 };
  static const struct { uint8_t mode, length; } forms[] = { { 3, 2 }, { 0, 2 }, { 1, 3 }, { 2, 6 } };
  if (before[END - NEAR] == 0xe8)
    return NEAR;
  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
    for (unsigned scaled = 0; scaled < 2; scaled++) {  // an index byte follows, or none
      unsigned n = forms[i].length + scaled;
      uint8_t operation = before[END - n], operand = before[END - n + 1];
      if (operation == 0xff && (operand >> 3 & 7) == 2 && operand >> 6 == forms[i].mode)
        return n;
    }
  return before[END - 6] == 0xff && before[END - 5] == 0x15 ? 6 : 0;  // through a word near the instruction
}

static const MfMachine x86_64 = {
  .name = "x86-64", .machine = EM_X86_64, .extended_set = NT_X86_XSTATE,
  // call *%rax; mov %rax,(%rbx); 1: mov $15,%eax; syscall; jmp 1b
  .stub = { 0xff, 0xd0, 0x48, 0x89, 0x03, 0xb8, SYS_rt_sigreturn, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7 },
  .stub_end = 12, .red_zone = 128, .sigreturn = SYS_rt_sigreturn,
  .trampoline = { 0x48, 0xc7, 0xc0, SYS_rt_sigreturn, 0, 0, 0, 0x0f, 0x05 }, .n_trampoline = 9,
  .instruction = instruction, .stack = stack, .system_call = system_call, .registers = registers, .frame = frame, .call = call, .skip = skip,
  .asks = asks, .call_before = call_before,
};

const MfMachine *
mf_machine (void)
{
  return &x86_64;
}
#endif
