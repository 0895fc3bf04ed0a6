// SPDX-License-Identifier: Apache-2.0
// A number and a unit from a table. The library of the memflow command is not used here: it needs GLib.
#include "literal.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

typedef struct { const char *name; uint64_t factor; } Unit;

static const Unit sizes[] = { { "B", 1 }, { "kB", 1000 }, { "KiB", 1ull << 10 }, { "MB", 1000000 },
  { "MiB", 1ull << 20 }, { "GB", 1000000000 }, { "GiB", 1ull << 30 }, { 0 } };
static const Unit durations[] = { { "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 },
  { "min", 60000000000 }, { "h", 3600000000000 }, { 0 } };
static const Unit naturals[] = { { "", 1 }, { 0 } };

// A whole number and its unit, in units of the first one. 0 needs none.
static bool
read_quantity (const char *text, const Unit *units, uint64_t *value)
{
  char *end;
  if (*text < '0' || *text > '9')
    return false;
  unsigned long long number = strtoull (text, &end, 10);
  if (!number && !*end) {
    *value = 0;
    return true;
  }
  for (; units->name; units++)
    if (!strcmp (units->name, end))
      return !__builtin_mul_overflow (number, units->factor, value);
  return false;
}

static bool
in_range (const MfOption *option, double number)
{
  return !(option->low < option->high) || (number >= option->low && number <= option->high);
}

static bool
set_quantity (const MfOption *option, const char *text, const Unit *units, void *to)
{
  uint64_t value;
  uint32_t narrow;
  if (!read_quantity (text, units, &value) || value > INT64_MAX || !in_range (option, (double) value))
    return false;
  if (option->kind != MF_U32) {
    memcpy (to, &value, sizeof value);
    return true;
  }
  narrow = (uint32_t) value;
  memcpy (to, &narrow, sizeof narrow);
  return value <= UINT32_MAX;
}

static bool
set_bool (const char *text, bool *to)
{
  static const char *const spellings[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };
  for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++)
    if (!strcasecmp (text, spellings[i])) {
      *to = i % 2;
      return true;
    }
  return false;
}

static bool
set_choice (const MfOption *option, const char *text, uint32_t *to)
{
  for (uint32_t i = 0; option->labels[i]; i++)
    if (!strcmp (option->labels[i], text)) {
      *to = i;
      return true;
    }
  return false;
}

static bool
set_value (const MfOption *option, const char *text, void *to)
{
  switch (option->kind) {
  case MF_SIZE: return set_quantity (option, text, sizes, to);
  case MF_DURATION: return set_quantity (option, text, durations, to);
  case MF_U32: return set_quantity (option, text, naturals, to);
  case MF_BOOL: return set_bool (text, to);
  case MF_OPTION_CHOICE: return set_choice (option, text, to);
  default: memcpy (to, &text, sizeof text); return true;
  }
}

static void
say_what_to_write (const MfOption *option, char *why, size_t n)
{
  if (option->kind == MF_SIZE)
    snprintf (why, n, "write a size such as %s, from %.0f to %.0f bytes", option->fallback ? option->fallback : "256KiB",
        option->low, option->high);
  else if (option->kind == MF_DURATION)
    snprintf (why, n, "write a time such as %s", option->fallback ? option->fallback : "30s");
  else if (option->kind == MF_U32)
    snprintf (why, n, "write a number from %.0f to %.0f", option->low, option->high);
  else if (option->kind == MF_BOOL)
    snprintf (why, n, "write yes or no");
  else
    mf_literal_describe (option, why, n);
}

bool
mf_literal_set (const MfOption *option, const char *text, void *instance, char *why, size_t n)
{
  if (set_value (option, text, (char *) instance + option->offset))
    return true;
  say_what_to_write (option, why, n);
  return false;
}

void
mf_literal_describe (const MfOption *option, char *text, size_t n)
{
  static const char *const names[] = { [MF_SIZE] = "SIZE", [MF_DURATION] = "TIME", [MF_U32] = "N", [MF_BOOL] = "yes|no" };
  size_t used = 0;
  if (option->kind == MF_OPTION_TEXT || option->kind == MF_OPTION_PATH)
    snprintf (text, n, "TEXT");
  else if (option->kind != MF_OPTION_CHOICE)
    snprintf (text, n, "%s", names[option->kind]);
  else
    for (uint32_t i = 0; option->labels[i] && used < n; i++)
      used += (size_t) snprintf (text + used, n - used, "%s%s", i ? "|" : "", option->labels[i]);
}
