// SPDX-License-Identifier: Apache-2.0
// Figures as words of a sentence.
#include "wording.h"

#include "heap-map.h"

void
mf_say_number (GString *to, uint64_t number)
{
  char digits[21];
  int n = g_snprintf (digits, sizeof digits, "%" G_GUINT64_FORMAT, (guint64) number);

  for (int i = 0; i < n; i++) {
    if (i > 0 && (n - i) % 3 == 0)
      g_string_append_c (to, ',');
    g_string_append_c (to, digits[i]);
  }
}

void
mf_say_bytes (GString *to, uint64_t bytes)
{
  mf_say_number (to, bytes);
  g_string_append (to, " B");
}

void
mf_say_change (GString *to, int64_t bytes)
{
  if (bytes != 0)
    g_string_append_c (to, bytes < 0 ? '-' : '+');
  mf_say_number (to, bytes < 0 ? -(uint64_t) bytes : (uint64_t) bytes);
}

void
mf_say_permille (GString *to, unsigned permille)
{
  g_string_append_printf (to, "%u.%u %%", permille / 10, permille % 10);
}

void
mf_say_share (GString *to, uint64_t part, uint64_t whole)
{
  mf_say_permille (to, mf_permille (part, whole));
}

void
mf_say_size (GString *to, uint64_t bytes)
{
  static const char *const units[] = { "B", "KiB", "MiB", "GiB" };
  unsigned unit = 0;

  while (bytes >= 1024 && bytes % 1024 == 0 && unit + 1 < G_N_ELEMENTS (units)) {
    bytes /= 1024;
    unit++;
  }
  mf_say_number (to, bytes);
  g_string_append_printf (to, " %s", units[unit]);
}

void
mf_say_count (GString *to, uint64_t n, const char *one, const char *many)
{
  mf_say_number (to, n);
  g_string_append_printf (to, " %s", n == 1 ? one : many);
}

void
mf_say_place (GString *to, uint32_t region, uint64_t offset, bool several)
{
  if (several)
    g_string_append_printf (to, "region %u at ", region);
  g_string_append_printf (to, "0x%05" G_GINT64_MODIFIER "x", (guint64) offset);
}
