// SPDX-License-Identifier: Apache-2.0
// Native stacks: the same addresses that the compiler's own unwinder finds, from all kinds of frames.
#include "native-unwind.h"

#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unwind.h>

enum { MOST = 4096 };

static MfUnwindRows rows;
static uint32_t compared, deepest;

typedef struct { uintptr_t addresses[MOST]; uint32_t n; } Theirs;

static _Unwind_Reason_Code
add_frame (struct _Unwind_Context *context, void *user)
{
  Theirs *theirs = user;
  uintptr_t address = _Unwind_GetIP (context);
  if (address && theirs->n < MOST)
    theirs->addresses[theirs->n++] = address;
  return _URC_NO_REASON;
}

// Addresses in the caller differ by where in it they were asked for: they are compared from its caller on.
__attribute__ ((noinline)) static void
compare (void)
{
  static uintptr_t ours[MOST];
  static Theirs theirs;
  MfUnwindEnd end;
  uint32_t n = mf_unwind (&rows, ours, MOST, &end);
  theirs.n = 0;
  _Unwind_Backtrace (add_frame, &theirs);
  g_assert_cmpint (end, ==, MF_UNWIND_WHOLE);
  g_assert_cmpuint (n, ==, theirs.n);
  for (uint32_t i = 1; i < n; i++)
    g_assert_cmphex (ours[i], ==, theirs.addresses[i]);
  compared++;
  deepest = MAX (deepest, n);
}

__attribute__ ((noinline)) static int
recurse (int n)
{
  volatile int depth = n;  // read behind the call: no tail call
  if (n == 0)
    compare ();
  else
    recurse (n - 1);
  return depth;
}

// A frame whose size is not known at compile time needs its frame pointer.
__attribute__ ((noinline)) static size_t
variable (size_t n)
{
  char room[n];
  memset (room, 1, n);
  if (n > 1)
    variable (n > 8 ? n - 7 : 1);
  else
    compare ();
  return (size_t) room[n - 1];
}

static int
by_value (const void *a, const void *b)
{
  if (compared < 1000)
    compare ();
  return *(const int *) a - *(const int *) b;
}

static void
test_frames (void)
{
  recurse (0);
  recurse (1);
  recurse (3000);
  g_assert_cmpuint (deepest, >, 3000);
  variable (500);
}

static void
test_through_the_c_library (void)
{
  int values[] = { 3, 1, 2, 5, 4 };
  uint32_t before = compared;
  qsort (values, G_N_ELEMENTS (values), sizeof values[0], by_value);
  g_assert_cmpuint (compared, >, before);
}

static void *
in_thread (void *user)
{
  recurse (100);
  return user;
}

static void
test_threads (void)
{
  pthread_t thread;
  g_assert_cmpint (pthread_create (&thread, NULL, in_thread, NULL), ==, 0);
  pthread_join (thread, NULL);
}

static void
test_cut (void)
{
  uintptr_t addresses[4] = { 0, 0, 0, 77 };
  MfUnwindEnd end;
  g_assert_cmpuint (mf_unwind (&rows, addresses, 3, &end), ==, 3);
  g_assert_cmpint (end, ==, MF_UNWIND_CUT);
  g_assert_cmphex (addresses[3], ==, 77);
}

static uint32_t in_signal;

static void
on_signal (int number)
{
  uintptr_t addresses[64];
  MfUnwindEnd end;
  (void) number;
  in_signal = mf_unwind (&rows, addresses, 64, &end);
}

// A handler on a stack of its own has no stack that is known: nothing is read beyond it.
static void
test_foreign_stack (void)
{
  stack_t own = { .ss_sp = g_malloc (1 << 16), .ss_size = 1 << 16 };
  struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
  g_assert_cmpint (sigaltstack (&own, NULL), ==, 0);
  g_assert_cmpint (sigaction (SIGUSR1, &action, NULL), ==, 0);
  raise (SIGUSR1);
  g_assert_cmpuint (in_signal, <, 64);
  own.ss_flags = SS_DISABLE;
  sigaltstack (&own, NULL);
  g_free (own.ss_sp);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  mf_unwind_start ();
  g_test_add_func ("/unwind/frames", test_frames);
  g_test_add_func ("/unwind/c-library", test_through_the_c_library);
  g_test_add_func ("/unwind/threads", test_threads);
  g_test_add_func ("/unwind/cut", test_cut);
  g_test_add_func ("/unwind/foreign-stack", test_foreign_stack);
  return g_test_run ();
}
