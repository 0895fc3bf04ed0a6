// SPDX-License-Identifier: Apache-2.0
// Events as JSON objects.
#include "json-cells.h"

#include "cells/escape.h"

static void
put_text (MfBuffer *to, const char *bytes, size_t n)
{
  mf_buffer_put_char (to, '"');
  mf_escape (to, MF_ESCAPE_JSON, bytes, n);
  mf_buffer_put_char (to, '"');
}

void
mf_json_string (MfBuffer *to, const char *text)
{
  put_text (to, text, strlen (text));
}

void
mf_json_name (MfBuffer *to, const MfNames *names, MfString name)
{
  if (name.id == 0)
    mf_buffer_put_text (to, "null");
  else
    mf_json_string (to, mf_names_string (names, name));
}

static void
put_frame (MfBuffer *to, const MfNames *names, const MfFrame *frame)
{
  mf_buffer_put_text (to, "{\"function\":");
  mf_json_name (to, names, frame->function);
  mf_buffer_put_text (to, ",\"file\":");
  mf_json_name (to, names, frame->file);
  mf_buffer_put_text (to, ",\"line\":");
  if (frame->line)
    mf_buffer_printf (to, "%u}", frame->line);
  else
    mf_buffer_put_text (to, "null}");
}

// The innermost frame first; a stack that is too deep ends in a frame called "...".
static void
put_stack (MfBuffer *to, const MfNames *names, MfStack stack)
{
  MfFrame frame;
  MfStack caller;
  mf_buffer_put_char (to, '[');
  for (unsigned depth = 0; mf_names_frame (names, stack, &frame, &caller);
       depth++, stack = caller) {
    if (depth > 0)
      mf_buffer_put_char (to, ',');
    if (depth == MF_STACK_DEPTH_MAX) {
      mf_buffer_put_text (to, "{\"function\":\"...\",\"file\":null,\"line\":null}");
      break;
    }
    put_frame (to, names, &frame);
  }
  mf_buffer_put_char (to, ']');
}

// Labels; bits that have none follow as one number in text.
static void
put_flags (MfBuffer *to, const MfField *field, uint32_t bits)
{
  const char *comma = "";
  mf_buffer_put_char (to, '[');
  for (unsigned bit = 0; bit < 32; bit++) {
    const char *label = bits >> bit & 1 ? mf_field_label (field, bit) : NULL;
    if (!label)
      continue;
    mf_buffer_put_text (to, comma);
    mf_json_string (to, label);
    comma = ",";
    bits &= ~(1u << bit);
  }
  if (bits != 0)
    mf_buffer_printf (to, "%s\"0x%x\"", comma, bits);
  mf_buffer_put_char (to, ']');
}

static void
put_prefix (const MfCellStyle *style, const MfType *type, uint32_t field, MfBuffer *to)
{
  (void) style;
  if (field > 0)
    mf_buffer_put_char (to, ',');
  mf_json_string (to, type->fields[field].name ? type->fields[field].name : "?");
  mf_buffer_put_char (to, ':');
}

MfCellStyle
mf_json_style (const char *row_end)
{
  return (MfCellStyle){ .unknown = "null",
    .row_end = row_end,
    .quoted_addresses = true,
    .prefix = put_prefix,
    .text = put_text,
    .stack = put_stack,
    .flags = put_flags };
}

void
mf_json_lead (MfBuffer *to, const MfNames *names, const MfBatch *batch)
{
  mf_buffer_put_text (to, "{\"type\":");
  mf_json_string (to, batch->type->name);
  mf_buffer_printf (to, ",\"major\":%u,\"input\":", batch->type->major);
  mf_json_name (to, names, batch->input);
  mf_buffer_put_text (to, ",\"stage\":");
  mf_json_name (to, names, batch->stage);
  mf_buffer_printf (to, ",\"epoch\":%u", batch->epoch);
  if (batch->flags & MF_BATCH_INCOMPLETE)
    mf_buffer_put_text (to, ",\"incomplete\":true");
  mf_buffer_put_text (to, ",\"row\":{");
}
