// SPDX-License-Identifier: Apache-2.0
// PTRACE_SEIZE and PTRACE_INTERRUPT stop the thread without a signal; PTRACE_SYSCALL runs a call up to its sigreturn.
#include "hijack.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine.h"

enum { STRINGS = 512, EVENT_STOP = 128, WORD = sizeof (long), SYSTEM_CALL_STOP = SIGTRAP | 0x80 };

struct MfHijack {
  const MfMachine *machine;
  const MfProcess *process;
  int32_t thread;
  int64_t since, deadline;
  bool is_lost;            // it has ended, or goes on by itself
  bool is_running;
  bool was_told_to_stop;   // by a signal that cannot wait
  bool is_prepared, holds_signals, has_stub;
  MfThreadState saved;
  uint64_t mask;
  uint64_t strings;        // on its stack
  size_t n_strings;
  uint64_t entry, borrowed[MF_STUB_BYTES / WORD];
  MfCallFrame frame;
};

G_DEFINE_QUARK (memflow-hijack-error, mf_hijack_error)

static int64_t
now_ns (void)
{
  return g_get_monotonic_time () * 1000;
}

static bool
refuse (GError **error, MfHijackErrorCode code, const char *format, ...) G_GNUC_PRINTF (3, 4);

static bool
refuse (GError **error, MfHijackErrorCode code, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  if (error && !*error)
    *error = g_error_new_valist (MF_HIJACK_ERROR, code, format, arguments);
  va_end (arguments);
  return false;
}

static bool
lose (MfHijack *hijack, GError **error)
{
  hijack->is_lost = true;
  return refuse (error, MF_HIJACK_ERROR_BUSY, "thread %d has ended", hijack->thread);
}

// ---- waiting

typedef struct { int signal, event; } Stop;

// The next stop of the thread. Waits a little longer each time, so that short calls cost little.
static bool
await (MfHijack *hijack, Stop *stop, GError **error)
{
  enum { AT_ONCE = 64, MOST_PAUSE = 200 };
  int status;
  for (unsigned i = 0;; i++) {
    pid_t found = waitpid (hijack->thread, &status, __WALL | WNOHANG);
    if (found == hijack->thread)
      break;
    if (found < 0 && errno != EINTR)
      return lose (hijack, error);
    if (now_ns () > hijack->deadline)
      return refuse (error, MF_HIJACK_ERROR_TIME, "thread %d does not stop in time", hijack->thread);
    if (i < AT_ONCE)
      sched_yield ();
    else
      g_usleep (MIN (i - AT_ONCE + 1, (unsigned) MOST_PAUSE));
  }
  if (!WIFSTOPPED (status))
    return lose (hijack, error);
  hijack->is_running = false;
  *stop = (Stop) { WSTOPSIG (status), status >> 16 };
  return true;
}

static bool
go_on (MfHijack *hijack, int how, int with_signal, GError **error)
{
  if (ptrace (how, hijack->thread, 0, with_signal))
    return lose (hijack, error);
  return hijack->is_running = true;
}

// Until the thread stands where the kernel would deliver a signal, and the state that it gets is taken as that of a system
// call which may have to be made again. A signal that comes first is delivered.
static bool
stand_still (MfHijack *hijack, GError **error)
{
  Stop stop;
  if (ptrace (PTRACE_INTERRUPT, hijack->thread, 0, 0))
    return lose (hijack, error);
  if (!hijack->is_running && !go_on (hijack, PTRACE_CONT, 0, error))
    return false;
  while (await (hijack, &stop, error)) {
    if (stop.event == EVENT_STOP && stop.signal == SIGTRAP)
      return true;
    if (stop.event == EVENT_STOP)
      return refuse (error, MF_HIJACK_ERROR_STOPPED, "the process is stopped");
    if (!go_on (hijack, PTRACE_CONT, stop.event || stop.signal == SYSTEM_CALL_STOP ? 0 : stop.signal, error))
      return false;
  }
  return false;
}

// ---- its state

static bool
get_state (MfHijack *hijack, MfThreadState *state, bool extended, GError **error)
{
  struct iovec words = { state->registers, sizeof state->registers }, more = { state->extended, sizeof state->extended };
  if (ptrace (PTRACE_GETREGSET, hijack->thread, NT_PRSTATUS, &words)
      || (extended && ptrace (PTRACE_GETREGSET, hijack->thread, hijack->machine->extended_set, &more)))
    return refuse (error, MF_HIJACK_ERROR_FAILED, "cannot read the registers of thread %d: %s", hijack->thread, g_strerror (errno));
  state->n_registers = words.iov_len;
  state->n_extended = extended ? more.iov_len : 0;
  return true;
}

static bool
set_registers (const MfHijack *hijack, const MfThreadState *state, GError **error)
{
  struct iovec words = { (void *) state->registers, state->n_registers };
  return !ptrace (PTRACE_SETREGSET, hijack->thread, NT_PRSTATUS, &words)
      || refuse (error, MF_HIJACK_ERROR_FAILED, "cannot set the registers of thread %d: %s", hijack->thread, g_strerror (errno));
}

static void
put_back (const MfHijack *hijack)
{
  struct iovec more = { (void *) hijack->saved.extended, hijack->saved.n_extended };
  ptrace (PTRACE_SETREGSET, hijack->thread, hijack->machine->extended_set, &more);
  set_registers (hijack, &hijack->saved, NULL);
}

static bool
poke (const MfHijack *hijack, uint64_t at, const void *bytes, size_t n)
{
  for (size_t i = 0; i < n; i += WORD) {
    long word;
    memcpy (&word, (const uint8_t *) bytes + i, sizeof word);
    if (ptrace (PTRACE_POKEDATA, hijack->thread, at + i, word))
      return false;
  }
  return true;
}

// ---- begin, end

// Only a thread that stands can be let go. What it has been called for, if anything, goes on: it returns into the frame.
static void
let_go (MfHijack *hijack)
{
  Stop stop;
  hijack->deadline = now_ns () + 5 * INT64_C (1000000000);
  if (hijack->is_running && (ptrace (PTRACE_INTERRUPT, hijack->thread, 0, 0) || !await (hijack, &stop, NULL)))
    return;
  ptrace (PTRACE_DETACH, hijack->thread, 0, 0);
  if (hijack->was_told_to_stop)
    kill (mf_process_id (hijack->process), SIGSTOP);
}

static void
release (MfHijack *hijack)
{
  if (!hijack->is_lost)
    let_go (hijack);
  g_aligned_free (hijack);
}

static bool
seize (MfHijack *hijack, GError **error)
{
  if (!ptrace (PTRACE_SEIZE, hijack->thread, 0, PTRACE_O_TRACESYSGOOD))
    return hijack->is_running = true;
  bool gone = errno == ESRCH;
  return refuse (error, gone ? MF_HIJACK_ERROR_BUSY : MF_HIJACK_ERROR_FORBIDDEN, "cannot stop thread %d: %s", hijack->thread,
      g_strerror (errno));
}

MfHijack *
mf_hijack_begin (const MfProcess *process, int32_t thread, int64_t deadline, GError **error)
{
  MfHijack *hijack = g_aligned_alloc0 (1, sizeof *hijack, _Alignof (MfHijack));
  *hijack = (MfHijack) { .machine = mf_machine (), .process = process, .thread = thread, .since = now_ns (), .deadline = deadline };
  if (!seize (hijack, error)) {
    g_aligned_free (hijack);
    return NULL;
  }
  if (stand_still (hijack, error) && get_state (hijack, &hijack->saved, true, error))
    return hijack;
  release (hijack);
  return NULL;
}

uint64_t
mf_hijack_instruction (const MfHijack *hijack)
{
  return hijack->machine->instruction (&hijack->saved);
}

uint64_t
mf_hijack_stack (const MfHijack *hijack)
{
  return hijack->machine->stack (&hijack->saved);
}

long
mf_hijack_system_call (const MfHijack *hijack)
{
  return hijack->machine->system_call (&hijack->saved);
}

unsigned
mf_hijack_registers (const MfHijack *hijack, uint64_t *words, unsigned most)
{
  return hijack->machine->registers (&hijack->saved, words, most);
}

int64_t
mf_hijack_end (MfHijack *hijack)
{
  int64_t since = hijack->since;
  if (!hijack->is_lost && !hijack->is_running) {
    if (hijack->holds_signals)
      ptrace (PTRACE_SETSIGMASK, hijack->thread, sizeof hijack->mask, &hijack->mask);
    if (hijack->is_prepared)
      put_back (hijack);
    if (hijack->has_stub)
      poke (hijack, hijack->entry, hijack->borrowed, sizeof hijack->borrowed);
  }
  release (hijack);
  return now_ns () - since;
}

// ---- calls
// This process may be killed between any two of the steps. So the thread's registers lead into the stub, and by it to the
// frame, from before its signals are held back until they are let in again.

// All signals wait but those that a fault of the called function would cause.
static bool
hold_signals (MfHijack *hijack, GError **error)
{
  static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS };
  uint64_t all = UINT64_MAX;
  for (size_t i = 0; i < G_N_ELEMENTS (faults); i++)
    all &= ~(UINT64_C (1) << (faults[i] - 1));
  hijack->holds_signals = ptrace (PTRACE_SETSIGMASK, hijack->thread, sizeof all, &all) == 0;
  return hijack->holds_signals || refuse (error, MF_HIJACK_ERROR_FAILED, "cannot hold the signals of thread %d back: %s", hijack->thread,
      g_strerror (errno));
}

bool
mf_hijack_prepare (MfHijack *hijack, uint64_t entry, GError **error)
{
  const MfMachine *machine = hijack->machine;
  hijack->entry = entry;
  if (!mf_process_read (hijack->process, entry, hijack->borrowed, sizeof hijack->borrowed))
    return refuse (error, MF_HIJACK_ERROR_FAILED, "cannot read the entry of the program at 0x%" G_GINT64_MODIFIER "x", entry);
  hijack->strings = machine->stack (&hijack->saved) - machine->red_zone - STRINGS;
  // The mask is taken first: the frame holds it, for the case that nobody is there to put it back.
  if (ptrace (PTRACE_GETSIGMASK, hijack->thread, sizeof hijack->mask, &hijack->mask)
      || !machine->frame (&hijack->saved, hijack->mask, hijack->strings, &hijack->frame))
    return refuse (error, MF_HIJACK_ERROR_FAILED, "the registers of thread %d are not of a known kind", hijack->thread);
  hijack->is_prepared = true;
  if (!poke (hijack, hijack->frame.at, hijack->frame.bytes, (hijack->frame.n + WORD - 1) & ~(size_t) (WORD - 1)))
    return refuse (error, MF_HIJACK_ERROR_BUSY, "thread %d has no room on its stack", hijack->thread);
  hijack->has_stub = true;
  if (!poke (hijack, entry, machine->stub, MF_STUB_BYTES))
    return refuse (error, MF_HIJACK_ERROR_FAILED, "cannot write to process %d: %s", mf_process_id (hijack->process),
        g_strerror (errno));
  return true;
}

uint64_t
mf_hijack_put (MfHijack *hijack, const void *bytes, size_t n)
{
  uint8_t rounded[STRINGS] = { 0 };
  size_t size = (n + WORD - 1) & ~(size_t) (WORD - 1);
  uint64_t at = hijack->strings + hijack->n_strings;
  if (n > STRINGS || size > STRINGS - hijack->n_strings)
    return 0;
  memcpy (rounded, bytes, n);
  hijack->n_strings += size;
  return poke (hijack, at, rounded, size) ? at : 0;
}

// What stops the thread on the way: SIGSTOP waits until the end, a fault is one of the called function.
static bool
is_fault (MfHijack *hijack, const Stop *stop, GError **error)
{
  if (stop->signal == SYSTEM_CALL_STOP || stop->event)
    return false;
  hijack->was_told_to_stop |= stop->signal == SIGSTOP;
  return stop->signal != SIGSTOP && !refuse (error, MF_HIJACK_ERROR_FAILED,
      "a function that was called in thread %d failed with signal %d", hijack->thread, stop->signal);
}

bool
mf_hijack_write (MfHijack *hijack, uint64_t at, const void *bytes, size_t n)
{
  return poke (hijack, at, bytes, n);
}

// Runs until the stub asks for sigreturn, which is not given.
static bool
run_call (MfHijack *hijack, MfThreadState *state, GError **error)
{
  const MfMachine *machine = hijack->machine;
  Stop stop = { 0 };
  do {
    if (!go_on (hijack, PTRACE_SYSCALL, 0, error) || !await (hijack, &stop, error) || is_fault (hijack, &stop, error)
        || !get_state (hijack, state, false, error))
      return false;
  } while (stop.signal != SYSTEM_CALL_STOP || machine->instruction (state) != hijack->entry + machine->stub_end
      || !machine->asks (state, machine->sigreturn));
  machine->skip (state);
  return set_registers (hijack, state, error) && stand_still (hijack, error);
}

bool
mf_hijack_call (MfHijack *hijack, uint64_t function, const uint64_t *arguments, unsigned n, uint64_t *result, GError **error)
{
  uint64_t all[MF_CALL_ARGUMENTS] = { 0 };
  MfThreadState state;
  GError *why = NULL;
  state = hijack->saved;
  for (unsigned i = 0; i < MIN (n, (unsigned) MF_CALL_ARGUMENTS); i++)
    all[i] = arguments[i];
  hijack->machine->call (&state, &hijack->frame, hijack->entry, function, all);
  if (set_registers (hijack, &state, &why) && (hijack->holds_signals || hold_signals (hijack, &why))
      && run_call (hijack, &state, &why)) {
    if (mf_process_read (hijack->process, hijack->frame.result, result, sizeof *result))
      return true;
    refuse (&why, MF_HIJACK_ERROR_FAILED, "cannot read what a function in thread %d returned", hijack->thread);
  }
  g_propagate_error (error, why);
  return false;
}
