// SPDX-License-Identifier: Apache-2.0
// The host's services in the shape in which the writers of formats take them.
#pragma once

#include <memflow/plugin.h>

#include "buffer.h"
#include "cell-writer.h"
#include "names.h"

static inline const char *
mf_service_string (void *stage, MfString string)
{
  return mf_string_text (stage, string);
}

static inline bool
mf_service_frame (void *stage, MfStack stack, MfFrame *frame, MfStack *caller)
{
  return mf_stack_frame (stage, stack, frame, caller);
}

static inline void *
mf_service_resize (void *stage, void *old, size_t bytes)
{
  return mf_resize (stage, old, bytes);
}

static inline MfNames
mf_names_of_stage (void *stage)
{
  return (MfNames){ stage, mf_service_string, mf_service_frame };
}

static inline MfMemory
mf_memory_of_stage (void *stage)
{
  return (MfMemory){ stage, mf_service_resize };
}

// Turns the result of mf_cell_writer_rows into that of a handler: fails the stage where it has to.
static inline bool
mf_rows_check (void *stage, const MfBatch *batch, MfRowsResult result)
{
  if (result == MF_ROWS_NO_MEMORY)
    return mf_fail (
        stage, "cannot write %u rows of %s: out of memory", batch->n_rows, batch->type->name);
  if (result == MF_ROWS_MISFIT)
    return mf_fail (stage, "cannot write rows of %s: its schema reads beyond the %u bytes of a row",
        batch->type->name, batch->stride);
  return result == MF_ROWS_WRITTEN;
}
