// SPDX-License-Identifier: Apache-2.0
// Tests of one plugin without a pipeline: push rows, run its callbacks, look at what it publishes.
// Link with memflow-harness. Everything happens on the caller's thread.
#pragma once

#include <memflow/plugin.h>

typedef struct MfHarness MfHarness;

// A harness around one plugin: of this program, or of the module at `path` (id NULL = its first
// one). `options` are "key=value", ended by NULL; NULL itself = all defaults. Never NULL: if the
// plugin is refused, mf_harness_errors says why and every step below returns false. Free with
// mf_harness_free.
MfHarness *mf_harness_new (const MfDescriptor *plugin, const char *const *options);
MfHarness *mf_harness_open (const char *path, const char *id, const char *const *options);
// Calls `stop` if it is still due, and frees all rows.
void mf_harness_free (MfHarness *harness);

// The life of a plugin; each returns false once anything has failed. `declare` was called already.
bool mf_harness_start (MfHarness *harness);
bool mf_harness_collect (MfHarness *harness); // collectors: until they return
bool mf_harness_finish (MfHarness *harness);  // formats: their files get their final names
void mf_harness_stop (MfHarness *harness);

// ---- what goes in

// What the following rows were read from. "input", epoch 0 when never called.
void mf_harness_context (MfHarness *harness, const char *input, uint32_t epoch);
// Delivers rows as one batch or, when there are more than fit one, as several. `text` is the arena
// of their MfText fields (text_size bytes; may be NULL). A type that the plugin does not consume
// fails.
bool mf_harness_push (MfHarness *harness, const MfType *type, const void *rows, uint32_t n_rows,
    const char *text, uint32_t text_size);
#define mf_harness_push_row(harness, Row, ...)                                                     \
  mf_harness_push ((harness), &Row##_type, &(const Row) __VA_ARGS__, 1, NULL, 0)
// Marks the following batches as lacking rows (MF_BATCH_INCOMPLETE).
void mf_harness_lose (MfHarness *harness);

// Interned names and call sites, as rows carry them.
MfString mf_harness_string (MfHarness *harness, const char *text);
const char *mf_harness_string_text (const MfHarness *harness, MfString string);
MfStack mf_harness_stack (
    MfHarness *harness, MfStack caller, const char *function, const char *file, uint32_t line);

// Output files go below this folder, which is made. Before mf_harness_start.
void mf_harness_set_output (MfHarness *harness, const char *folder);

// ---- what comes out

// Rows that the plugin has published so far, of one type, in order. NULL past the last one. `batch`
// (may be NULL) receives the batch that the row is in, for mf_batch_text. Valid until the harness
// is freed.
uint32_t mf_harness_n_rows (const MfHarness *harness, const char *type);
const void *mf_harness_row (
    const MfHarness *harness, const char *type, uint32_t index, const MfBatch **batch);
#define MF_HARNESS_ROW(harness, Row, index)                                                        \
  ((const Row *) mf_harness_row ((harness), Row##_type.name, (index), NULL))

// The messages of failures, "" while there are none; the remarks (mf_log), one a line.
const char *mf_harness_errors (MfHarness *harness);
const char *mf_harness_remarks (const MfHarness *harness);

// ---- what goes wrong

// The n-th request for memory of input-dependent size from now on fails (1 = the next one).
void mf_harness_fail_allocation (MfHarness *harness, uint64_t n);
// Whether that request has been made.
bool mf_harness_allocation_failed (const MfHarness *harness);
// Once `n` more batches have been published, nobody takes rows any more: mf_emit returns false.
void mf_harness_refuse_after (MfHarness *harness, uint64_t n);

// The most bytes of input-dependent size at one time: what the plugin asked for, and its open
// batches.
uint64_t mf_harness_peak (const MfHarness *harness);
// Ends the test program with a message if the peak is above `bytes`.
void mf_assert_peak (const MfHarness *harness, uint64_t bytes);
