// SPDX-License-Identifier: Apache-2.0
// What holds for whatever a process is read from, and thread numbers inside and outside of a container.
#include "native-threads.h"
#include "process-fixture.h"

enum { RW = MF_MAPPING_READ | MF_MAPPING_WRITE };

static void
test_memory (void)
{
  static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
  MadeProcess *made;
  g_autoptr (MfProcess) process = made_process (4, &made);
  uint64_t number;
  made_area (made, 0x1000, bytes, sizeof bytes, RW, NULL);
  g_assert_true (mf_process_pointer (process, 0x1000, &number));
  g_assert_cmphex (number, ==, 0x04030201);
  g_assert_true (mf_process_number (process, 0x1002, 8, &number));
  g_assert_cmphex (number, ==, UINT64_C (0x0a09080706050403));
  g_assert_false (mf_process_number (process, 0x1003, 8, &number));
  g_assert_false (mf_process_number (process, 0x1000, 9, &number));
  const GArray *mappings = mf_process_mappings (process, NULL);
  g_assert_cmpuint (mappings->len, ==, 1);
  g_assert_cmphex (g_array_index (mappings, MfMapping, 0).to, ==, 0x100a);
}

static void
test_threads_in_order (void)
{
  MadeProcess *made;
  g_autoptr (MfProcess) process = made_process (8, &made);
  made_thread (made, 30, 2);
  made_thread (made, 20, 1);
  g_autoptr (GArray) threads = mf_process_threads (process), ids = mf_process_thread_ids (process);
  g_assert_cmpint (g_array_index (threads, int32_t, 0), ==, 20);
  g_assert_cmpint (g_array_index (threads, int32_t, 1), ==, 30);
  g_assert_cmpint (g_array_index (ids, MfThreadId, 1).inside, ==, 2);
}

// The state of a thread says 2, or leads to a record of the C library with a 2 in it.
static void
test_numbers_of_a_container (void)
{
  const MfPythonOffsets told = { .pointer = 8, .pthread = 8, .native_thread = 0 },
    searched = { .pointer = 8, .pthread = 8, .native_thread = -1 };
  uint64_t state[] = { 2, 0x4000 };
  static uint32_t record[512];
  MadeProcess *made;
  g_autoptr (MfProcess) process = made_process (8, &made);
  MfNativeThreads native = { 0 };
  record[180] = 2;
  made_area (made, 0x4000, record, sizeof record, RW, NULL);
  made_thread (made, 1001, 1);
  made_thread (made, 1002, 2);
  g_assert_cmpuint (mf_native_thread (&native, process, &told, (const uint8_t *) state), ==, 1002);
  g_assert_cmpuint (mf_native_thread (&native, process, &searched, (const uint8_t *) state), ==, 1002);
  g_assert_cmpint (native.offset, ==, 720);
  made_thread (made, 1003, 3);  // started later
  state[0] = 3;
  g_assert_cmpuint (mf_native_thread (&native, process, &told, (const uint8_t *) state), ==, 1003);
  state[0] = 4;
  g_assert_cmpuint (mf_native_thread (&native, process, &told, (const uint8_t *) state), ==, 0);
  mf_native_threads_clear (&native);
}

static void
test_numbers_that_are_the_same (void)
{
  const MfPythonOffsets told = { .pointer = 8, .native_thread = 0 };
  const uint64_t state[] = { 1002, 0 };
  MadeProcess *made;
  g_autoptr (MfProcess) process = made_process (8, &made);
  MfNativeThreads native = { 0 };
  made_thread (made, 1002, 1002);
  g_assert_cmpuint (mf_native_thread (&native, process, &told, (const uint8_t *) state), ==, 1002);
  mf_native_threads_clear (&native);
}

int
main (int n, char **words)
{
  g_test_init (&n, &words, NULL);
  g_test_add_func ("/process/memory", test_memory);
  g_test_add_func ("/process/threads-in-order", test_threads_in_order);
  g_test_add_func ("/process/numbers-of-a-container", test_numbers_of_a_container);
  g_test_add_func ("/process/numbers-that-are-the-same", test_numbers_that_are_the_same);
  return g_test_run ();
}
