// SPDX-License-Identifier: Apache-2.0
// The prompt driver against conversations recorded from the micro:bit firmware 1.9.2: a script of
// what the board answers to what it is sent, on a clock that the test turns.
#include "repl.h"

#include <string.h>

#define MS G_GINT64_CONSTANT (1000000)
#define S (1000 * MS)

#define BANNER                                                                                     \
  "MicroPython v1.9.2-34-gd64154c73 on 2017-09-01; micro:bit v1.0.1 with nRF51822\r\n"             \
  "Type \"help()\" for more information.\r\n>>> "
#define PROMPTS "\r\n>>> \r\n>>> \r\n>>> "
#define RAW "\r\nraw REPL; CTRL-B to exit\r\n>"
#define DUMP                                                                                       \
  "stack: 528 out of 1800\r\nGC: total: 10048, used: 544, free: 9504\r\n"                          \
  " No. of 1-blocks: 1, 2-blocks: 1, max blk sz: 19, max free sz: 538\r\n"                         \
  "GC memory layout; from 200004a0:\r\n"                                                           \
  "00000: h=h==================h====B..........h==........................\r\n"                    \
  "00400: ......................h===......................................\r\n"                    \
  "       (7 lines all free)\r\n"                                                                  \
  "02400: ....................................................\r\n"
#define ASK "__import__('micropython').mem_info(1)\r\x04"
#define COLLECT "__import__('gc').collect()\r"
#define INTERRUPT "\r\x03\x03"

// One exchange: what must have been sent, then what comes back.
typedef struct {
  const char *sent, *answer;
} Exchange;

typedef struct {
  MfRepl repl;
  int64_t now;
  size_t chunk;  // bytes that arrive at once
  GString *text; // what the readers of dumps got
  GString *sent;
  size_t longest; // piece that was sent
} Board;

static void
board_start (Board *board, const MfReplSettings *settings, size_t chunk)
{
  *board = (Board){ .now = 7 * S, .chunk = chunk };
  board->text = g_string_new (NULL);
  board->sent = g_string_new (NULL);
  mf_repl_start (&board->repl, settings, board->now);
}

static void
board_clear (Board *board)
{
  g_string_free (board->text, TRUE);
  g_string_free (board->sent, TRUE);
}

// Turns the clock from deadline to deadline until `n` bytes were sent or `until` is reached.
static void
board_listen (Board *board, size_t n, int64_t until)
{
  while (board->sent->len < n && board->now <= until) {
    size_t piece;
    const char *bytes;

    mf_repl_tick (&board->repl, board->now);
    bytes = mf_repl_pending (&board->repl, board->now, &piece);
    if (piece > 0) {
      g_string_append_len (board->sent, bytes, (gssize)piece);
      board->longest = MAX (board->longest, piece);
      mf_repl_sent (&board->repl, board->now, piece);
      continue;
    }
    board->now = MAX (board->now + 1, mf_repl_get_deadline (&board->repl));
  }
}

static void
board_say (Board *board, const char *answer)
{
  size_t n = strlen (answer);

  for (size_t at = 0; at < n; at += board->chunk) {
    board->now += MS;
    mf_repl_receive (
        &board->repl, board->now, answer + at, MIN (board->chunk, n - at), board->text);
  }
}

static void
board_play (Board *board, const Exchange *exchanges, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    g_string_truncate (board->sent, 0);
    board_listen (board, strlen (exchanges[i].sent), board->now + 60 * S);
    g_assert_cmpstr (board->sent->str, ==, exchanges[i].sent);
    board_say (board, exchanges[i].answer);
  }
}

static const MfReplSettings every_5_s = { .interval = 5 * S, .prompt_timeout = 10 * S };

static const Exchange raw_poll[] = {
  { INTERRUPT, PROMPTS },
  { "\x01", RAW },
  { ASK, "OK" DUMP "\x04\x04>" },
  { "\x02", "\r\n" BANNER },
};

static void
test_raw (gconstpointer chunk)
{
  Board board;

  board_start (&board, &every_5_s, GPOINTER_TO_SIZE (chunk));
  board_play (&board, raw_poll, G_N_ELEMENTS (raw_poll));
  g_assert_cmpint (mf_repl_get_phase (&board.repl), ==, MF_REPL_RESTING);
  g_assert_cmpuint (mf_repl_get_polls (&board.repl), ==, 1);
  g_assert_cmpint (mf_repl_get_deadline (&board.repl), ==, 7 * S + 5 * S);
  g_assert_nonnull (strstr (board.text->str, ">OK\n" DUMP "\n"));
  g_assert_null (strchr (board.text->str, 4));
  g_assert_cmpuint (board.longest, <=, 32);

  board_play (&board, raw_poll, G_N_ELEMENTS (raw_poll));
  g_assert_cmpuint (mf_repl_get_polls (&board.repl), ==, 2);
  g_assert_cmpstr (mf_repl_get_complaint (&board.repl), ==, "");
  board_clear (&board);
}

static void
test_paste (gconstpointer chunk)
{
  MfReplSettings collecting = every_5_s;
  Board board;
  const Exchange exchanges[] = {
    { INTERRUPT, PROMPTS },
    { "\x01\x03\x05", "\r\n>>> \r\npaste mode; Ctrl-C to cancel, Ctrl-D to finish\r\n=== " },
    { COLLECT ASK,
        "__import__('gc').collect()\r\n=== __import__('micropython').mem_info(1)\r\n=== \r\n" DUMP
        ">>> " },
  };

  collecting.collect = true;
  board_start (&board, &collecting, GPOINTER_TO_SIZE (chunk));
  board_play (&board, exchanges, G_N_ELEMENTS (exchanges));
  g_assert_cmpint (mf_repl_get_phase (&board.repl), ==, MF_REPL_RESTING);
  g_assert_cmpuint (mf_repl_get_polls (&board.repl), ==, 1);
  g_assert_nonnull (strstr (board.text->str, "=== \r\n" DUMP ">>> "));
  board_clear (&board);
}

// A tool that died has left the board in raw mode, where Ctrl-C answers nothing.
static void
test_found_in_raw_mode (void)
{
  Board board;
  const Exchange exchanges[] = {
    { INTERRUPT, "" },
    { INTERRUPT "\x02", "\r\n" BANNER },
    { "\x01", RAW },
    { ASK, "OK" DUMP "\x04\x04>" },
    { "\x02", "\r\n" BANNER },
  };

  board_start (&board, &every_5_s, 64);
  board_play (&board, exchanges, G_N_ELEMENTS (exchanges));
  g_assert_cmpuint (mf_repl_get_polls (&board.repl), ==, 1);
  board_clear (&board);
}

static void
test_interrupts_program (void)
{
  Board board;
  const Exchange exchanges[] = {
    { INTERRUPT, "Traceback (most recent call last):\r\n  File \"<stdin>\", line 1, in <module>\r\n"
                 "KeyboardInterrupt: \r\n" },
  };

  board_start (&board, &every_5_s, 64);
  board_play (&board, exchanges, G_N_ELEMENTS (exchanges));
  g_assert_true (mf_repl_is_interrupting (&board.repl));
  g_assert_nonnull (strstr (board.text->str, "KeyboardInterrupt"));
  board_say (&board, ">>> ");
  g_assert_false (mf_repl_is_interrupting (&board.repl));
  board_clear (&board);
}

static void
test_complaint (void)
{
  Board board;
  const Exchange exchanges[] = {
    { INTERRUPT, PROMPTS },
    { "\x01", RAW },
    { ASK, "OK\x04"
           "Traceback (most recent call last):\r\nMemoryError: \r\n\x04>" },
    { "\x02", "\r\n" BANNER },
  };

  board_start (&board, &every_5_s, 1);
  board_play (&board, exchanges, G_N_ELEMENTS (exchanges));
  g_assert_cmpuint (mf_repl_get_polls (&board.repl), ==, 1);
  g_assert_true (g_str_has_prefix (mf_repl_get_complaint (&board.repl), "Traceback"));
  g_assert_null (strstr (board.text->str, "MemoryError"));
  board_clear (&board);
}

static void
test_silence (void)
{
  Board board;

  board_start (&board, &every_5_s, 1);
  board_listen (&board, SIZE_MAX, 7 * S + 12 * S);
  g_assert_cmpint (mf_repl_get_phase (&board.repl), ==, MF_REPL_FAILED);
  g_assert_cmpstr (mf_repl_get_failure (&board.repl), ==,
      "no MicroPython prompt within 10 s of Ctrl-C; the board sent nothing at all: "
      "check baud and cable, or press reset");
  board_clear (&board);
}

static void
test_other_firmware (void)
{
  Board board;

  board_start (&board, &every_5_s, 3);
  board_listen (&board, 3, 8 * S);
  board_say (&board, "I (312) main: \x1b[0mhello\r\n");
  board_listen (&board, SIZE_MAX, 7 * S + 12 * S);
  g_assert_cmpint (mf_repl_get_phase (&board.repl), ==, MF_REPL_FAILED);
  g_assert_nonnull (strstr (
      mf_repl_get_failure (&board.repl), "last seen: \"I (312) main: \\033[0mhello\\r\\n\""));
  board_clear (&board);
}

// The prompt answers but scripts do not: three attempts, not an endless loop.
static void
test_script_hangs (void)
{
  Board board;

  board_start (&board, &every_5_s, 64);
  for (int i = 0; i < 3; i++) {
    const Exchange exchanges[]
        = { { INTERRUPT, PROMPTS }, { "\x01", RAW }, { ASK, "OKstack: 52" } };

    g_assert_cmpint (mf_repl_get_phase (&board.repl), ==, MF_REPL_TALKING);
    board_play (&board, exchanges, G_N_ELEMENTS (exchanges));
  }
  board_listen (&board, SIZE_MAX, board.now + 11 * S);
  g_assert_cmpint (mf_repl_get_phase (&board.repl), ==, MF_REPL_FAILED);
  g_assert_true (g_str_has_prefix (mf_repl_get_failure (&board.repl),
      "no answer to the script (raw mode) in 3 attempts; last seen: "));
  board_clear (&board);
}

static void
test_leave (void)
{
  Board board;

  board_start (&board, &every_5_s, 64);
  board_play (&board, raw_poll, G_N_ELEMENTS (raw_poll));
  mf_repl_leave (&board.repl, board.now);
  g_assert_cmpint (mf_repl_get_phase (&board.repl), ==, MF_REPL_LEFT);
  board_clear (&board);
}

static void
test_leave_by_reset_in_mid_poll (void)
{
  MfReplSettings resetting = every_5_s;
  const Exchange exchanges[] = {
    { INTERRUPT "\x02", "\r\n" BANNER },
    { "\x04", "\r\nsoft reboot\r\n" },
  };
  Board board;

  resetting.soft_reset = true;
  board_start (&board, &resetting, 64);
  board_play (&board, raw_poll, 2);
  mf_repl_leave (&board.repl, board.now);
  board_play (&board, exchanges, G_N_ELEMENTS (exchanges));
  g_assert_cmpint (mf_repl_get_phase (&board.repl), ==, MF_REPL_LEFT);
  board_clear (&board);
}

// A port that takes nothing (flow control holds it) must not keep the machine waiting for ever.
static void
test_blocked_port (void)
{
  MfRepl repl;
  int64_t now = 0;
  size_t n;

  mf_repl_start (&repl, &every_5_s, now);
  while (mf_repl_get_phase (&repl) == MF_REPL_TALKING && now < 60 * S) {
    mf_repl_tick (&repl, now);
    mf_repl_pending (&repl, now, &n);
    if (n > 0)
      mf_repl_sent (&repl, now, 0);
    now = MAX (now + 1, mf_repl_get_deadline (&repl));
  }
  g_assert_cmpint (mf_repl_get_phase (&repl), ==, MF_REPL_FAILED);
}

int
main (int argc, char **argv)
{
  static const size_t chunks[] = { 1, 3, 64, 4096 };

  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (chunks); i++) {
    g_autofree char *raw = g_strdup_printf ("/repl/raw/%zu", chunks[i]);
    g_autofree char *paste = g_strdup_printf ("/repl/paste/%zu", chunks[i]);

    g_test_add_data_func (raw, GSIZE_TO_POINTER (chunks[i]), test_raw);
    g_test_add_data_func (paste, GSIZE_TO_POINTER (chunks[i]), test_paste);
  }
  g_test_add_func ("/repl/found-in-raw-mode", test_found_in_raw_mode);
  g_test_add_func ("/repl/interrupts-program", test_interrupts_program);
  g_test_add_func ("/repl/complaint", test_complaint);
  g_test_add_func ("/repl/silence", test_silence);
  g_test_add_func ("/repl/other-firmware", test_other_firmware);
  g_test_add_func ("/repl/script-hangs", test_script_hangs);
  g_test_add_func ("/repl/leave", test_leave);
  g_test_add_func ("/repl/leave-by-reset-in-mid-poll", test_leave_by_reset_in_mid_poll);
  g_test_add_func ("/repl/blocked-port", test_blocked_port);
  return g_test_run ();
}
