// SPDX-License-Identifier: Apache-2.0
// Events as JSON objects: {"type":"heap.block","major":1,"input":…,"stage":…,"epoch":0,"row":{…}}.
// The fields stand in `row`, because types may call a field `type` or `stage` too.
#pragma once

#include "cells/cell-writer.h"

// The style of a row that is followed by `row_end` (borrowed), which must begin with "}}".
MfCellStyle mf_json_style (const char *row_end);

// Appends what all rows of a batch begin with, up to and with the brace of "row".
void mf_json_lead (MfBuffer *to, const MfNames *names, const MfBatch *batch);

// Appends a JSON string.
void mf_json_string (MfBuffer *to, const char *text);
// The same of an interned name; null when there is none.
void mf_json_name (MfBuffer *to, const MfNames *names, MfString name);
