// SPDX-License-Identifier: Apache-2.0
// The whole report: what was lost, what was found, the evidence, a picture for each type, what to
// do next. It keeps a bounded amount of whatever it is given, and is drawn once, at the end.
#pragma once

#include "cells/losses.h"
#include "picture.h"

typedef struct MfReport MfReport;

typedef struct {
  const char *run_name;
  const char *const *also; // globs of types that are drawn as a table although they ask for nothing
  uint32_t n_also;
  MfPictureOptions pictures;
} MfReportOptions;

// Everything is borrowed until mf_report_free. The page's output is not used.
MfReport *mf_report_new (const MfReportOptions *options, const MfPage *page, MfMemory memory);
void mf_report_free (MfReport *report);

// Takes any batch. False = out of memory.
bool mf_report_take (MfReport *report, const MfBatch *batch);

// Draws the report into `page->out`, whose `failed` tells of missing memory.
void mf_report_draw (MfReport *report, MfPage *page);
