// SPDX-License-Identifier: Apache-2.0
// Interning: equal bytes have equal ids, whichever thread came first, and what does not fit is counted.
#include "base/intern.h"

#include <glib.h>
#include <pthread.h>
#include <string.h>

typedef struct { MfIntern *intern; MfMemory memory; } Fixture;

static void
set_up (Fixture *fixture, gconstpointer most)
{
  fixture->intern = mf_intern_new (&fixture->memory, most ? GPOINTER_TO_UINT (most) : 1 << 20);
}

static void
tear_down (Fixture *fixture, gconstpointer most)
{
  (void) most;
  mf_intern_free (fixture->intern);
}

static uint32_t
add (const Fixture *fixture, const char *text)
{
  return mf_intern_add (fixture->intern, text, strlen (text));
}

static void
test_equal_texts (Fixture *fixture, gconstpointer data)
{
  (void) data;
  uint32_t heap = add (fixture, "heap"), block = add (fixture, "block");
  g_assert_cmpuint (heap, ==, 1);
  g_assert_cmpuint (block, ==, 2);
  g_assert_cmpuint (add (fixture, "heap"), ==, heap);
  g_assert_cmpstr (mf_intern_get (fixture->intern, block, NULL), ==, "block");
}

static void
test_bytes (Fixture *fixture, gconstpointer data)
{
  (void) data;
  size_t length;
  uint32_t first = mf_intern_add (fixture->intern, "a\0b", 3), second = mf_intern_add (fixture->intern, "a\0c", 3);
  g_assert_cmpuint (first, !=, second);
  g_assert_cmpmem (mf_intern_get (fixture->intern, second, &length), 4, "a\0c", 4);  // and a NUL behind
  g_assert_cmpuint (length, ==, 3);
  g_assert_cmpuint (mf_intern_add (fixture->intern, "a", 1), !=, first);
}

static void
test_nothing (Fixture *fixture, gconstpointer data)
{
  (void) data;
  size_t length = 1;
  g_assert_cmpuint (add (fixture, ""), ==, 0);
  g_assert_cmpstr (mf_intern_get (fixture->intern, 0, &length), ==, "");
  g_assert_cmpuint (length, ==, 0);
  g_assert_cmpstr (mf_intern_get (fixture->intern, 77, NULL), ==, "");
  g_assert_cmpstr (mf_intern_get (fixture->intern, UINT32_MAX, NULL), ==, "");
  g_assert_cmpuint (mf_intern_refused (fixture->intern), ==, 0);
}

static void
test_long_texts_are_cut (Fixture *fixture, gconstpointer data)
{
  (void) data;
  size_t length;
  g_autofree char *text = g_strnfill (MF_INTERN_MAX_LENGTH + 10, 'x');
  uint32_t id = add (fixture, text);
  mf_intern_get (fixture->intern, id, &length);
  g_assert_cmpuint (length, ==, MF_INTERN_MAX_LENGTH);
  text[MF_INTERN_MAX_LENGTH] = 'y';
  g_assert_cmpuint (add (fixture, text), ==, id);
}

static void
test_full_table (Fixture *fixture, gconstpointer data)
{
  (void) data;
  g_assert_cmpuint (add (fixture, "1"), ==, 1);
  g_assert_cmpuint (add (fixture, "2"), ==, 2);
  g_assert_cmpuint (add (fixture, "3"), ==, 0);
  g_assert_cmpuint (add (fixture, "2"), ==, 2);
  g_assert_cmpuint (mf_intern_refused (fixture->intern), ==, 1);
}

static void
test_no_memory (Fixture *fixture, gconstpointer data)
{
  (void) data;
  for (uint32_t got = 0; got < 3; got++) {  // the index, a page and a store: what was got is kept for the next try
    fixture->memory.fail_at = fixture->memory.requests + 1;
    g_assert_cmpuint (add (fixture, "text"), ==, 0);
    fixture->memory.fail_at = fixture->memory.requests + 2;
    g_assert_cmpuint (add (fixture, "text"), ==, got == 2);
  }
  g_assert_cmpuint (mf_intern_refused (fixture->intern), ==, 5);
  fixture->memory.fail_at = 0;
  g_assert_cmpuint (add (fixture, "text"), ==, 1);
}

enum { THREADS = 4, TEXTS = 5000 };

typedef struct { const Fixture *fixture; uint32_t ids[TEXTS]; uint32_t first; } Adder;

// Each thread adds the same texts from another start on, and reads each back at once.
static void *
add_all (void *data)
{
  Adder *adder = data;
  for (uint32_t i = 0; i < TEXTS; i++) {
    uint32_t number = (adder->first + i) % TEXTS;
    g_autofree char *text = g_strdup_printf ("function %u", number);
    adder->ids[number] = add (adder->fixture, text);
    g_assert_cmpstr (mf_intern_get (adder->fixture->intern, adder->ids[number], NULL), ==, text);
  }
  return NULL;
}

static void
test_threads (Fixture *fixture, gconstpointer data)
{
  (void) data;
  static Adder adders[THREADS];
  pthread_t threads[THREADS];
  for (uint32_t i = 0; i < THREADS; i++) {
    adders[i] = (Adder) { .fixture = fixture, .first = i * TEXTS / THREADS };
    g_assert_cmpint (pthread_create (&threads[i], NULL, add_all, &adders[i]), ==, 0);
  }
  for (uint32_t i = 0; i < THREADS; i++)
    pthread_join (threads[i], NULL);
  g_autofree bool *seen = g_new0 (bool, TEXTS + 1);
  for (uint32_t i = 0; i < TEXTS; i++) {
    g_assert_cmpuint (adders[0].ids[i], >=, 1);
    g_assert_cmpuint (adders[0].ids[i], <=, TEXTS);
    g_assert_false (seen[adders[0].ids[i]]);
    seen[adders[0].ids[i]] = true;
    for (uint32_t t = 1; t < THREADS; t++)
      g_assert_cmpuint (adders[t].ids[i], ==, adders[0].ids[i]);
  }
}

#define TEST(path, most, function) \
  g_test_add (path, Fixture, GUINT_TO_POINTER (most), set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  TEST ("/intern/equal-texts", 0, test_equal_texts);
  TEST ("/intern/bytes", 0, test_bytes);
  TEST ("/intern/nothing", 0, test_nothing);
  TEST ("/intern/long-texts-are-cut", 0, test_long_texts_are_cut);
  TEST ("/intern/full-table", 2, test_full_table);
  TEST ("/intern/no-memory", 0, test_no_memory);
  TEST ("/intern/threads", 0, test_threads);
  return g_test_run ();
}
