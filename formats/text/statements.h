// SPDX-License-Identifier: Apache-2.0
// What analyzers say to people: the rows of report.statement, in the order in which they are read.
#pragma once

#include <memflow/events.h>

#include "page.h"

typedef struct MfStatements MfStatements;

enum { MF_STATEMENTS_MAX = 512, MF_STATEMENT_TEXT = 4096 }; // sentences kept; bytes of each

MfStatements *mf_statements_new (const MfPage *page, MfMemory memory);
void mf_statements_free (MfStatements *statements);

// Takes a batch of report.statement rows. False = out of memory.
bool mf_statements_take (MfStatements *statements, const MfBatch *batch);

guint mf_statements_n (const MfStatements *statements); // kept ones

// Draws those of one severity, MF_SAY_*, and returns how many. Those that were not kept are counted
// behind the evidence.
unsigned mf_statements_draw (const MfStatements *statements, uint32_t severity, MfPage *page);
