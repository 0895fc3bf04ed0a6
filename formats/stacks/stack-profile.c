// SPDX-License-Identifier: Apache-2.0
// speedscope's document as its published schema (file-format-schema.json) has it: profiles of the
// type `sampled`, whose samples are lists of indices into the shared frames, the outermost first.
#include "stack-profile.h"

#include <glib.h>
#include <inttypes.h>

#include "cells/escape.h"

struct MfStackProfile {
  MfProfileOptions options;
  const MfNames *names;
  MfBuffer *out;
  char *process;
  GArray *stack;       // MfFrame, the innermost first: one stack while it is written
  GHashTable *indices; // MfFrame -> index + 1
  GArray *frames;      // MfFrame, as the shared list of speedscope
  GArray *weights;     // uint64_t, of the open profile
  uint64_t total;
  bool any_profile, any_sample;
};

static guint
hash_frame (gconstpointer key)
{
  const MfFrame *frame = key;
  return (frame->file.id * 31 + frame->function.id) * 31 + frame->line;
}

static gboolean
same_frame (gconstpointer a, gconstpointer b)
{
  const MfFrame *first = a, *second = b;
  return first->file.id == second->file.id && first->function.id == second->function.id
         && first->line == second->line;
}

MfStackProfile *
mf_stack_profile_new (const MfProfileOptions *options, const MfNames *names, MfBuffer *out)
{
  MfStackProfile *profile = g_new0 (MfStackProfile, 1);
  profile->options = *options;
  profile->names = names;
  profile->out = out;
  profile->stack = g_array_new (FALSE, FALSE, sizeof (MfFrame));
  profile->frames = g_array_new (FALSE, FALSE, sizeof (MfFrame));
  profile->weights = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  profile->indices = g_hash_table_new_full (hash_frame, same_frame, g_free, NULL);
  return profile;
}

void
mf_stack_profile_free (MfStackProfile *profile)
{
  g_array_unref (profile->stack);
  g_array_unref (profile->frames);
  g_array_unref (profile->weights);
  g_hash_table_unref (profile->indices);
  g_free (profile->process);
  g_free (profile);
}

// ---- frames

static void
read_stack (MfStackProfile *profile, MfStack stack)
{
  MfFrame frame = { { 0 }, { 0 }, 0, 0 };
  MfStack caller;
  g_array_set_size (profile->stack, 0);
  for (; mf_names_frame (profile->names, stack, &frame, &caller); stack = caller)
    g_array_append_val (profile->stack, frame);
  if (profile->stack->len > 0)
    return;
  frame = (MfFrame){ { 0 }, { 0 }, 0, 0 };
  g_array_append_val (profile->stack, frame);
}

static void
put_json (MfStackProfile *profile, const char *text)
{
  mf_buffer_put_char (profile->out, '"');
  mf_escape (profile->out, MF_ESCAPE_JSON, text, strlen (text));
  mf_buffer_put_char (profile->out, '"');
}

static const char *
function_of (const MfStackProfile *profile, const MfFrame *frame)
{
  const char *function = mf_names_string (profile->names, frame->function);
  const char *file = mf_names_string (profile->names, frame->file);
  return *function ? function : *file ? file : "(no stack)";
}

// ---- folded

// A semicolon would begin another frame, a line feed another stack; the latter is escaped with all
// control characters.
static void
put_folded_text (MfBuffer *out, const char *text)
{
  for (size_t n; *text; text += n) {
    n = strcspn (text, ";");
    mf_escape (out, MF_ESCAPE_PLAIN, text, n);
    if (text[n]) {
      mf_buffer_put_char (out, ':');
      n++;
    }
  }
}

static void
put_folded_frame (MfStackProfile *profile, const MfFrame *frame)
{
  const char *file = mf_names_string (profile->names, frame->file);
  put_folded_text (profile->out, function_of (profile, frame));
  if (!*file || !*mf_names_string (profile->names, frame->function))
    return;
  mf_buffer_put_text (profile->out, " (");
  put_folded_text (profile->out, file);
  if (frame->line)
    mf_buffer_printf (profile->out, ":%" PRIu32, frame->line);
  mf_buffer_put_char (profile->out, ')');
}

static void
add_folded (MfStackProfile *profile, uint64_t weight)
{
  if (profile->options.processes) {
    put_folded_text (profile->out, profile->process);
    mf_buffer_put_char (profile->out, ';');
  }
  for (guint i = profile->stack->len; i-- > 0;) {
    put_folded_frame (profile, &g_array_index (profile->stack, MfFrame, i));
    if (i > 0)
      mf_buffer_put_char (profile->out, ';');
  }
  mf_buffer_printf (profile->out, " %" PRIu64 "\n", weight);
}

// ---- speedscope

static guint
index_of (MfStackProfile *profile, const MfFrame *frame)
{
  guint known = GPOINTER_TO_UINT (g_hash_table_lookup (profile->indices, frame));
  if (known)
    return known - 1;
  g_array_append_vals (profile->frames, frame, 1);
  g_hash_table_insert (
      profile->indices, g_memdup2 (frame, sizeof *frame), GUINT_TO_POINTER (profile->frames->len));
  return profile->frames->len - 1;
}

static void
add_sample (MfStackProfile *profile, uint64_t weight)
{
  mf_buffer_put_text (profile->out, profile->any_sample ? ",\n[" : "\n[");
  for (guint i = profile->stack->len; i-- > 0;)
    mf_buffer_printf (profile->out, "%u%s",
        index_of (profile, &g_array_index (profile->stack, MfFrame, i)), i > 0 ? "," : "]");
  g_array_append_val (profile->weights, weight);
  profile->total += weight;
  profile->any_sample = true;
}

static void
end_profile (MfStackProfile *profile)
{
  if (!profile->any_profile)
    return;
  mf_buffer_put_text (profile->out, "],\n\"weights\":[");
  for (guint i = 0; i < profile->weights->len; i++)
    mf_buffer_printf (profile->out, "%s%" PRIu64, i > 0 ? "," : "",
        g_array_index (profile->weights, uint64_t, i));
  mf_buffer_printf (profile->out, "],\n\"endValue\":%" PRIu64 "}", profile->total);
  g_array_set_size (profile->weights, 0);
  profile->total = 0;
}

static void
begin_profile (MfStackProfile *profile)
{
  g_autofree char *name = g_strdup_printf ("%s: %s", profile->process, profile->options.weight);
  mf_buffer_put_text (profile->out,
      profile->any_profile
          ? ",\n{\"type\":\"sampled\",\"name\":"
          : "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n\"profiles\":["
            "\n{\"type\":\"sampled\",\"name\":");
  put_json (profile, name);
  mf_buffer_printf (
      profile->out, ",\"unit\":\"%s\",\"startValue\":0,\n\"samples\":[", profile->options.unit);
  profile->any_profile = true;
  profile->any_sample = false;
}

static void
put_shared_frame (MfStackProfile *profile, const MfFrame *frame)
{
  const char *file = mf_names_string (profile->names, frame->file);
  mf_buffer_put_text (profile->out, "{\"name\":");
  put_json (profile, function_of (profile, frame));
  if (*file) {
    mf_buffer_put_text (profile->out, ",\"file\":");
    put_json (profile, file);
  }
  if (frame->line)
    mf_buffer_printf (profile->out, ",\"line\":%" PRIu32, frame->line);
  mf_buffer_put_char (profile->out, '}');
}

static void
end_document (MfStackProfile *profile)
{
  end_profile (profile);
  if (!profile->any_profile)
    mf_buffer_put_text (profile->out,
        "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n\"profiles\":[");
  mf_buffer_put_text (profile->out, "],\n\"shared\":{\"frames\":[");
  for (guint i = 0; i < profile->frames->len; i++) {
    mf_buffer_put_text (profile->out, i > 0 ? ",\n" : "\n");
    put_shared_frame (profile, &g_array_index (profile->frames, MfFrame, i));
  }
  mf_buffer_put_text (profile->out, "]},\n\"name\":");
  put_json (profile, profile->options.name);
  mf_buffer_put_text (profile->out, ",\"exporter\":");
  put_json (profile, profile->options.exporter);
  mf_buffer_put_text (profile->out, "}\n");
}

// ---- both

void
mf_stack_profile_weigh (MfStackProfile *profile, const char *weight, const char *unit)
{
  profile->options.weight = weight;
  profile->options.unit = unit;
}

void
mf_stack_profile_process (MfStackProfile *profile, const char *process)
{
  bool speedscope = profile->options.style == MF_PROFILE_SPEEDSCOPE;
  if (speedscope)
    end_profile (profile);
  g_free (profile->process);
  profile->process = g_strdup (process);
  if (speedscope)
    begin_profile (profile);
}

void
mf_stack_profile_add (MfStackProfile *profile, MfStack stack, uint64_t weight)
{
  read_stack (profile, stack);
  if (profile->options.style == MF_PROFILE_SPEEDSCOPE)
    add_sample (profile, weight);
  else
    add_folded (profile, weight);
}

void
mf_stack_profile_end (MfStackProfile *profile)
{
  if (profile->options.style == MF_PROFILE_SPEEDSCOPE)
    end_document (profile);
}
