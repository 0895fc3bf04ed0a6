// SPDX-License-Identifier: Apache-2.0
// One table says what each option is called, means and defaults to; the help is printed from it.
#include "settings.h"

#include <stdio.h>

#include "literal.h"
#include "pack.h"

static const MfOption options[] = {
  MF_OPTION (Settings, output, NULL, "write the capture to this file; - is the standard output, and the\n"
    "program's own output goes to the standard error"),
  MF_OPTION (Settings, to, NULL, "or send it: HOST:PORT, unix:PATH, or a serial device /dev/ttyX[:BAUD]"),
  MF_OPTION (Settings, secret, NULL, "file with the secret that both ends share; needed beyond this machine.\n"
    "The environment variable MEMFLOW_SECRET may hold it instead"),
  MF_OPTION (Settings, rotate, NULL, "begin a new file at this size: app.mfc becomes app.001.mfc, app.002.mfc …\n"
    "Each can be read alone", .low = 65536, .high = 1e15),
  MF_OPTION (Settings, memory, NULL, "most memory for rings, tables and buffers together; `ring` and `threads` become\n"
    "what fits", .low = 131072, .high = 1e15),
  MF_OPTION (Settings, for_, NULL, "end the recording after that time; the program goes on"),
  MF_RECORDING_OPTIONS (Settings, NULL),
  MF_OPTION (Settings, flush, NULL, "longest time that an event waits to be written: 250ms, or 20ms to a receiver",
    .low = 1e6, .high = 3.6e12),
  MF_OPTION (Settings, linger, "30s", "how long a receiver that takes nothing is waited for at the end"),
  MF_OPTION (Settings, compression, NULL, "level of zstd, 0 to 19; 0 = none. Where it is built in: 1, or a faster one for a\n"
    "file with full times", .low = 0, .high = 19),
  MF_OPTION (Settings, resolution, "0", "round times down to this, for shorter captures: 1us", .low = 0, .high = 1e9),
  MF_OPTION (Settings, quiet, "no", "print only errors"),
};
enum { N_OPTIONS = sizeof options / sizeof options[0] };

static const char usage[] =
  "usage: %1$s -o FILE [OPTION...] -- COMMAND...\n"
  "       %1$s --to HOST:PORT [OPTION...] -- COMMAND...\n\n"
  "Runs a Python program and records each of its allocations, with its time and the functions that led to it.\n"
  "The program needs no change; its exit status becomes that of %1$s, unless that has failed itself.\n"
  "A capture is analysed by `memflow run CONFIG FILE`; a receiver is `memflow run listen`.\n\n";
static const char endings[] =
  "\nExit status: the program's own, or 128 + the signal that killed it; 1 the capture is not whole, 2 wrong usage,\n"
  "126 the program cannot be started.\n";

// ---- names

static void
name_of (const MfOption *option, char *name, size_t n)
{
  snprintf (name, n, "%s", option->name);
  for (char *at = name; *at; at++)
    if (*at == '_')
      *at = at[1] ? '-' : '\0';
}

static const MfOption *
find (const char *name, size_t n)
{
  static const char *const letters[][2] = { { "o", "output" }, { "q", "quiet" } };
  char known[32];
  for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
    if (n == 1 && *name == *letters[i][0])
      return find (letters[i][1], strlen (letters[i][1]));
  for (size_t i = 0; i < N_OPTIONS; i++) {
    name_of (&options[i], known, sizeof known);
    if (strlen (known) == n && !memcmp (known, name, n))
      return &options[i];
  }
  return NULL;
}

// ---- help

static void
print_option (const MfOption *option)
{
  char name[32], value[64], left[112];
  name_of (option, name, sizeof name);
  mf_literal_describe (option, value, sizeof value);
  snprintf (left, sizeof left, "%s--%s %s", !strcmp (name, "output") ? "-o, " : "    ", name, value);
  printf ("  %-26s ", left);
  if (strlen (left) > 26)
    printf ("\n%29s", "");
  for (const char *at = option->doc; *at; at++)
    if (*at == '\n')
      printf ("\n%29s", "");
    else
      putchar (*at);
  printf (option->fallback ? " (%s)\n" : "\n", option->fallback);
}

static int
print_help (const Settings *settings)
{
  printf (usage, settings->program);
  for (size_t i = 0; i < N_OPTIONS; i++)
    print_option (&options[i]);
  fputs (endings, stdout);
  return 0;
}

// ---- reading

static int
refuse (const Settings *settings, const char *what, const char *argument, const char *why)
{
  fprintf (stderr, "%s: %s%s%s%s (--help shows what there is)\n", settings->program, what, argument, *why ? ": " : "", why);
  return 2;
}

static bool
set_fallbacks (Settings *settings)
{
  char why[128];
  const char *program = settings->program;
  memset (settings, 0xff, sizeof *settings);
  settings->program = program;
  settings->output = settings->to = settings->secret = settings->agent.path = NULL;
  bool good = true;
  for (size_t i = 0; i < N_OPTIONS; i++)
    if (options[i].fallback)
      good &= mf_literal_set (&options[i], options[i].fallback, settings, why, sizeof why);
  return good;
}

static bool
is_yes_or_no (const char *argument)
{
  return argument && (!strcmp (argument, "yes") || !strcmp (argument, "no"));
}

// One argument that begins with a dash, and the next one where that is its value: how many were used. 0 = wrong.
static int
take_option (Settings *settings, char **arguments, int *status)
{
  char *argument = arguments[0], *name = argument + 1 + (argument[1] == '-'), why[160];
  size_t n = strcspn (name, "=");
  bool no = !strncmp (name, "no-", 3);
  const MfOption *option = find (no ? name + 3 : name, no ? n - 3 : n);
  const char *value = name[n] ? name + n + 1 : NULL;
  int used = 1;
  *status = 2;
  if (!option || (no && (value || option->kind != MF_BOOL)))
    return refuse (settings, "there is no option ", argument, "") & 0;
  if (option->kind == MF_BOOL && !value && (no || !is_yes_or_no (arguments[1])))
    value = no ? "no" : "yes";
  if (!value) {
    value = arguments[used++];
    if (!value)
      return refuse (settings, argument, " needs a value", "") & 0;
  }
  if (mf_literal_set (option, value, settings, why, sizeof why))
    return used;
  return refuse (settings, argument, "", why) & 0;
}

static int
check (const Settings *settings)
{
  if (!settings->n_words)
    return refuse (settings, "there is nothing to run: give a command, for example  -- python3 app.py", "", "");
  if (!settings->output == !settings->to)
    return refuse (settings, settings->to ? "give either -o or --to" : "say where the capture goes: -o FILE or --to HOST:PORT", "", "");
  if (settings->ring.bytes & (settings->ring.bytes - 1))
    return refuse (settings, "the size of a ring has to be a power of two, such as 256KiB", "", "");
  if (settings->rotate.bytes != MF_SIZE_NONE.bytes && (!settings->output || !strcmp (settings->output, "-")))
    return refuse (settings, "only files can be rotated: give -o FILE", "", "");
  if (settings->mode == MF_MODE_SAMPLE && (settings->maps || settings->types))
    return refuse (settings, "maps and types need each call, and --mode sample records some", "", "");
  if (settings->compression && !mf_pack_available () && !mf_is_unset (settings->compression))
    return refuse (settings, "this memflow-record was built without zstd: leave --compression out", "", "");
  return -1;
}

// Full times do not become much shorter, and a file is not a line.
static int
usual_level (const Settings *settings)
{
  bool is_file = settings->output && strcmp (settings->output, "-");
  if (!mf_pack_available ())
    return 0;
  return is_file && !settings->resolution.ns ? MF_PACK_FAST : 1;
}

static void
complete (Settings *settings)
{
  bool remote = settings->to != NULL;
  if (mf_is_unset (settings->full_ring))
    settings->full_ring = remote ? MF_FULL_RING_DROP : MF_FULL_RING_BLOCK;
  settings->level = mf_is_unset (settings->compression) ? usual_level (settings) : (int) settings->compression;
  if (settings->flush.ns < 0)
    settings->flush.ns = remote || !strcmp (settings->output, "-") ? 20000000 : 250000000;
}

int
mf_settings_read (Settings *settings, int argc, char **argv)
{
  int i = 1, status;
  const char *slash = argc ? strrchr (argv[0], '/') : NULL;
  settings->program = slash ? slash + 1 : argc ? argv[0] : "memflow-record";
  if (!set_fallbacks (settings))
    return refuse (settings, "a default is wrong", "", "");
  while (i < argc && argv[i][0] == '-' && argv[i][1] && strcmp (argv[i], "--")) {
    if (!strcmp (argv[i], "--help") || !strcmp (argv[i], "-h"))
      return print_help (settings);
    if (!strcmp (argv[i], "--version"))
      return printf ("memflow-record %s\n", MEMFLOW_VERSION) < 0;
    int used = take_option (settings, argv + i, &status);
    if (!used)
      return status;
    i += used;
  }
  i += i < argc && !strcmp (argv[i], "--");
  settings->command = (const char *const *) argv + i;
  settings->n_words = (uint32_t) (argc - i);
  status = check (settings);
  if (status < 0)
    complete (settings);
  return status;
}
