// SPDX-License-Identifier: Apache-2.0
// Literals with units, read from bounded bytes and written back, and figures for people.
#include "base/units.h"

#include <glib.h>
#include <math.h>
#include <stdio.h>

#include "base/glyph.h"

typedef unsigned __int128 Wide;

enum { MAX_SUGGESTED_DIGITS = 24 }; // a longer number is not repeated in a hint

typedef struct {
  const char *name;
  uint64_t factor;
} Unit;

// A unit that may mean two things: `either` or `other`.
typedef struct {
  const char *given, *either, *other;
} Ambiguity;

typedef struct {
  const char *noun, *whole; // "size", "bytes"
  const char *known;        // the units, for messages
  const char *bare;         // the unit to suggest for a bare number
  const char *example;
  uint64_t largest;
  const Unit *units;
  const Ambiguity *ambiguities;
  bool show_bytes; // behind the two readings of an ambiguity
} Quantity;

// clang-format off
static const Unit size_units[] = {
  { "B", 1 }, { "kB", 1000 }, { "KiB", 1ull << 10 }, { "MB", 1000000 }, { "MiB", 1ull << 20 },
  { "GB", 1000000000 }, { "GiB", 1ull << 30 }, { "TB", 1000000000000 }, { "TiB", 1ull << 40 }, { 0 }
};
// clang-format on

// clang-format off
static const Ambiguity size_ambiguities[] = {
  { "k", "KiB", "kB" }, { "kb", "KiB", "kB" }, { "m", "MiB", "MB" }, { "mb", "MiB", "MB" },
  { "g", "GiB", "GB" }, { "gb", "GiB", "GB" }, { "t", "TiB", "TB" }, { "tb", "TiB", "TB" }, { 0 }
};
// clang-format on

// clang-format off
static const Quantity sizes = {
  "size", "bytes", "B, kB, KiB, MB, MiB, GB, GiB, TB and TiB", "B", "64KiB", UINT64_MAX - 1,
  size_units, size_ambiguities, true
};
// clang-format on

// clang-format off
static const Unit duration_units[] = {
  { "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 },
  { "min", 60000000000 }, { "h", 3600000000000 }, { 0 }
};
// clang-format on

static const Ambiguity duration_ambiguities[] = { { "m", "min", "ms" }, { 0 } };

// clang-format off
static const Quantity durations = {
  "duration", "nanoseconds", "ns, us, ms, s, min and h", "s", "250ms", INT64_MAX,
  duration_units, duration_ambiguities, false
};
// clang-format on

// ---- errors

// The literal as it may be shown in a message: escaped, and cut when it is long.
static MfWord
echo (const char *text, size_t n)
{
  MfWord word = { "" };
  size_t used = 0;
  while (n > 0) {
    MfGlyph glyph = mf_glyph (text, n);
    size_t length = strlen (glyph.text);
    if (used + length + sizeof "..." > sizeof word.text) {
      strcpy (word.text + used, "...");
      break;
    }
    memcpy (word.text + used, glyph.text, length + 1);
    used += length;
    text += glyph.bytes;
    n -= glyph.bytes;
  }
  return word;
}

static bool refuse (MfLiteralError *error, const char *text, size_t n, const char *hint,
    const char *format, ...) __attribute__ ((format (printf, 5, 6)));

// Fills `error` with "'text' …"; always false.
static bool
refuse (
    MfLiteralError *error, const char *text, size_t n, const char *hint, const char *format, ...)
{
  if (!error)
    return false;
  int used = snprintf (error->text, sizeof error->text, "'%s' ", echo (text, n).text);
  va_list arguments;
  va_start (arguments, format);
  vsnprintf (error->text + used, sizeof error->text - (size_t) used, format, arguments);
  va_end (arguments);
  snprintf (error->hint, sizeof error->hint, "%s", hint);
  return false;
}

// ---- a decimal number and its unit

typedef struct {
  uint64_t whole, part, scale; // whole + part / scale
  size_t length;               // bytes of the number
  const char *unit;
  size_t unit_length;
} Literal;

static size_t
count_digits (const char *text, size_t n)
{
  size_t digits = 0;
  while (digits < n && g_ascii_isdigit (text[digits]))
    digits++;
  return digits;
}

static bool
add_digits (const char *text, size_t n, unsigned base, uint64_t *value)
{
  for (size_t i = 0; i < n; i++)
    if (__builtin_mul_overflow (*value, base, value)
        || __builtin_add_overflow (*value, (uint64_t) g_ascii_xdigit_value (text[i]), value))
      return false;
  return true;
}

// Reads `.25` behind the whole part. False: no digits, or more than can be exact.
static bool
read_part (const char *text, size_t n, Literal *literal)
{
  size_t digits = count_digits (text + 1, n - 1);
  literal->length += digits + 1;
  while (digits > 1 && text[digits] == '0')
    digits--;
  if (digits == 0 || digits > 18)
    return false;
  for (size_t i = 0; i < digits; i++)
    literal->scale *= 10;
  return add_digits (text + 1, digits, 10, &literal->part);
}

static bool
read_literal (
    const Quantity *quantity, const char *text, size_t n, Literal *literal, MfLiteralError *error)
{
  size_t digits = count_digits (text, n);
  *literal = (Literal){ .scale = 1, .length = digits };
  bool number = digits > 0;
  bool fits = add_digits (text, digits, 10, &literal->whole);
  if (number && digits < n && text[digits] == '.')
    number = read_part (text + digits, n - digits, literal);
  if (!number) {
    MfWord hint = { "" };
    snprintf (hint.text, sizeof hint.text, "write for example %s", quantity->example);
    return refuse (error, text, n, hint.text, "is not a %s", quantity->noun);
  }
  size_t unit = literal->length;
  if (unit + 1 < n && text[unit] == ' ')
    unit++;
  literal->unit = text + unit;
  literal->unit_length = n - unit;
  return fits || refuse (error, text, n, "", "is too large for a %s", quantity->noun);
}

typedef enum { SCALED, SCALED_INEXACT, SCALED_TOO_LARGE } Scaled;

static Scaled
scale_literal (const Literal *literal, uint64_t factor, uint64_t largest, uint64_t *value)
{
  Wide part = (Wide) literal->part * factor;
  if (part % literal->scale != 0)
    return SCALED_INEXACT;
  Wide all = (Wide) literal->whole * factor + part / literal->scale;
  if (all > largest)
    return SCALED_TOO_LARGE;
  *value = (uint64_t) all;
  return SCALED;
}

static const Unit *
find_unit (const Unit *units, const char *text, size_t n, bool any_case)
{
  for (const Unit *unit = units; unit->name; unit++)
    if (strlen (unit->name) == n
        && (any_case ? g_ascii_strncasecmp (unit->name, text, n) : strncmp (unit->name, text, n))
               == 0)
      return unit;
  return NULL;
}

static const Ambiguity *
find_ambiguity (const Ambiguity *ambiguities, const char *text, size_t n)
{
  for (const Ambiguity *ambiguity = ambiguities; ambiguity->given; ambiguity++)
    if (strlen (ambiguity->given) == n && g_ascii_strncasecmp (ambiguity->given, text, n) == 0)
      return ambiguity;
  return NULL;
}

typedef struct {
  char text[80];
} Reading;

// "64KiB (65,536 bytes)"
static Reading
print_reading (const Quantity *quantity, const char *text, const Literal *literal, const char *unit)
{
  Reading word = { "" };
  uint64_t value;
  int length = (int) literal->length;
  const Unit *known = find_unit (quantity->units, unit, strlen (unit), false);
  bool shown = quantity->show_bytes
               && scale_literal (literal, known->factor, quantity->largest, &value) == SCALED;
  if (shown)
    snprintf (word.text, sizeof word.text, "%.*s%s (%.32s bytes)", length, text, unit,
        mf_grouped (value).text);
  else
    snprintf (word.text, sizeof word.text, "%.*s%s", length, text, unit);
  return word;
}

static bool
refuse_unit (const Quantity *quantity, const char *text, size_t n, const Literal *literal,
    MfLiteralError *error)
{
  char hint[192] = "";
  int digits = (int) literal->length;
  if (digits > MAX_SUGGESTED_DIGITS)
    return refuse (error, text, n, hint, "is too long for a %s", quantity->noun);
  if (literal->unit_length == 0) {
    snprintf (hint, sizeof hint, "write %.*s%s", digits, text, quantity->bare);
    return refuse (error, text, n, hint, "has no unit");
  }
  const Ambiguity *both
      = find_ambiguity (quantity->ambiguities, literal->unit, literal->unit_length);
  if (both) {
    snprintf (hint, sizeof hint, "write %s or %s",
        print_reading (quantity, text, literal, both->either).text,
        print_reading (quantity, text, literal, both->other).text);
    return refuse (error, text, n, hint, "is ambiguous");
  }
  const Unit *meant = find_unit (quantity->units, literal->unit, literal->unit_length, true);
  if (meant)
    snprintf (hint, sizeof hint, "write %.*s%s", digits, text, meant->name);
  else
    snprintf (hint, sizeof hint, "the units are %s", quantity->known);
  return refuse (error, text, n, hint, "has the unknown unit '%s'",
      echo (literal->unit, literal->unit_length).text);
}

static bool
parse_quantity (
    const Quantity *quantity, const char *text, size_t n, uint64_t *value, MfLiteralError *error)
{
  Literal literal;
  if (!read_literal (quantity, text, n, &literal, error))
    return false;
  const Unit *unit = find_unit (quantity->units, literal.unit, literal.unit_length, false);
  bool zero = literal.unit_length == 0 && literal.whole == 0 && literal.part == 0;
  if (!unit && !zero)
    return refuse_unit (quantity, text, n, &literal, error);
  Scaled scaled = scale_literal (&literal, unit ? unit->factor : 1, quantity->largest, value);
  if (scaled == SCALED_INEXACT)
    return refuse (error, text, n, "", "is not a whole number of %s", quantity->whole);
  if (scaled == SCALED_TOO_LARGE)
    return refuse (error, text, n, "", "is too large for a %s", quantity->noun);
  return true;
}

bool
mf_size_parse (const char *text, size_t n, MfSize *value, MfLiteralError *error)
{
  return parse_quantity (&sizes, text, n, &value->bytes, error);
}

bool
mf_duration_parse (const char *text, size_t n, MfDuration *value, MfLiteralError *error)
{
  uint64_t ns;
  if (!parse_quantity (&durations, text, n, &ns, error))
    return false;
  value->ns = (int64_t) ns;
  return true;
}

// ---- plain numbers

static bool
all_hexadecimal (const char *text, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (!g_ascii_isxdigit (text[i]))
      return false;
  return n > 0;
}

bool
mf_natural_parse (const char *text, size_t n, uint64_t *value, MfLiteralError *error)
{
  bool prefixed = n > 2 && text[0] == '0' && text[1] == 'x';
  const char *digits = prefixed ? text + 2 : text;
  size_t length = prefixed ? n - 2 : n;
  if (prefixed ? !all_hexadecimal (digits, length) : length == 0 || count_digits (text, n) < n)
    return refuse (error, text, n, "write for example 64 or 0x40", "is not a whole number");
  uint64_t sum = 0;
  if (!add_digits (digits, length, prefixed ? 16 : 10, &sum))
    return refuse (error, text, n, "", "is too large for a whole number");
  *value = sum;
  return true;
}

bool
mf_integer_parse (const char *text, size_t n, int64_t *value, MfLiteralError *error)
{
  bool negative = n > 1 && text[0] == '-';
  uint64_t magnitude;
  if (!mf_natural_parse (text + negative, n - negative, &magnitude, error))
    return false;
  if (magnitude > (uint64_t) INT64_MAX + negative)
    return refuse (error, text, n, "", "is too large for a whole number");
  *value = negative ? (int64_t) (0 - magnitude) : (int64_t) magnitude;
  return true;
}

// -12.5e-3: digits are needed before the exponent, and in it.
static bool
looks_like_number (const char *text, size_t n)
{
  size_t at = n > 0 && text[0] == '-';
  size_t digits = count_digits (text + at, n - at);
  at += digits;
  if (digits > 0 && at < n && text[at] == '.') {
    digits = count_digits (text + at + 1, n - at - 1);
    at += 1 + digits;
  }
  if (digits > 0 && at < n && (text[at] == 'e' || text[at] == 'E')) {
    at += 1;
    at += at < n && (text[at] == '-' || text[at] == '+');
    digits = count_digits (text + at, n - at);
    at += digits;
  }
  return digits > 0 && at == n;
}

bool
mf_number_parse (const char *text, size_t n, double *value, MfLiteralError *error)
{
  char copy[64];
  if (n >= sizeof copy || !looks_like_number (text, n))
    return refuse (error, text, n, "write for example 0.25", "is not a number");
  memcpy (copy, text, n);
  copy[n] = '\0';
  double number = g_ascii_strtod (copy, NULL);
  if (!isfinite (number))
    return refuse (error, text, n, "", "is too large for a number");
  *value = number;
  return true;
}

bool
mf_bool_parse (const char *text, size_t n, bool *value, MfLiteralError *error)
{
  static const char *const spellings[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };
  for (size_t i = 0; i < G_N_ELEMENTS (spellings); i++)
    if (strlen (spellings[i]) == n && g_ascii_strncasecmp (spellings[i], text, n) == 0) {
      *value = i % 2;
      return true;
    }
  return refuse (error, text, n, "write yes or no", "is neither yes nor no");
}

// ---- literals

static MfWord
quantity_literal (const Quantity *quantity, const char *zero, uint64_t value)
{
  MfWord word = { "" };
  const Unit *best = quantity->units;
  for (const Unit *unit = quantity->units; unit->name; unit++)
    if (value % unit->factor == 0)
      best = unit;
  if (value == 0)
    snprintf (word.text, sizeof word.text, "%s", zero);
  else
    snprintf (
        word.text, sizeof word.text, "%" G_GUINT64_FORMAT "%s", value / best->factor, best->name);
  return word;
}

MfWord
mf_size_literal (MfSize size)
{
  return size.bytes == UINT64_MAX ? (MfWord){ "" } : quantity_literal (&sizes, "0B", size.bytes);
}

MfWord
mf_duration_literal (MfDuration duration)
{
  if (duration.ns < 0)
    return (MfWord){ "" };
  return quantity_literal (&durations, "0s", (uint64_t) duration.ns);
}

MfWord
mf_number_literal (double number)
{
  MfWord word = { "" };
  if (fabs (number) < 1e15 && number == trunc (number)) {
    g_ascii_formatd (word.text, sizeof word.text, "%.0f", number);
    return word;
  }
  for (int digits = 6; isfinite (number) && digits <= 17; digits++) {
    char format[16];
    snprintf (format, sizeof format, "%%.%dg", digits);
    g_ascii_formatd (word.text, sizeof word.text, format, number);
    if (g_ascii_strtod (word.text, NULL) == number)
      break;
  }
  return word;
}

// ---- for people

// value / factor in tenths, rounded half up.
static uint64_t
tenths (uint64_t value, uint64_t factor)
{
  return (uint64_t) (((Wide) value * 10 + factor / 2) / factor);
}

static MfWord
print_tenths (const char *sign, uint64_t value, const char *unit)
{
  MfWord word = { "" };
  snprintf (word.text, sizeof word.text, "%s%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT " %s", sign,
      value / 10, value % 10, unit);
  return word;
}

MfWord
mf_size_print (MfSize size)
{
  static const char *const names[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
  MfWord word = { "?" };
  if (size.bytes == UINT64_MAX)
    return word;
  if (size.bytes < 1024) {
    snprintf (word.text, sizeof word.text, "%" G_GUINT64_FORMAT " B", size.bytes);
    return word;
  }
  size_t step = 0;
  while (step + 1 < G_N_ELEMENTS (names) && tenths (size.bytes, 1024ull << 10 * step) >= 10240)
    step++;
  return print_tenths ("", tenths (size.bytes, 1024ull << 10 * step), names[step]);
}

// "2 min 5 s", "3 h 10 min"
static MfWord
print_clock (const char *sign, uint64_t ns)
{
  MfWord word = { "" };
  uint64_t seconds = ns / 1000000000 + (ns % 1000000000 >= 500000000);
  uint64_t minutes = seconds / 60 + (seconds % 60 >= 30);
  if (seconds < 3600)
    snprintf (word.text, sizeof word.text, "%s%u min %u s", sign, (unsigned) (seconds / 60),
        (unsigned) (seconds % 60));
  else
    snprintf (word.text, sizeof word.text, "%s%" G_GUINT64_FORMAT " h %u min", sign, minutes / 60,
        (unsigned) (minutes % 60));
  return word;
}

MfWord
mf_duration_print (MfDuration duration)
{
  static const struct {
    const char *name;
    uint64_t factor, below;
  } steps[] = { { "us", 1000, 10000 }, { "ms", 1000000, 10000 }, { "s", 1000000000, 600 } };
  MfWord word = { "?" };
  if (duration.ns == INT64_MIN)
    return word;
  const char *sign = duration.ns < 0 ? "-" : "";
  uint64_t ns = (uint64_t) (duration.ns < 0 ? -duration.ns : duration.ns);
  if (ns < 1000) {
    snprintf (word.text, sizeof word.text, "%s%u ns", sign, (unsigned) ns);
    return word;
  }
  for (size_t i = 0; i < G_N_ELEMENTS (steps); i++)
    if (tenths (ns, steps[i].factor) < steps[i].below)
      return print_tenths (sign, tenths (ns, steps[i].factor), steps[i].name);
  return print_clock (sign, ns);
}

static MfWord
group_digits (const char *sign, uint64_t number)
{
  char digits[24];
  MfWord word = { "" };
  size_t n = (size_t) snprintf (digits, sizeof digits, "%" G_GUINT64_FORMAT, number);
  char *to = g_stpcpy (word.text, sign);
  for (size_t i = 0; i < n; i++) {
    if (i > 0 && (n - i) % 3 == 0)
      *to++ = ',';
    *to++ = digits[i];
  }
  *to = '\0';
  return word;
}

MfWord
mf_grouped (uint64_t number)
{
  return group_digits ("", number);
}

MfWord
mf_grouped_signed (int64_t number)
{
  uint64_t magnitude = number < 0 ? 0 - (uint64_t) number : (uint64_t) number;
  return group_digits (number < 0 ? "-" : "", magnitude);
}

MfWord
mf_percent (uint64_t part, uint64_t whole)
{
  if (whole == 0)
    return (MfWord){ "- %" };
  if (part == 0)
    return (MfWord){ "0 %" };
  if (part == whole)
    return (MfWord){ "100 %" };
  Wide rounded = ((Wide) part * 1000 + whole / 2) / whole;
  if (rounded == 0)
    return (MfWord){ "<0.1 %" };
  if (rounded == 1000 && part < whole)
    return (MfWord){ ">99.9 %" };
  MfWord word = { "" };
  uint64_t shown = rounded > UINT64_MAX ? UINT64_MAX : (uint64_t) rounded;
  snprintf (word.text, sizeof word.text, "%" G_GUINT64_FORMAT ".%u %%", shown / 10,
      (unsigned) (shown % 10));
  return word;
}
