// SPDX-License-Identifier: Apache-2.0
// Where compiled modules come from: a file, a folder, a zip or wheel; sources are compiled out of
// process. Knows no pipeline.
#pragma once

#include <glib.h>

typedef enum {
  PYC_COMPILE_AUTO,
  PYC_COMPILE_NEVER,
  PYC_COMPILE_PYTHON,
  PYC_COMPILE_MPY_CROSS
} PycCompile;

typedef struct {
  const char *input;  // as people see it: "app.whl: pkg/mod.pyc"
  const char *module; // its path below what is read: "pkg/mod.pyc"
  const guint8 *bytes;
  gsize n;
} PycSource;

// The caller's side. Each returns FALSE to end the reading.
typedef struct {
  void *user;
  gboolean (*found) (void *user, const PycSource *source);
  gboolean (*unreadable) (
      void *user, const char *input, const char *why); // the rest of "cannot read INPUT: "
  gsize limit;          // bytes of one file, or of one member of an archive
  PycCompile compile;   // what becomes of sources that have no compiled file beside them
  const char *compiler; // the program; NULL = python3 or mpy-cross
} PycReading;

// In order of names. FALSE = the caller ended it.
gboolean pyc_read_sources (const char *path, const PycReading *reading);
