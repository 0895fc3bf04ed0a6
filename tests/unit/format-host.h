// SPDX-License-Identifier: Apache-2.0
// A host of one format, all in memory: names, options, outputs as strings, memory that can be
// refused.
#pragma once

#include <memflow/plugin.h>

#include <glib.h>

typedef struct {
  MfHost host;
  MfRunFacts run;
  const MfDescriptor *descriptor;
  MfStage *stage;          // the instance
  GPtrArray *strings;      // char *, by id
  GArray *stacks;          // frames with their callers, by id
  GHashTable *outputs;     // name -> GString
  GString *error;          // what mf_fail said last
  gint64 resizes_left;     // memory is refused when it is 0; negative = never
  bool terminal;
} FormatHost;

// The host of the format that the program is linked with.
FormatHost *format_host_new (void);
void format_host_free (FormatHost *host);

MfString format_host_string (FormatHost *host, const char *text);
MfStack format_host_stack (FormatHost *host, const char *function, const char *file, uint32_t line,
  MfStack caller);

// Options before the start; others have their defaults. A list is given with commas.
void format_host_set (FormatHost *host, const char *option, const char *value);
bool format_host_start (FormatHost *host);
bool format_host_send (FormatHost *host, const MfBatch *batch);
// Sends n rows from stage "board", input "dump.txt".
bool format_host_rows (FormatHost *host, const MfType *type, const void *rows, uint32_t n);
bool format_host_text_rows (FormatHost *host, const MfType *type, const void *rows, uint32_t n,
  const char *text);
bool format_host_finish (FormatHost *host);

// What was written to an output; NULL = it was not opened.
const char *format_host_output (FormatHost *host, const char *name);
// How many rows the format says that it holds.
uint64_t format_host_count (FormatHost *host, const char *name);
