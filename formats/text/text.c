// SPDX-License-Identifier: Apache-2.0
// The format `text`: a report for reading. Glue only, the algorithms are in report.c and the files
// of the views.
#include <memflow/plugin.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include "cells/services.h"
#include "report.h"
#include "row-line.h"

enum { USUAL_WIDTH = 80 };
enum { LAST_MAP, ALL_MAPS };

typedef struct {
  MfStage stage;
  MfOutputName path;
  uint32_t width, rows, map, maps;
  MfTexts also, live;

  MfOutput *output;
  bool printed; // rows, before the report
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
is_live (const Text *text, const MfType *type)
{
  for (uint32_t i = 0; i < text->live.n; i++)
    if (g_pattern_match_simple (text->live.items[i], type->name))
      return true;
  return false;
}

// On a terminal a line of progress may stand there: it is written over.
static bool
print_rows (Text *text, const MfBatch *batch)
{
  if (mf_output_is_terminal (text, text->output))
    mf_buffer_put_text (&text->out, "\r\033[K");
  mf_page_rows (&text->page, batch);
  if (text->out.failed)
    return mf_fail (text, "cannot print %u rows of %s: out of memory", batch->n_rows,
        batch->type->name);
  bool written = mf_write (text, text->output, text->out.bytes, text->out.length)
                 && mf_output_flush (text, text->output);
  text->out.length = 0;
  text->printed = true;
  return written;
}

static bool
text_take (void *stage, const MfBatch *batch)
{
  Text *text = stage;
  if (is_live (text, batch->type) && !print_rows (text, batch))
    return false;
  return mf_report_take (text->report, batch)
         || mf_fail (text, "cannot keep %u rows of %s for the report: out of memory", batch->n_rows,
             batch->type->name);
}

static bool
text_finish (void *stage)
{
  Text *text = stage;
  if (text->printed)
    mf_page_blank (&text->page);
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
      "MicroPython's mem_info (1) does; map = braille one dot for each.\n\n"
      "live = hotspots.now prints the rows of a type at once, before the report.";

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
      "types to draw as a table although they ask for nothing, as globs"),
    MF_OPTION (Text, live, NULL, "types whose rows are printed as they come, a line for each, as globs")),
  MF_CONSUMES (MF_INPUT_ANY ("*", text_take)),
  .start = text_start, .finish = text_finish, .stop = text_stop);
// clang-format on
