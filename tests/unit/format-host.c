// SPDX-License-Identifier: Apache-2.0
// A host of one format, all in memory.
#include "format-host.h"

#include <stdlib.h>

const MfModule *memflow_module (void);

typedef struct { MfFrame frame; MfStack caller; } Call;

struct MfOutput { GString *bytes; bool terminal; uint64_t rows; };

static FormatHost *
host_of (MfStage *stage)
{
  return stage->core;
}

static MfString
intern (MfStage *stage, const char *text, size_t n)
{
  FormatHost *host = host_of (stage);
  for (guint i = 1; i < host->strings->len; i++)
    if (strncmp (g_ptr_array_index (host->strings, i), text, n) == 0
        && ((char *) g_ptr_array_index (host->strings, i))[n] == 0)
      return (MfString) { i };
  g_ptr_array_add (host->strings, g_strndup (text, n));
  return (MfString) { host->strings->len - 1 };
}

static const char *
string_text (MfStage *stage, MfString string)
{
  FormatHost *host = host_of (stage);
  return string.id < host->strings->len ? g_ptr_array_index (host->strings, string.id) : "";
}

static bool
stack_frame (MfStage *stage, MfStack stack, MfFrame *frame, MfStack *caller)
{
  FormatHost *host = host_of (stage);
  if (stack.id == 0 || stack.id >= host->stacks->len)
    return false;
  *frame = g_array_index (host->stacks, Call, stack.id).frame;
  *caller = g_array_index (host->stacks, Call, stack.id).caller;
  return true;
}

static bool
fail (MfStage *stage, const char *option, const char *format, ...)
{
  va_list arguments;
  (void) option;
  va_start (arguments, format);
  g_string_vprintf (host_of (stage)->error, format, arguments);
  va_end (arguments);
  return false;
}

static void
say (MfStage *stage, uint32_t severity, const char *format, ...)
{
  (void) stage, (void) severity, (void) format;
}

static void *
resize (MfStage *stage, void *old, size_t bytes)
{
  FormatHost *host = host_of (stage);
  if (bytes == 0) {
    free (old);
    return NULL;
  }
  if (host->resizes_left == 0)
    return NULL;
  host->resizes_left -= host->resizes_left > 0;
  return realloc (old, bytes);
}

static MfOutput *
output (MfStage *stage, const char *name)
{
  FormatHost *host = host_of (stage);
  MfOutput *made = g_new0 (MfOutput, 1);
  made->bytes = g_string_new (NULL);
  made->terminal = host->terminal;
  g_assert_null (g_hash_table_lookup (host->outputs, name));
  g_hash_table_insert (host->outputs, g_strdup (name), made);
  return made;
}

static bool
write_bytes (MfOutput *output, const void *bytes, size_t n)
{
  g_string_append_len (output->bytes, bytes, (gssize) n);
  return true;
}

static bool
output_flush (MfOutput *output)
{
  return output != NULL;
}

static bool
output_is_terminal (const MfOutput *output)
{
  return output->terminal;
}

static void
output_count (MfOutput *output, uint64_t rows)
{
  output->rows = rows;
}

static const MfRunFacts *
run_facts (MfStage *stage)
{
  return &host_of (stage)->run;
}

static void
free_output (gpointer data)
{
  MfOutput *output = data;
  g_string_free (output->bytes, TRUE);
  g_free (output);
}

// ---- options

static void
set_list (void *at, const char *value)
{
  char **items = g_strsplit (value, ",", -1);
  for (char **item = items; *item; item++)
    g_strstrip (*item);
  *(MfTexts *) at = (MfTexts) { (const char *const *) items, g_strv_length (items), 0 };
}

static uint32_t
choice (const MfOption *option, const char *value)
{
  for (uint32_t i = 0; option->labels[i]; i++)
    if (strcmp (option->labels[i], value) == 0)
      return i;
  g_error ("option %s has no choice %s", option->name, value);
}

static void
set_option (void *instance, const MfOption *option, const char *value)
{
  void *at = (char *) instance + option->offset;
  if (option->kind == MF_OPTION_CHOICE)
    *(uint32_t *) at = choice (option, value);
  else if (option->kind == MF_BOOL)
    *(bool *) at = strcmp (value, "yes") == 0;
  else if (option->kind == MF_U32)
    *(uint32_t *) at = value ? (uint32_t) strtoul (value, NULL, 10) : UINT32_MAX;
  else if (option->kind == MF_OPTION_TEXTS && value)
    set_list (at, value);
  else if (option->kind == MF_OPTION_OUTPUT)
    ((MfOutputName *) at)->name = value;
}

void
format_host_set (FormatHost *host, const char *name, const char *value)
{
  for (const MfOption *option = host->descriptor->options; option->name; option++)
    if (strcmp (option->name, name) == 0) {
      set_option (host->stage, option, value);
      return;
    }
  g_error ("no option %s", name);
}

static void
free_lists (FormatHost *host)
{
  for (const MfOption *option = host->descriptor->options; option->name; option++)
    if (option->kind == MF_OPTION_TEXTS)
      g_strfreev ((char **) ((MfTexts *) (void *) ((char *) host->stage + option->offset))->items);
}

// ---- the life of a format

FormatHost *
format_host_new (void)
{
  FormatHost *host = g_new0 (FormatHost, 1);
  host->descriptor = memflow_module ()->descriptors[0];
  host->host = (MfHost) { .size = sizeof (MfHost), .string = intern, .string_text = string_text,
    .stack_frame = stack_frame, .fail = fail, .log = say, .resize = resize, .output = output,
    .write = write_bytes, .output_flush = output_flush, .output_is_terminal = output_is_terminal,
    .output_count = output_count, .run = run_facts };
  host->run = (MfRunFacts) { .size = sizeof (MfRunFacts), .deterministic = true, .name = "stm32",
    .configuration = "configs/stm32.ini", .version = "0.1.0" };
  host->strings = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (host->strings, g_strdup (""));
  host->stacks = g_array_new (FALSE, TRUE, sizeof (Call));
  g_array_set_size (host->stacks, 1);
  host->outputs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_output);
  host->error = g_string_new (NULL);
  host->resizes_left = -1;
  host->stage = g_malloc0 (host->descriptor->instance_size);
  host->stage->host = &host->host;
  host->stage->core = host;
  for (const MfOption *option = host->descriptor->options; option->name; option++)
    set_option (host->stage, option, option->fallback);
  return host;
}

void
format_host_free (FormatHost *host)
{
  free_lists (host);
  g_free (host->stage);
  g_ptr_array_unref (host->strings);
  g_array_unref (host->stacks);
  g_hash_table_unref (host->outputs);
  g_string_free (host->error, TRUE);
  g_free (host);
}

MfString
format_host_string (FormatHost *host, const char *text)
{
  return intern (host->stage, text, strlen (text));
}

MfStack
format_host_stack (FormatHost *host, const char *function, const char *file, uint32_t line,
  MfStack caller)
{
  Call call = { { format_host_string (host, function), format_host_string (host, file), line, 0 },
    caller };
  g_array_append_val (host->stacks, call);
  return (MfStack) { host->stacks->len - 1 };
}

bool
format_host_start (FormatHost *host)
{
  return !host->descriptor->start || host->descriptor->start (host->stage);
}

bool
format_host_send (FormatHost *host, const MfBatch *batch)
{
  return host->descriptor->consumes[0].process (host->stage, batch);
}

bool
format_host_text_rows (FormatHost *host, const MfType *type, const void *rows, uint32_t n,
  const char *text)
{
  MfBatch batch = { .type = type, .rows = rows, .n_rows = n, .stride = type->row_size, .text = text,
    .text_size = (uint32_t) strlen (text), .stage = format_host_string (host, "board"),
    .input = format_host_string (host, "dump.txt") };
  return format_host_send (host, &batch);
}

bool
format_host_rows (FormatHost *host, const MfType *type, const void *rows, uint32_t n)
{
  return format_host_text_rows (host, type, rows, n, "");
}

bool
format_host_finish (FormatHost *host)
{
  bool finished = !host->descriptor->finish || host->descriptor->finish (host->stage);
  host->descriptor->stop (host->stage);
  return finished;
}

const char *
format_host_output (FormatHost *host, const char *name)
{
  MfOutput *output = g_hash_table_lookup (host->outputs, name);
  return output ? output->bytes->str : NULL;
}

uint64_t
format_host_count (FormatHost *host, const char *name)
{
  MfOutput *output = g_hash_table_lookup (host->outputs, name);
  return output ? output->rows : 0;
}
