// SPDX-License-Identifier: Apache-2.0
// What stands around the events of a JSON document: its head, and a tail of schemas, losses, stages
// and outcome. docs/report.schema.json describes the whole.
#pragma once

#include "cells/losses.h"
#include "json-cells.h"

enum { MF_JSON_FORMAT = 1 }; // changes when a reader of the old form would be misled

// Appends the beginning of a document, up to the bracket of "events".
void mf_json_head (MfBuffer *to, const char *version, const char *name, const char *configuration,
    bool deterministic);

// Appends the end, from the bracket that closes "events". `types` are the types that occurred, in
// any order; of one name and major version the one with most fields is described. `stages` are the
// row objects of core.stage-stats, comma-separated.
void mf_json_tail (MfBuffer *to, const MfNames *names, const MfType *const *types, uint32_t n_types,
    const MfLosses *losses, const MfBuffer *stages);
