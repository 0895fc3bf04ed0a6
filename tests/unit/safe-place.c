// SPDX-License-Identifier: Apache-2.0
// A thread may be interrupted where it waits or computes by itself, and not below what holds locks or is half done. The
// target is a child of this program.
#include "safe-place.h"

#include <glib.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine.h"

static int ends[2];

// Every place waits here, but for those that compute.
static void
wait_for_end (void)
{
  char byte;
  if (read (ends[0], &byte, 1) < 0)
    _exit (1);
}

// ---- places

static int
take_module (struct dl_phdr_info *module, size_t size, void *user)
{
  (void) module, (void) size, (void) user;
  wait_for_end ();
  return 1;
}

static void
below_the_loader (void)
{
  dl_iterate_phdr (take_module, NULL);
}

static void
below_fork (void)
{
  pthread_atfork (wait_for_end, NULL, NULL);
  if (fork () == 0)
    _exit (0);
}

static void
handle (int number)
{
  (void) number;
  wait_for_end ();
}

static void
in_a_handler (void)
{
  signal (SIGUSR1, handle);
  raise (SIGUSR1);
}

static int
compare (const void *a, const void *b)
{
  wait_for_end ();
  return a < b ? -1 : a > b;
}

static void
below_qsort (void)
{
  int numbers[2] = { 1, 2 };
  qsort (numbers, G_N_ELEMENTS (numbers), sizeof *numbers, compare);
}

static void
computing (void)
{
  for (volatile unsigned i = 0;; i++)
    continue;
}

// ----

static const char *
place_of (void (*work) (void))
{
  g_autoptr (GError) error = NULL;
  g_assert_cmpint (pipe (ends), ==, 0);
  pid_t child = fork ();
  if (child == 0) {
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    work ();
    _exit (0);
  }
  g_usleep (100000);
  g_autoptr (MfProcess) process = mf_process_open (child, NULL);
  g_autoptr (MfSafePlaces) places = mf_safe_places_new (process);
  MfHijack *hijack = mf_hijack_begin (process, child, (g_get_monotonic_time () + 10000000) * 1000, &error);
  g_assert_no_error (error);
  const char *place = mf_safe_places_refuse (places, hijack);
  mf_hijack_end (hijack);
  kill (child, SIGKILL);
  waitpid (child, NULL, 0);
  close (ends[0]);
  close (ends[1]);
  return place;
}

static void
test_harmless_places (void)
{
  g_assert_cmpstr (place_of (wait_for_end), ==, NULL);
  g_assert_cmpstr (place_of (below_qsort), ==, NULL);
  g_assert_cmpstr (place_of (computing), ==, NULL);
}

static void
test_places_to_leave_alone (void)
{
  g_assert_cmpstr (place_of (below_the_loader), ==, "dl_iterate_phdr");
  g_assert_cmpstr (place_of (below_fork), ==, "fork");
  g_assert_cmpstr (place_of (in_a_handler), ==, "a handler of a signal");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (!mf_machine ()) {
    g_print ("threads of this machine cannot be hijacked\n");
    return 77;
  }
  g_test_add_func ("/safe-place/harmless", test_harmless_places);
  g_test_add_func ("/safe-place/to-leave-alone", test_places_to_leave_alone);
  return g_test_run ();
}
