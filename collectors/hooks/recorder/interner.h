// SPDX-License-Identifier: Apache-2.0
// Names and call stacks by small numbers, in a fixed amount of memory. A number keeps its meaning until a collection
// finds that nobody uses it any more. One thread at a time.
#pragma once

#include <memflow/event.h>

typedef struct MfInterner MfInterner;

// Makes an interner in the caller's memory of that size, at least MF_INTERNER_LEAST and aligned for any type.
enum { MF_INTERNER_LEAST = 16 * 1024 };
MfInterner *mf_interner_init (void *memory, size_t bytes);

// The number of a text or of a frame above a stack. 0 = there is no room: collect, and try again.
MfString mf_interner_string (MfInterner *interner, const char *text, size_t n);
MfStack mf_interner_stack (MfInterner *interner, MfStack caller, MfFrame frame);

// What a number means; the text is not terminated. NULL, false = it means nothing.
const char *mf_interner_text (const MfInterner *interner, MfString string, size_t *n);
bool mf_interner_frame (const MfInterner *interner, MfStack stack, MfFrame *frame, MfStack *caller);

// A stack has been used: it is worth more than others.
void mf_interner_touch (MfInterner *interner, MfStack stack);

// A collection: keep what is in use, with all that it consists of, then sweep. Returns whether at least an eighth of each
// table is free then: otherwise the next collection would come at once.
void mf_interner_keep_string (MfInterner *interner, MfString string);
void mf_interner_keep_stack (MfInterner *interner, MfStack stack);
// Keeps the stacks that were touched since the last call.
void mf_interner_keep_touched (MfInterner *interner);
bool mf_interner_is_kept (const MfInterner *interner, MfStack stack);
bool mf_interner_sweep (MfInterner *interner);
