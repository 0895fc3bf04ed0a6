// SPDX-License-Identifier: Apache-2.0
// Call sites as one line of text.
#include "names.h"

static void
put_frame (MfBuffer *to, const MfNames *names, const MfFrame *frame)
{
  const char *function = mf_names_string (names, frame->function);
  const char *file = mf_names_string (names, frame->file);
  mf_buffer_put_text (to, *function ? function : "?");
  if (*file && frame->line)
    mf_buffer_printf (to, " (%s:%u)", file, frame->line);
  else if (*file)
    mf_buffer_printf (to, " (%s)", file);
}

void
mf_put_stack_line (MfBuffer *to, const MfNames *names, MfStack stack)
{
  MfFrame frame;
  MfStack caller;
  for (unsigned depth = 0; mf_names_frame (names, stack, &frame, &caller);
       depth++, stack = caller) {
    if (depth > 0)
      mf_buffer_put_text (to, " < ");
    if (depth == MF_STACK_DEPTH_MAX) {
      mf_buffer_put_text (to, "...");
      return;
    }
    put_frame (to, names, &frame);
  }
}
