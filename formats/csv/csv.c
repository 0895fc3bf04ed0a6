// SPDX-License-Identifier: Apache-2.0
// The format `csv`: one file for each event type. Glue only, the algorithms are in csv-cells.c.
#include <memflow/plugin.h>

#include <glib.h>

#include "cells/services.h"
#include "csv-cells.h"

enum { COMMA, SEMICOLON };
enum { CRLF, LF };

// A file, with the columns of the type that opened it.
typedef struct {
  const MfType *type;
  MfOutput *output;
  uint64_t rows;
} File;

// How the rows of one publisher's type go to a file. They may have fewer fields than it has
// columns.
typedef struct {
  File *file; // NULL = the type is not asked for
  char *row_end;
  MfCellStyle style;
  MfCellWriter *writer;
} Route;

typedef struct {
  MfStage stage;
  MfOutputName path;
  uint32_t separator, line_end;
  bool bom;
  MfTexts types;

  GHashTable *routes; // const MfType * -> Route
  GPtrArray *files;
  MfNames names;
  MfNameCache cache;
  MfBuffer out, lead;
} Csv;

static void
free_route (void *data)
{
  Route *route = data;
  mf_cell_writer_free (route->writer);
  g_free (route->row_end);
  g_free (route);
}

static bool
csv_start (void *stage)
{
  Csv *csv = stage;
  csv->routes = g_hash_table_new_full (NULL, NULL, NULL, free_route);
  csv->files = g_ptr_array_new_with_free_func (g_free);
  csv->names = mf_names_of_stage (csv);
  mf_buffer_init (&csv->out, mf_memory_of_stage (csv));
  mf_buffer_init (&csv->lead, mf_memory_of_stage (csv));
  if (csv->path.name && strcmp (csv->path.name, "-") == 0)
    return mf_fail_option (csv, "path",
        "csv writes one file for each event type and cannot write to "
        "stdout: give the beginning of the file names, or use plugin = json with mode = lines");
  return true;
}

static char
separator_of (const Csv *csv)
{
  return csv->separator == SEMICOLON ? ';' : ',';
}

static const char *
line_end_of (const Csv *csv)
{
  return csv->line_end == LF ? "\n" : "\r\n";
}

static bool
write_header (Csv *csv, const File *file)
{
  MfCellStyle style = mf_csv_style (separator_of (csv), line_end_of (csv));
  csv->out.length = 0;
  if (csv->bom)
    mf_buffer_put_text (&csv->out, "\xef\xbb\xbf");
  mf_csv_header (&csv->out, &style, file->type);
  if (csv->out.failed)
    return mf_fail (csv, "cannot write the columns of %s: out of memory", file->type->name);
  bool written = mf_write (csv, file->output, csv->out.bytes, csv->out.length);
  csv->out.length = 0;
  return written;
}

static File *
open_file (Csv *csv, const MfType *type, bool second)
{
  const char *prefix = csv->path.name ? csv->path.name : mf_run (csv)->name;
  g_autofree char *name = mf_csv_file_name (prefix, type, second);
  g_autofree File *file = g_new0 (File, 1);
  file->type = type;
  file->output = mf_output (csv, name);
  if (!file->output || !write_header (csv, file))
    return NULL;
  g_ptr_array_add (csv->files, file);
  return g_steal_pointer (&file);
}

// The file of a type. Two publishers may have schemas of which one is the beginning of the other:
// the shorter goes to the file of the longer, a longer that comes later gets a file of its own.
static File *
file_for (Csv *csv, const MfType *type)
{
  bool second = false;
  for (guint i = 0; i < csv->files->len; i++) {
    File *file = g_ptr_array_index (csv->files, i);
    if (strcmp (file->type->name, type->name) != 0 || file->type->major != type->major)
      continue;
    if (file->type->n_fields >= type->n_fields)
      return file;
    second = true;
  }
  return open_file (csv, type, second);
}

static bool
open_route (Csv *csv, Route *route, const MfType *type)
{
  if (!mf_csv_names_type (csv->types.items, csv->types.n, type->name))
    return true;
  route->file = file_for (csv, type);
  if (!route->file)
    return false;
  GString *row_end = g_string_new (NULL);
  for (uint32_t i = type->n_fields; i < route->file->type->n_fields; i++)
    g_string_append_c (row_end, separator_of (csv));
  g_string_append (row_end, line_end_of (csv));
  route->row_end = g_string_free (row_end, FALSE);
  route->style = mf_csv_style (separator_of (csv), route->row_end);
  route->writer = mf_cell_writer_new (type, &route->style);
  return true;
}

static Route *
route_for (Csv *csv, const MfType *type)
{
  Route *route = g_hash_table_lookup (csv->routes, type);
  if (route)
    return route;
  route = g_new0 (Route, 1);
  g_hash_table_insert (csv->routes, (gpointer) type, route);
  return open_route (csv, route, type) ? route : NULL;
}

typedef struct {
  Csv *csv;
  MfOutput *output;
} Target;

static bool
write_rows (void *user, const char *bytes, size_t n)
{
  Target *target = user;
  return mf_write (target->csv, target->output, bytes, n);
}

static bool
csv_take (void *stage, const MfBatch *batch)
{
  Csv *csv = stage;
  Route *route = route_for (csv, batch->type);
  if (!route || !route->file)
    return route != NULL;
  csv->lead.length = 0;
  mf_csv_lead (&csv->lead, &route->style, &csv->names, batch);
  Target target = { csv, route->file->output };
  MfRowJob job = { &csv->names, &csv->cache, &csv->out, csv->lead.bytes, csv->lead.length,
    { &target, write_rows } };
  MfRowsResult result
      = csv->lead.failed ? MF_ROWS_NO_MEMORY : mf_cell_writer_rows (route->writer, batch, &job);
  route->file->rows += batch->n_rows;
  mf_output_count (csv, route->file->output, route->file->rows);
  return mf_rows_check (csv, batch, result);
}

static void
csv_stop (void *stage)
{
  Csv *csv = stage;
  g_clear_pointer (&csv->routes, g_hash_table_unref);
  g_clear_pointer (&csv->files, g_ptr_array_unref);
  if (csv->out.memory.resize) {
    mf_name_cache_free (&csv->cache, csv->out.memory);
    mf_buffer_free (&csv->out);
    mf_buffer_free (&csv->lead);
  }
}

static const char help[]
    = "Writes one file for each event type, named PREFIX-TYPE.csv, by RFC 4180. The\n"
      "first columns are input, stage and epoch; the others are the fields of the\n"
      "type, `name (unit)`. The columns depend on the type alone. Unknown values are\n"
      "empty cells, addresses are text (0x...), flags are labels joined by |, and 0\n"
      "when none is set. Text that a spreadsheet would run as a formula has an\n"
      "apostrophe in front. Control characters and bytes that are no UTF-8 are\n"
      "written as \\x1b.\n\n"
      "What core tells of itself (core.log, core.stage-stats, core.run) is written\n"
      "only when `types` names it with a glob that begins with core.; lost rows\n"
      "(core.lost) are always written.";

// clang-format off
MF_PLUGIN (Csv, "csv", .kind = MF_FORMAT,
  .summary = "one CSV file for each event type",
  .help = help,
  MF_OPTIONS (
    MF_OPTION (Csv, path, NULL, "beginning of the file names; the name of the run when not set"),
    MF_CHOICE (Csv, separator, "comma", "between cells; some spreadsheets want a semicolon",
      "comma", "semicolon"),
    MF_CHOICE (Csv, line_end, "crlf", "end of a line; RFC 4180 says crlf", "crlf", "lf"),
    MF_OPTION (Csv, bom, "no", "begin with a byte order mark, as some spreadsheets need"),
    MF_OPTION (Csv, types, "*", "event types to write, as globs")),
  MF_CONSUMES (MF_INPUT_ANY ("*", csv_take)),
  .start = csv_start, .stop = csv_stop);
// clang-format on
