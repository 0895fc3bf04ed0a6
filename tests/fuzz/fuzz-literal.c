// SPDX-License-Identifier: Apache-2.0
// Literals: what is read is written back as something that reads the same; refusals can be printed.
#include <glib.h>
#include <stdint.h>

#include "base/units.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t n);

static void
check_error (bool parsed, const MfLiteralError *error)
{
  if (parsed)
    return;
  g_assert_true (*error->text && g_utf8_validate (error->text, -1, NULL));
  for (const char *c = error->text; *c; c++)
    g_assert_false (g_ascii_iscntrl (*c));
}

static void
check_size (const char *text, size_t n)
{
  MfSize size, again;
  MfLiteralError error;
  bool parsed = mf_size_parse (text, n, &size, &error);
  check_error (parsed, &error);
  if (!parsed)
    return;
  MfWord literal = mf_size_literal (size);
  g_assert_true (mf_size_parse (literal.text, strlen (literal.text), &again, NULL));
  g_assert_true (again.bytes == size.bytes && size.bytes != UINT64_MAX);
  g_assert_true (*mf_size_print (size).text && *mf_percent (size.bytes / 3, size.bytes).text);
}

static void
check_duration (const char *text, size_t n)
{
  MfDuration duration, again;
  MfLiteralError error;
  bool parsed = mf_duration_parse (text, n, &duration, &error);
  check_error (parsed, &error);
  if (!parsed)
    return;
  MfWord literal = mf_duration_literal (duration);
  g_assert_true (mf_duration_parse (literal.text, strlen (literal.text), &again, NULL));
  g_assert_true (again.ns == duration.ns && duration.ns >= 0);
  g_assert_true (*mf_duration_print (duration).text);
}

static void
check_integers (const char *text, size_t n)
{
  uint64_t natural;
  int64_t integer;
  MfLiteralError error;
  bool parsed = mf_natural_parse (text, n, &natural, &error);
  check_error (parsed, &error);
  if (parsed)
    g_assert_cmpuint (strlen (mf_grouped (natural).text), >, 0);
  bool fits = mf_integer_parse (text, n, &integer, &error);
  check_error (fits, &error);
  g_assert_true (!(parsed && fits) || (uint64_t) integer == natural);
}

static void
check_number (const char *text, size_t n)
{
  double number, again;
  MfLiteralError error;
  bool parsed = mf_number_parse (text, n, &number, &error);
  check_error (parsed, &error);
  if (!parsed)
    return;
  MfWord literal = mf_number_literal (number);
  g_assert_true (mf_number_parse (literal.text, strlen (literal.text), &again, NULL));
  g_assert_true (again == number);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  // A copy of the exact size, so that reading beyond it is found.
  g_autofree char *text = g_memdup2 (data, n);
  const char *bytes = n ? text : "";
  MfLiteralError error;
  check_size (bytes, n);
  check_duration (bytes, n);
  check_integers (bytes, n);
  check_number (bytes, n);
  check_error (mf_bool_parse (bytes, n, &(bool) { 0 }, &error), &error);
  return 0;
}
