// SPDX-License-Identifier: Apache-2.0
// The module itself, in pieces, for stages that read its instructions.
#include "pyc.h"

#include "module-name.h"

#include "bytecode/base64.h"

// In base64 two thirds of what a batch of text takes; divisible by three, so that only the last
// piece is padded.
enum { PIECE = 24 * 1024 };

bool
pyc_publish_content (
    Pyc *self, const PycSource *source, const char *module, uint32_t first, uint32_t units)
{
  g_autofree char *text
      = mf_is_wanted (&self->contents) ? g_malloc (mf_base64_length (PIECE)) : NULL;
  for (gsize at = 0; text && at < source->n; at += PIECE) {
    gsize n = MIN (source->n - at, PIECE);
    mf_base64_encode (source->bytes + at, n, text);
    const MfCodeContent row = { .unit = first,
      .units = units,
      .offset = (uint32_t) at,
      .total = (uint32_t) source->n,
      .module = mf_string (self, module),
      .origin = mf_string (self, source->input),
      .is_package = pyc_is_package (source->module),
      .content = mf_text (&self->contents, text, mf_base64_length (n)) };
    if (!mf_emit (&self->contents, &row))
      return false;
  }
  return true;
}
