// SPDX-License-Identifier: Apache-2.0
// A thread that is made to call functions keeps every register, its red zone, its signals and its waits, also when the one who
// did it is killed in the middle. The target is a child of this program, so that functions have the same addresses in it.
#include "hijack.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __x86_64__

enum { RESULT = 12345 };
static const int64_t second = 1000000000;

// What parent, child and the killed one share.
typedef struct {
  _Atomic uint64_t rounds, wrong, calls, signals;
  _Atomic int64_t waited_ns;
  _Atomic int wait_result, wait_error;
  _Atomic bool stop;
} Shared;
static Shared *shared;

static int64_t
now_ns (void)
{
  return g_get_monotonic_time () * 1000;
}

// ---- what is called in the target

// Leaves nothing in the registers as it was.
__attribute__ ((noinline)) static long
clobber (long a, long b, long c, long d, long e, long f)
{
  __asm__ volatile ("pcmpeqb %%xmm0,%%xmm0; pcmpeqb %%xmm1,%%xmm1; pcmpeqb %%xmm7,%%xmm7; pcmpeqb %%xmm15,%%xmm15; fninit; fldz; fld1;"
      " xor %%r8d,%%r8d; xor %%r9d,%%r9d; xor %%r10d,%%r10d; xor %%r11d,%%r11d" ::: "xmm0", "xmm1", "xmm7", "xmm15", "r8", "r9", "r10",
      "r11", "cc", "memory");
  errno = EDOM;
  atomic_fetch_add (&shared->calls, 1);
  return a == 1 && b == 2 && c == 3 && d == 4 && e == 5 && f == 6 ? RESULT : -1;
}

__attribute__ ((noinline)) static long
clobber_slowly (long milliseconds)
{
  struct timespec left = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
  clobber (0, 0, 0, 0, 0, 0);
  while (nanosleep (&left, &left))
    continue;
  return RESULT;
}

__attribute__ ((noinline)) static long
fault (void)
{
  __asm__ volatile ("movl $1, 8");
  return 0;
}

// ---- what the target does

// Fills registers and the red zone, spins, and counts what is not as it was.
static void
compute (void)
{
  while (!atomic_load (&shared->stop)) {
    uint64_t wrong = 0;
    __asm__ volatile (
        "movabs $0x1122334455667788,%%rax; movq %%rax,%%xmm0; mov %%rax,-8(%%rsp); mov %%rax,-120(%%rsp)\n"
        "lea 1(%%rax),%%rbx; lea 2(%%rax),%%rdx; lea 3(%%rax),%%rsi; lea 4(%%rax),%%rdi; lea 5(%%rax),%%r8; lea 6(%%rax),%%r9\n"
        "lea 7(%%rax),%%r10; lea 8(%%rax),%%r11; lea 9(%%rax),%%r12; lea 10(%%rax),%%r13; lea 11(%%rax),%%r14; lea 12(%%rax),%%r15\n"
        "movq %%rbx,%%xmm1; movq %%rdx,%%xmm7; movq %%rsi,%%xmm15; fldpi\n"
        "mov $20000,%%ecx; 1: dec %%ecx; jnz 1b\n"
        "movabs $0x1122334455667788,%%rcx\n"
        "sub %%rcx,%%rax; sub %%rcx,%%rbx; sub %%rcx,%%rdx; sub %%rcx,%%rsi; sub %%rcx,%%rdi; sub %%rcx,%%r8; sub %%rcx,%%r9\n"
        "sub %%rcx,%%r10; sub %%rcx,%%r11; sub %%rcx,%%r12; sub %%rcx,%%r13; sub %%rcx,%%r14; sub %%rcx,%%r15\n"
        "xor $1,%%rbx; xor $2,%%rdx; xor $3,%%rsi; xor $4,%%rdi; xor $5,%%r8; xor $6,%%r9; xor $7,%%r10; xor $8,%%r11; xor $9,%%r12\n"
        "xor $10,%%r13; xor $11,%%r14; xor $12,%%r15\n"
        "or %%rbx,%%rax; or %%rdx,%%rax; or %%rsi,%%rax; or %%rdi,%%rax; or %%r8,%%rax; or %%r9,%%rax; or %%r10,%%rax; or %%r11,%%rax\n"
        "or %%r12,%%rax; or %%r13,%%rax; or %%r14,%%rax; or %%r15,%%rax\n"
        "movq %%xmm0,%%rdx; sub %%rcx,%%rdx; or %%rdx,%%rax; movq %%xmm1,%%rdx; sub %%rcx,%%rdx; dec %%rdx; or %%rdx,%%rax\n"
        "movq %%xmm7,%%rdx; sub %%rcx,%%rdx; sub $2,%%rdx; or %%rdx,%%rax; movq %%xmm15,%%rdx; sub %%rcx,%%rdx; sub $3,%%rdx\n"
        "or %%rdx,%%rax; mov -8(%%rsp),%%rdx; sub %%rcx,%%rdx; or %%rdx,%%rax; mov -120(%%rsp),%%rdx; sub %%rcx,%%rdx; or %%rdx,%%rax\n"
        "fldpi; fcomip %%st(1),%%st; fstp %%st(0); setne %%dl; movzbq %%dl,%%rdx; or %%rdx,%%rax\n"
        : "=a" (wrong) :: "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", "xmm1",
        "xmm7", "xmm15", "cc", "memory");
    atomic_fetch_add (&shared->wrong, wrong != 0);
    atomic_fetch_add (&shared->rounds, 1);
  }
}

static void
sleep_once (void)
{
  const struct timespec length = { 0, 600000000 };
  int64_t since = now_ns ();
  errno = ERANGE;
  int failed = clock_nanosleep (CLOCK_MONOTONIC, 0, &length, NULL);
  atomic_store (&shared->wait_error, errno);
  atomic_store (&shared->wait_result, failed);
  atomic_store (&shared->waited_ns, now_ns () - since);
}

static int ends[2];

static void
read_once (void)
{
  char byte = 0;
  errno = ERANGE;
  ssize_t n = read (ends[0], &byte, 1);
  atomic_store (&shared->wait_error, errno);
  atomic_store (&shared->wait_result, n == 1 && byte == 'x');
}

static void
count_signal (int number)
{
  (void) number;
  atomic_fetch_add (&shared->signals, 1);
}

// ---- the target

static pid_t
start (void (*work) (void))
{
  memset (shared, 0, sizeof *shared);
  pid_t child = fork ();
  if (child == 0) {
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    signal (SIGUSR1, count_signal);
    work ();
    _exit (0);
  }
  g_usleep (50000);
  return child;
}

static void
end (pid_t child)
{
  int status;
  atomic_store (&shared->stop, true);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 0);
}

// Rounds go on, and all of them are right.
static void
assert_unharmed (void)
{
  uint64_t rounds = atomic_load (&shared->rounds);
  for (int i = 0; i < 1000 && atomic_load (&shared->rounds) < rounds + 10; i++)
    g_usleep (10000);
  g_assert_cmpuint (atomic_load (&shared->rounds), >=, rounds + 10);
  g_assert_cmpuint (atomic_load (&shared->wrong), ==, 0);
}

static MfHijack *
begin (const MfProcess *process, int64_t limit)
{
  g_autoptr (GError) error = NULL;
  MfHijack *hijack = mf_hijack_begin (process, mf_process_id (process), now_ns () + limit, &error);
  g_assert_no_error (error);
  g_assert_true (mf_hijack_prepare (hijack, getauxval (AT_ENTRY), &error));
  return hijack;
}

static uint64_t
call_clobber (MfHijack *hijack)
{
  const uint64_t arguments[] = { 1, 2, 3, 4, 5, 6 };
  static const uint8_t words[200] = { 1 };
  uint64_t result = 0;
  g_autoptr (GError) error = NULL;
  g_assert_cmpuint (mf_hijack_put (hijack, words, sizeof words), !=, 0);
  g_assert_true (mf_hijack_call (hijack, (uintptr_t) clobber, arguments, G_N_ELEMENTS (arguments), &result, &error));
  return result;
}

static void
test_registers (void)
{
  enum { TIMES = 50 };
  pid_t child = start (compute);
  g_autoptr (MfProcess) process = mf_process_open (child, NULL);
  uint8_t entry[16], after[16];
  g_assert_true (mf_process_read (process, getauxval (AT_ENTRY), entry, sizeof entry));
  for (int i = 0; i < TIMES; i++) {
    MfHijack *hijack = begin (process, 10 * second);
    g_assert_cmpuint (call_clobber (hijack), ==, RESULT);
    g_assert_cmpuint (call_clobber (hijack), ==, RESULT);
    mf_hijack_end (hijack);
  }
  assert_unharmed ();
  g_assert_cmpuint (atomic_load (&shared->calls), ==, 2 * TIMES);
  g_assert_true (mf_process_read (process, getauxval (AT_ENTRY), after, sizeof after));
  g_assert_cmpmem (after, sizeof after, entry, sizeof entry);
  end (child);
}

// ---- waits

static void
test_sleep (void)
{
  pid_t child = start (sleep_once);
  g_autoptr (MfProcess) process = mf_process_open (child, NULL);
  for (int i = 0; i < 3; i++) {
    MfHijack *hijack = begin (process, 10 * second);
    call_clobber (hijack);
    mf_hijack_end (hijack);
    g_usleep (20000);
  }
  end (child);
  g_assert_cmpint (atomic_load (&shared->wait_result), ==, 0);
  g_assert_cmpint (atomic_load (&shared->waited_ns), >=, 590000000);
  g_assert_cmpint (atomic_load (&shared->waited_ns), <, 5 * second);
}

static void
test_read (void)
{
  g_assert_cmpint (pipe (ends), ==, 0);
  pid_t child = start (read_once);
  g_autoptr (MfProcess) process = mf_process_open (child, NULL);
  MfHijack *hijack = begin (process, 10 * second);
  call_clobber (hijack);
  mf_hijack_end (hijack);
  g_assert_cmpint (write (ends[1], "x", 1), ==, 1);
  end (child);
  g_assert_cmpint (atomic_load (&shared->wait_result), ==, 1);
  close (ends[0]);
  close (ends[1]);
}

// ---- what goes wrong

static void
test_signal_meanwhile (void)
{
  pid_t child = start (compute);
  g_autoptr (MfProcess) process = mf_process_open (child, NULL);
  MfHijack *hijack = begin (process, 10 * second);
  call_clobber (hijack);
  kill (child, SIGUSR1);
  g_assert_cmpuint (call_clobber (hijack), ==, RESULT);
  g_assert_cmpuint (atomic_load (&shared->signals), ==, 0);
  mf_hijack_end (hijack);
  assert_unharmed ();
  g_assert_cmpuint (atomic_load (&shared->signals), ==, 1);
  kill (child, SIGUSR1);
  assert_unharmed ();
  g_assert_cmpuint (atomic_load (&shared->signals), ==, 2);
  end (child);
}

static void
test_fault (void)
{
  pid_t child = start (compute);
  g_autoptr (MfProcess) process = mf_process_open (child, NULL);
  MfHijack *hijack = begin (process, 10 * second);
  uint64_t result;
  g_autoptr (GError) error = NULL;
  g_assert_false (mf_hijack_call (hijack, (uintptr_t) fault, NULL, 0, &result, &error));
  g_assert_error (error, MF_HIJACK_ERROR, MF_HIJACK_ERROR_FAILED);
  mf_hijack_end (hijack);
  assert_unharmed ();
  end (child);
}

static void
test_call_that_takes_too_long (void)
{
  const uint64_t length = 400;
  pid_t child = start (compute);
  g_autoptr (MfProcess) process = mf_process_open (child, NULL);
  MfHijack *hijack = begin (process, second / 10);
  uint64_t result;
  g_autoptr (GError) error = NULL;
  g_assert_false (mf_hijack_call (hijack, (uintptr_t) clobber_slowly, &length, 1, &result, &error));
  g_assert_error (error, MF_HIJACK_ERROR, MF_HIJACK_ERROR_TIME);
  mf_hijack_end (hijack);
  assert_unharmed ();
  kill (child, SIGUSR1);
  assert_unharmed ();
  g_assert_cmpuint (atomic_load (&shared->signals), ==, 1);
  end (child);
}

// Another process does it, and is killed after so many microseconds.
static void
hijack_and_die (pid_t child, bool slow, unsigned after)
{
  pid_t tracer = fork ();
  if (tracer == 0) {
    const uint64_t length = 100;
    uint64_t result;
    g_autoptr (MfProcess) process = mf_process_open (child, NULL);
    for (;;) {
      MfHijack *hijack = mf_hijack_begin (process, child, now_ns () + 10 * second, NULL);
      if (hijack && mf_hijack_prepare (hijack, getauxval (AT_ENTRY), NULL))
        mf_hijack_call (hijack, slow ? (uintptr_t) clobber_slowly : (uintptr_t) clobber, &length, 1, &result, NULL);
      if (hijack)
        mf_hijack_end (hijack);
    }
  }
  g_usleep (after);
  kill (tracer, SIGKILL);
  waitpid (tracer, NULL, 0);
}

static void
test_killed_during_a_call (void)
{
  pid_t child = start (compute);
  hijack_and_die (child, true, 50000);
  assert_unharmed ();
  kill (child, SIGUSR1);
  assert_unharmed ();
  g_assert_cmpuint (atomic_load (&shared->signals), ==, 1);
  end (child);
}

static void
test_killed_at_any_moment (void)
{
  enum { TIMES = 60 };
  pid_t child = start (compute);
  for (unsigned i = 0; i < TIMES; i++)
    hijack_and_die (child, false, 3000 + i * 37);
  assert_unharmed ();
  for (unsigned i = 1; i < 3; i++) {
    kill (child, SIGUSR1);
    assert_unharmed ();
    g_assert_cmpuint (atomic_load (&shared->signals), ==, i);
  }
  end (child);
}

// A wait that the kernel makes again as it was, and one with a limit, which may end early but not fail otherwise.
static void
test_killed_during_a_wait (void)
{
  g_assert_cmpint (pipe (ends), ==, 0);
  pid_t child = start (read_once);
  hijack_and_die (child, true, 50000);
  g_assert_cmpint (write (ends[1], "x", 1), ==, 1);
  end (child);
  g_assert_cmpint (atomic_load (&shared->wait_result), ==, 1);
  child = start (sleep_once);
  hijack_and_die (child, true, 50000);
  end (child);
  g_assert_true (atomic_load (&shared->wait_result) == EINTR || atomic_load (&shared->wait_result) == 0);
  close (ends[0]);
  close (ends[1]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  shared = mmap (NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  g_assert_true (shared != MAP_FAILED);
  g_test_add_func ("/hijack/registers", test_registers);
  g_test_add_func ("/hijack/sleep", test_sleep);
  g_test_add_func ("/hijack/read", test_read);
  g_test_add_func ("/hijack/signal-meanwhile", test_signal_meanwhile);
  g_test_add_func ("/hijack/fault", test_fault);
  g_test_add_func ("/hijack/call-that-takes-too-long", test_call_that_takes_too_long);
  g_test_add_func ("/hijack/killed-during-a-call", test_killed_during_a_call);
  g_test_add_func ("/hijack/killed-at-any-moment", test_killed_at_any_moment);
  g_test_add_func ("/hijack/killed-during-a-wait", test_killed_during_a_wait);
  return g_test_run ();
}
#else
int
main (void)
{
  g_print ("machines other than x86-64 are not described\n");
  return 77;
}
#endif
