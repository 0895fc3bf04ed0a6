// SPDX-License-Identifier: Apache-2.0
// Messages that end at a place which the user can edit: collected, put in order, printed with the
// line and a caret. One thread at a time.
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
  MF_PLACE_NONE,    // about nothing that can be pointed at
  MF_PLACE_FILE,    // file:line:column
  MF_PLACE_SET,     // an argument --set stage.key=value
  MF_PLACE_FALLBACK // the default in a plugin's option table; `file` names the plugin
} MfPlaceKind;

// Where something was written. The strings belong to the configuration that it comes from.
typedef struct {
  MfPlaceKind kind;
  uint32_t line;      // from 1; 0 beyond files
  uint32_t column;    // of the first byte, in bytes from 1
  uint32_t length;    // bytes under the caret; 0 is shown as 1
  const char *file;   // as the user named it; `--set stage.key=value` for that layer
  const char *source; // start of the echoed line: ends at '\n' or '\0'; NULL = not echoed
} MfPlace;

typedef enum { MF_DIAGNOSTIC_WARNING, MF_DIAGNOSTIC_ERROR } MfSeverity;

typedef struct MfDiagnostics MfDiagnostics;

MfDiagnostics *mf_diagnostics_new (void);
void mf_diagnostics_free (MfDiagnostics *diagnostics);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MfDiagnostics, mf_diagnostics_free)

// Adds a message. `place` may be NULL; everything is copied, so the configuration may go before the
// messages do. `hint` (what to do; may be NULL) stands after the caret. More than 50 are only
// counted.
void mf_diagnostics_add (MfDiagnostics *diagnostics, MfSeverity severity, const MfPlace *place,
    const char *hint, const char *format, ...) G_GNUC_PRINTF (5, 6);
#define mf_diagnostics_error(diagnostics, place, hint, ...)                                        \
  mf_diagnostics_add ((diagnostics), MF_DIAGNOSTIC_ERROR, (place), (hint), __VA_ARGS__)
#define mf_diagnostics_warn(diagnostics, place, hint, ...)                                         \
  mf_diagnostics_add ((diagnostics), MF_DIAGNOSTIC_WARNING, (place), (hint), __VA_ARGS__)

unsigned mf_diagnostics_errors (const MfDiagnostics *diagnostics);
unsigned mf_diagnostics_warnings (const MfDiagnostics *diagnostics);

// Appends all messages by file (in order of first mention), line and column, and a last line "2
// errors". Appends nothing when there are none.
void mf_diagnostics_print (const MfDiagnostics *diagnostics, GString *out);

// "configs/stm32.ini:14:1", "--set board.device=x", "the default of serial". Transfer full; for
// causes.
char *mf_place_name (const MfPlace *place);

// The candidate that `word` is probably a misspelling of, or NULL. `_`, `-` and case do not count.
// `candidates` is NULL-terminated.
const char *mf_nearest (const char *word, const char *const *candidates);
