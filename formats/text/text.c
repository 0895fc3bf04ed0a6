// SPDX-License-Identifier: Apache-2.0
// The format `text`: a report for reading. Glue only, the algorithms are in report.c and the files
// of the views.
#include <memflow/plugin.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include "cells/services.h"
#include "report.h"

enum { USUAL_WIDTH = 80 };
enum { LAST_MAP, ALL_MAPS };

typedef struct {
  MfStage stage;
  MfOutputName path;
  uint32_t width, rows, map, maps;
  MfTexts also;

  MfOutput *output;
  MfNames names;
  MfReportOptions options;
  MfPage page;
  MfReport *report;
  MfBuffer out;
} Text;

// Only stdout can be a terminal: the host opens everything else as a file.
static unsigned
width_of (Text *text)
{
  struct winsize size = { 0 };
  if (text->width != UINT32_MAX)
    return text->width;
  if (mf_output_is_terminal (text, text->output) && ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0
      && size.ws_col > 0)
    return CLAMP (size.ws_col, MF_PAGE_NARROWEST, MF_PAGE_WIDEST);
  return USUAL_WIDTH;
}

static bool
text_start (void *stage)
{
  Text *text = stage;
  const MfRunFacts *run = mf_run (text);
  text->output = mf_output (text, text->path.name);
  if (!text->output)
    return false;
  text->names = mf_names_of_stage (text);
  text->options = (MfReportOptions){ run->name, text->also.items, text->also.n,
    { text->rows, (MfMapStyle) text->map, text->maps == ALL_MAPS } };
  mf_buffer_init (&text->out, mf_memory_of_stage (text));
  text->page = (MfPage){ &text->out, &text->names, width_of (text), run->ascii,
    run->colour && mf_output_is_terminal (text, text->output) };
  text->report = mf_report_new (&text->options, &text->page, mf_memory_of_stage (text));
  return true;
}

static bool
text_take (void *stage, const MfBatch *batch)
{
  Text *text = stage;
  return mf_report_take (text->report, batch)
         || mf_fail (text, "cannot keep %u rows of %s for the report: out of memory", batch->n_rows,
             batch->type->name);
}

static bool
text_finish (void *stage)
{
  Text *text = stage;
  mf_report_draw (text->report, &text->page);
  if (text->out.failed)
    return mf_fail (text, "cannot draw the report: out of memory");
  return mf_write (text, text->output, text->out.bytes, text->out.length);
}

static void
text_stop (void *stage)
{
  Text *text = stage;
  if (!text->report)
    return;
  mf_report_free (text->report);
  mf_buffer_free (&text->out);
}

static const char help[]
    = "Writes one report at the end of the run: what was lost, the verdict, the\n"
      "evidence, a picture of each event type that asks for one, and what to do next.\n"
      "Pictures are drawn from the schema: a table, a map, a histogram, a series of\n"
      "curves or a tree. Of a table without a key the last rows are shown, of one\n"
      "with a key the first rows of the last key; of maps the last whole one. Columns\n"
      "without a value are left out. JSON and CSV have all rows.\n\n"
      "map = letters writes one letter for each granule of a small heap, as\n"
      "MicroPython's mem_info (1) does; map = braille one dot for each.";

// clang-format off
MF_PLUGIN (Text, "text", .kind = MF_FORMAT,
  .summary = "a report for reading",
  .help = help,
  MF_OPTIONS (
    MF_OPTION (Text, path, "-", "output file, - for stdout"),
    MF_OPTION (Text, width, NULL, "columns; those of the terminal or 80 when not set",
      .low = MF_PAGE_NARROWEST, .high = MF_PAGE_WIDEST),
    MF_OPTION (Text, rows, "20", "most rows of a table or tree", .low = 1, .high = 100000),
    MF_CHOICE (Text, map, "cells", "how a map is drawn", "cells", "braille", "letters"),
    MF_CHOICE (Text, maps, "last", "which maps of a stream of dumps are drawn", "last", "all"),
    MF_OPTION (Text, also, NULL,
      "types to draw as a table although they ask for nothing, as globs")),
  MF_CONSUMES (MF_INPUT_ANY ("*", text_take)),
  .start = text_start, .finish = text_finish, .stop = text_stop);
// clang-format on
