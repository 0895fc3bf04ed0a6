// SPDX-License-Identifier: Apache-2.0
// Where a writer looks up interned names and call sites.
#pragma once

#include <memflow/event.h>

#include "buffer.h"

// As the functions of MfHost: texts are terminated and stay valid; "" for unknown ids.
typedef struct {
  void *user;
  const char *(*string_text) (void *user, MfString string);
  bool (*stack_frame) (void *user, MfStack stack, MfFrame *frame, MfStack *caller);
} MfNames;

enum { MF_STACK_DEPTH_MAX = 4096 }; // frames written of one stack; a longer one ends in "..."

static inline const char *
mf_names_string (const MfNames *names, MfString string)
{
  return names->string_text (names->user, string);
}

static inline bool
mf_names_frame (const MfNames *names, MfStack stack, MfFrame *frame, MfStack *caller)
{
  return stack.id != 0 && names->stack_frame (names->user, stack, frame, caller);
}

// Appends "inner (file:line) < caller (file:line)", innermost first, not escaped. A file or line
// that is not known is left out.
void mf_put_stack_line (MfBuffer *to, const MfNames *names, MfStack stack);
