// SPDX-License-Identifier: Apache-2.0
// The memflow command: which subcommand, and help.
#include "cli/cli.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static int help (MfCommandLine *line);

// clang-format off
static const MfCommand commands[] = {
  { "run", "CONFIG... [INPUT...] [-- COMMAND...]", "run pipelines and write their reports",
    mf_cli_run },
  { "check", "CONFIG...", "check configurations without running them", mf_cli_check },
  { "record", "-o FILE | --to HOST:PORT -- COMMAND...", "record a program, to be analysed later or elsewhere",
    mf_cli_record },
  { "diff", "A B", "compare two captures by call site", mf_cli_diff },
  { "list-plugins", "", "show all plugins, also those that cannot be loaded", mf_cli_list_plugins },
  { "inspect", "PLUGIN", "show what a plugin does, its options and events", mf_cli_inspect },
  { "events", "[TYPE]", "show the event types and their fields", mf_cli_events },
  { "scan", "", "show what could be read on this machine", mf_cli_scan },
  { "targets", "[TARGET...]", "show the machines that memory is predicted for", mf_cli_targets },
  { "new-plugin", "KIND NAME", "write a plugin that builds, as a start", mf_cli_new_plugin },
  { "help", "[COMMAND]", "show help", help },
};
// clang-format on

char **mf_cli_plugin_path;

int
mf_cli_usage (const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_printerr ("memflow: %s\n", text);
  return MF_STATUS_CONFIGURATION;
}

bool
mf_cli_parse (MfCommandLine *line, const GOptionEntry *entries, const char *parameters,
    const char *summary, const char *description)
{
  g_autoptr (GOptionContext) context = g_option_context_new (parameters);
  g_autoptr (GError) error = NULL;
  g_autofree char *program = g_strconcat ("memflow ", line->argv[0], NULL);
  g_set_prgname (program);
  g_option_context_set_summary (context, summary);
  g_option_context_set_description (context, description);
  if (entries)
    g_option_context_add_main_entries (context, entries, NULL);
  if (g_option_context_parse (context, &line->argc, &line->argv, &error))
    return true;
  mf_cli_usage ("%s (%s --help shows what there is)", error->message, program);
  return false;
}

static void
print_help (FILE *to)
{
  fprintf (to,
      "memflow %s - where every byte of a Python program on a small device goes\n\n"
      "usage: memflow COMMAND [OPTION...]\n\n",
      mf_version ());
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    fprintf (to, "  %-13s %s\n", commands[i].name, commands[i].summary);
  fprintf (to, "\nmemflow COMMAND --help tells more. The first thing to try:\n\n"
               "  memflow run stm32                     a recorded dump of an STM32F205\n"
               "  MEMFLOW_DEVICE=/dev/ttyACM0 memflow run stm32   your own board\n\n"
               "Exit status: 0 fine, 1 the run failed, 2 usage or configuration, 3 a plugin cannot "
               "be loaded,\n"
               "4 losses under --fail-on-loss, 5 a budget is exceeded, 130 interrupted.\n");
}

static const MfCommand *
find (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    if (g_str_equal (commands[i].name, name))
      return &commands[i];
  return NULL;
}

static int
unknown (const char *name)
{
  return mf_cli_usage ("there is no command '%s' (memflow help shows what there is)", name);
}

static int
help (MfCommandLine *line)
{
  const MfCommand *command = line->argc > 1 ? find (line->argv[1]) : NULL;
  if (line->argc > 1 && !command)
    return unknown (line->argv[1]);
  if (!command || command->run == help) {
    print_help (stdout);
    return 0;
  }
  char *words[] = { (char *) command->name, "--help", NULL };
  return command->run (&(MfCommandLine){ .argc = 2, .argv = words, .rest = (char *[]){ NULL } });
}

static MfCommandLine
split (int argc, char **argv)
{
  static char *nothing[] = { NULL };
  MfCommandLine line = { .argc = argc, .argv = argv, .rest = nothing };
  for (int i = 0; i < argc; i++)
    if (g_str_equal (argv[i], "--")) {
      line.argc = i;
      line.rest = argv + i + 1;
      line.has_rest = true;
      argv[i] = NULL;
      break;
    }
  return line;
}

int
main (int argc, char **argv)
{
  setlocale (LC_CTYPE, "");
  signal (SIGPIPE, SIG_IGN);
  if (argc < 2) {
    print_help (stderr);
    return MF_STATUS_CONFIGURATION;
  }
  if (g_str_equal (argv[1], "--version")) {
    printf ("memflow %s\n", mf_version ());
    return 0;
  }
  if (g_str_equal (argv[1], "--help") || g_str_equal (argv[1], "-h")) {
    print_help (stdout);
    return 0;
  }
  const MfCommand *command = find (argv[1]);
  MfCommandLine line = split (argc - 1, argv + 1);
  int status = command ? command->run (&line) : unknown (argv[1]);
  if (fflush (stdout) != 0 && status == 0) {
    mf_cli_usage ("cannot write to the standard output");
    status = MF_STATUS_FAILED;
  }
  return status;
}
