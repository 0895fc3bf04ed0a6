// SPDX-License-Identifier: Apache-2.0
// A row of any type as one line for reading at once: what it says of itself, field by field.
#pragma once

#include "page.h"

// Puts the rows of a batch on the page: "5.002 s  live 33.7 KiB  peak 39.2 KiB  73 % app.py:88 load".
// The label and the place in time need no name; hidden fields, keys and parts do not appear. Numbers
// are rounded: who wants them exact reads JSON Lines.
void mf_page_rows (MfPage *page, const MfBatch *batch);
