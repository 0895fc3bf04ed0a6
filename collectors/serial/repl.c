// SPDX-License-Identifier: Apache-2.0
// A table of steps: what to send, which bytes end the step, what follows then, and what otherwise.
// Protocol: MicroPython shared/runtime/pyexec.c, unchanged 1.9 to 1.29.
#include "repl.h"

#include <string.h>

#define MILLISECOND G_GINT64_CONSTANT (1000000)
#define PIECE 32 // bytes: half of the smallest receive buffer seen (64)
#define ATTEMPTS 3
#define PIECE_PAUSE (10 * MILLISECOND) // 32 bytes at 38400 baud

// Names stay in ROM and the program's own globals are not touched, as `import` would.
#define DUMP "__import__('micropython').mem_info(1)\r\x04"
#define COLLECT "__import__('gc').collect()\r"

static const char *const scripts[] = { [false] = DUMP, [true] = COLLECT DUMP };
static const char the_script[] = ""; // stands for scripts[collect] in the table

// clang-format off
typedef enum {
  REST, SEEK, SEEK_FROM_RAW, ENTER_RAW, RAW_SCRIPT, RAW_OUTPUT, RAW_ERROR, LEAVE_RAW, ENTER_PASTE,
  PASTE_SCRIPT, END, SOFT_RESET, LEFT, FAILED
} Step;
// clang-format on

typedef struct {
  const char *what; // for messages: "no answer to …"
  const char *send;
  const char *marker; // NULL = only time ends this step
  int64_t limit;      // ns; counted from the last byte received where `patient`
  Step then, otherwise;
  bool patient;
} Rule;

#define PROMPT ">>> "
#define RAW_PROMPT "raw REPL; CTRL-B to exit\r\n>"
#define INTERRUPT "\r\x03\x03"
#define RUN_RAW "the script (raw mode)"
#define RUN_PASTE "the script (paste mode)"
#define S (1000 * MILLISECOND)

// clang-format off
static const Rule rules[] = {
  [REST] = { "waiting", NULL, NULL, 0, SEEK, SEEK, false },
  [SEEK] = { "Ctrl-C", INTERRUPT, PROMPT, 1 * S, ENTER_RAW, SEEK_FROM_RAW, false },
  [SEEK_FROM_RAW] = { "Ctrl-B", INTERRUPT "\x02", PROMPT, 1 * S, ENTER_RAW, SEEK, false },
  [ENTER_RAW] = { "Ctrl-A", "\x01", RAW_PROMPT, 2 * S, RAW_SCRIPT, ENTER_PASTE, false },
  [RAW_SCRIPT] = { RUN_RAW, the_script, "OK", 5 * S, RAW_OUTPUT, SEEK, true },
  [RAW_OUTPUT] = { RUN_RAW, NULL, "\x04", 10 * S, RAW_ERROR, SEEK, true },
  [RAW_ERROR] = { RUN_RAW, NULL, "\x04>", 5 * S, LEAVE_RAW, SEEK, true },
  [LEAVE_RAW] = { "Ctrl-B", "\x02", PROMPT, 2 * S, REST, SEEK, false },
  [ENTER_PASTE] = { "Ctrl-A and Ctrl-E", "\x03\x05", "\n=== ", 2 * S, PASTE_SCRIPT, SEEK, false },
  [PASTE_SCRIPT] = { RUN_PASTE, the_script, PROMPT, 10 * S, REST, SEEK, true },
  [END] = { "Ctrl-B", INTERRUPT "\x02", PROMPT, 2 * S, LEFT, LEFT, false },
  [SOFT_RESET] = { "Ctrl-D", "\x04", "soft reboot", 2 * S, LEFT, LEFT, false },
  [LEFT] = { "nothing", NULL, NULL, G_MAXINT64, LEFT, LEFT, false },
  [FAILED] = { "nothing", NULL, NULL, G_MAXINT64, FAILED, FAILED, false },
};
// clang-format on

static int64_t
later (int64_t now, int64_t span)
{
  return now > G_MAXINT64 - span ? G_MAXINT64 : now + span;
}

static bool
step_seeks (const MfRepl *self)
{
  return self->step == SEEK || self->step == SEEK_FROM_RAW;
}

// The last bytes received, as people can read them.
static void
append_tail (const MfRepl *self, GString *sentence)
{
  g_autofree char *seen = g_strndup ((const char *) self->tail, self->n_tail);
  g_autofree char *shown = g_strescape (seen, NULL);

  if (self->n_tail == 0)
    g_string_append (
        sentence, "the board sent nothing at all: check baud and cable, or press reset");
  else
    g_string_append_printf (sentence,
        "last seen: \"%s\"; a program that ignores Ctrl-C, or not "
        "MicroPython? Let it print by itself: memflow inspect serial --snippet",
        shown);
}

static void
fail (MfRepl *self)
{
  g_autoptr (GString) sentence = g_string_new (NULL);

  if (step_seeks (self))
    g_string_printf (sentence, "no MicroPython prompt within %" G_GINT64_FORMAT " s of Ctrl-C; ",
        self->settings.prompt_timeout / S);
  else
    g_string_printf (
        sentence, "no answer to %s in %d attempts; ", rules[self->step].what, ATTEMPTS);
  append_tail (self, sentence);
  g_strlcpy (self->failure, sentence->str, sizeof self->failure);
}

static void
go (MfRepl *self, Step step, int64_t now)
{
  const Rule *rule = &rules[step];

  self->step = step;
  self->sending = rule->send == the_script ? scripts[self->settings.collect] : rule->send;
  self->left = self->sending ? strlen (self->sending) : 0;
  self->next_send = now;
  self->limit = step == REST ? self->next_poll : later (now, rule->limit);
}

static void
seek (MfRepl *self, int64_t now)
{
  self->attempts++;
  self->give_up = later (now, self->settings.prompt_timeout);
  go (self, SEEK, now);
}

static void
begin_poll (MfRepl *self, int64_t now)
{
  self->next_poll = later (now, self->settings.interval);
  self->attempts = 0;
  self->n_tail = 0;
  self->n_complaint = 0;
  self->complaint[0] = '\0';
  seek (self, now);
}

void
mf_repl_start (MfRepl *self, const MfReplSettings *settings, int64_t now)
{
  *self = (MfRepl){ .settings = *settings };
  begin_poll (self, now);
}

static void
rest (MfRepl *self, int64_t now)
{
  self->polls++;
  self->next_poll = MAX (self->next_poll, now);
  go (self, REST, now);
}

// The marker has been seen.
static void
succeed (MfRepl *self, int64_t now, GString *text)
{
  Step then = rules[self->step].then;

  if (then == RAW_OUTPUT || self->step == RAW_OUTPUT)
    g_string_append_c (text, '\n');
  if (self->step == END && self->settings.soft_reset)
    then = SOFT_RESET;
  if (then == REST)
    rest (self, now);
  else
    go (self, then, now);
}

static bool
tail_ends_with (const MfRepl *self, const char *marker)
{
  size_t n = strlen (marker);

  return n <= self->n_tail && memcmp (self->tail + self->n_tail - n, marker, n) == 0;
}

static void
remember (MfRepl *self, char byte)
{
  if (self->n_tail == sizeof self->tail)
    memmove (self->tail, self->tail + 1, --self->n_tail);
  self->tail[self->n_tail++] = (unsigned char) byte;
}

// What stands between the last two marks; the prompt ">" behind the second is not part of it.
static void
complain (MfRepl *self, char byte)
{
  if (self->n_complaint + 1 < sizeof self->complaint && byte != '\x04') {
    self->complaint[self->n_complaint++] = byte;
    self->complaint[self->n_complaint] = '\0';
  }
}

static void
receive_byte (MfRepl *self, int64_t now, char byte, GString *text)
{
  const char *marker = rules[self->step].marker;

  remember (self, byte);
  if (self->step == RAW_ERROR && !tail_ends_with (self, marker))
    complain (self, byte);
  else if (byte != '\x04')
    g_string_append_c (text, byte);
  if (marker && self->left == 0 && tail_ends_with (self, marker))
    succeed (self, now, text);
}

void
mf_repl_receive (MfRepl *self, int64_t now, const char *bytes, size_t n, GString *text)
{
  for (size_t i = 0; i < n; i++)
    receive_byte (self, now, bytes[i], text);
  if (n > 0 && rules[self->step].patient)
    self->limit = later (now, rules[self->step].limit);
}

const char *
mf_repl_pending (MfRepl *self, int64_t now, size_t *n)
{
  *n = now < self->next_send ? 0 : MIN (self->left, PIECE);
  return self->sending;
}

void
mf_repl_sent (MfRepl *self, int64_t now, size_t n)
{
  self->sending += n;
  self->left -= n;
  self->next_send = later (now, PIECE_PAUSE);
  if (n > 0)
    self->limit = MAX (self->limit, later (now, rules[self->step].limit));
}

// Seeking ends by time; a script that nobody answers is tried again, but not for ever.
static bool
is_hopeless (const MfRepl *self, int64_t now)
{
  if (step_seeks (self))
    return now >= self->give_up;
  return rules[self->step].otherwise == SEEK && self->attempts >= ATTEMPTS;
}

void
mf_repl_tick (MfRepl *self, int64_t now)
{
  Step otherwise = rules[self->step].otherwise;

  if (now < self->limit)
    return;
  if (self->step == REST)
    begin_poll (self, now);
  else if (is_hopeless (self, now)) {
    fail (self);
    go (self, FAILED, now);
  } else if (otherwise == SEEK && !step_seeks (self))
    seek (self, now);
  else
    go (self, otherwise, now);
}

int64_t
mf_repl_get_deadline (const MfRepl *self)
{
  return self->left > 0 ? MIN (self->next_send, self->limit) : self->limit;
}

void
mf_repl_leave (MfRepl *self, int64_t now)
{
  if (self->step == REST)
    go (self, self->settings.soft_reset ? SOFT_RESET : LEFT, now);
  else if (self->step < END)
    go (self, END, now);
}

MfReplPhase
mf_repl_get_phase (const MfRepl *self)
{
  if (self->step == REST)
    return MF_REPL_RESTING;
  if (self->step == LEFT)
    return MF_REPL_LEFT;
  return self->step == FAILED ? MF_REPL_FAILED : MF_REPL_TALKING;
}

uint64_t
mf_repl_get_polls (const MfRepl *self)
{
  return self->polls;
}

bool
mf_repl_is_interrupting (const MfRepl *self)
{
  return step_seeks (self) || self->step == END;
}

bool
mf_repl_is_asking (const MfRepl *self)
{
  return self->step >= RAW_SCRIPT && self->step <= PASTE_SCRIPT;
}

const char *
mf_repl_get_failure (const MfRepl *self)
{
  return self->failure;
}

const char *
mf_repl_get_complaint (const MfRepl *self)
{
  return self->complaint;
}
