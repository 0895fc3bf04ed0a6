// SPDX-License-Identifier: Apache-2.0
// CSV by RFC 4180: cells, the header, and the columns that stand before those of the schema.
#pragma once

#include "cells/cell-writer.h"

// Cells with `separator` between them and `row_end` behind a row, both borrowed. Text that a
// spreadsheet would run as a formula gets an apostrophe in front; numbers never do.
MfCellStyle mf_csv_style (char separator, const char *row_end);

// Appends the header of a type: input, stage, epoch, then `name (unit)` for each field. A field of
// the name of a leading column is called `row.name`.
void mf_csv_header (MfBuffer *to, const MfCellStyle *style, const MfType *type);

// Appends the leading cells of all rows of a batch.
void mf_csv_lead (
    MfBuffer *to, const MfCellStyle *style, const MfNames *names, const MfBatch *batch);

// Name of a type's file: "PREFIX-heap.block.csv"; other major versions than 1 are part of it. When
// `fields` is set, the number of fields is too. Characters that no type has are spelled %xx. Free
// it.
char *mf_csv_file_name (const char *prefix, const MfType *type, bool fields);

// Do the globs name the type? `*` leaves out what core tells of itself, as a shell's * leaves out
// hidden files: `core.*` names it. Lost rows are always named.
bool mf_csv_names_type (const char *const *globs, uint32_t n, const char *type);
