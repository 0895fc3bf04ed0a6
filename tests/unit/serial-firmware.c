// SPDX-License-Identifier: Apache-2.0
// A heap printer after the printf formats of MicroPython.
#include <string.h>

#include "serial-firmware.h"

typedef struct {
  unsigned total, used, free, ones, twos, max_block, max_free;
} Figures;

// Block by block with a look ahead, in the way of gc_info: a mark counts for nothing.
static void
add_area (Figures *figures, const GString *codes)
{
  unsigned length = 0, free_length = 0;

  for (gsize i = 0; i < codes->len; i++) {
    bool last = i + 1 == codes->len;
    char code = codes->str[i], next = codes->str[i + 1];

    if (code == '.') {
      figures->free++;
      free_length++;
      length = 0;
    } else if (code == '=') {
      figures->used++;
      length++;
    } else if (code != 'm') {
      figures->used++;
      length = 1;
    }
    if (!last && (next == '=' || next == 'm'))
      continue;
    figures->ones += length == 1;
    figures->twos += length == 2;
    figures->max_block = MAX (figures->max_block, length);
    if (!last && next == '.')
      continue;
    figures->max_free = MAX (figures->max_free, free_length);
    free_length = 0;
  }
  figures->total += codes->len;
}

G_GNUC_PRINTF (3, 4)
static void
print_line (const Firmware *self, GString *out, const char *format, ...)
{
  g_autofree char *line = NULL;
  va_list arguments;

  va_start (arguments, format);
  line = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  for (unsigned i = 0; i < (self->doubled ? 2 : 1); i++)
    g_string_append_printf (
        out, "%s%s%s", self->prefix ? self->prefix : "", line, self->end ? self->end : "\r\n");
}

static void
print_header (const Firmware *self, GString *out)
{
  Figures figures = { 0 };

  for (unsigned i = 0; i < self->n_areas; i++)
    add_area (&figures, self->areas[i]);
  print_line (self, out, "stack: %u out of %u", 752, 1800);
  print_line (self, out, "GC: total: %u, used: %u, free: %u", figures.total * self->granule,
      figures.used * self->granule, figures.free * self->granule);
  if (self->without_max_free)
    print_line (self, out, " No. of 1-blocks: %u, 2-blocks: %u, max blk sz: %u", figures.ones,
        figures.twos, figures.max_block);
  else
    print_line (self, out, " No. of 1-blocks: %u, 2-blocks: %u, max blk sz: %u%s max free sz: %u",
        figures.ones, figures.twos, figures.max_block, self->with_comma ? "," : "",
        figures.max_free);
}

static gsize
free_run (const GString *codes, gsize i)
{
  gsize start = i;

  while (i < codes->len && codes->str[i] == '.')
    i++;
  return i - start;
}

static void
print_area (const Firmware *self, GString *out, unsigned area)
{
  const GString *codes = self->areas[area];
  unsigned base = 0x20000c10 + area * 0x10000000;
  unsigned origin = self->from_base ? base : 0;

  if (!self->without_base)
    print_line (self, out, "GC memory layout; from %s%x:", area % 2 ? "0x" : "", base);
  for (gsize i = 0; i < codes->len; i += 64) {
    gsize run = free_run (codes, i);
    unsigned address = origin + (unsigned)i * self->granule;

    if (run >= 128) {
      print_line (self, out, "       (%u lines all free)", (unsigned)(run / 64));
      i += run / 64 * 64;
      address = origin + (unsigned)i * self->granule;
    }
    if (i == codes->len)
      break;
    if (self->noise && i / 64 % 3 == 1)
      g_string_append (out, self->noise);
    print_line (self, out, self->narrow ? "%05x: %.*s" : "%08x: %.*s",
        self->narrow ? address & 0xfffff : address, (int)MIN (64, codes->len - i), codes->str + i);
  }
}

void
firmware_print (const Firmware *self, GString *out)
{
  if (!self->without_header)
    print_header (self, out);
  for (unsigned i = 0; i < self->n_areas; i++)
    print_area (self, out, i);
}

static void
append_run (GString *codes, char first, char rest, unsigned length, gsize limit)
{
  for (unsigned i = 0; i < length && codes->len < limit; i++)
    g_string_append_c (codes, i == 0 ? first : rest);
}

void
firmware_fill (Firmware *self, GRand *random, unsigned n_granules, bool marks)
{
  GString *codes = g_string_new (NULL);

  while (codes->len < n_granules) {
    char head = "hhhhhSTLDABFM"[g_rand_int_range (random, 0, 13)];

    if (marks && g_rand_int_range (random, 0, 8) == 0)
      head = 'm';
    switch (g_rand_int_range (random, 0, 8)) {
    case 0:
      append_run (codes, '.', '.', (unsigned)g_rand_int_range (random, 1, 400), n_granules);
      break;
    case 1:
    case 2:
      append_run (codes, '.', '.', (unsigned)g_rand_int_range (random, 1, 9), n_granules);
      break;
    case 3:
      append_run (codes, head, '=', (unsigned)g_rand_int_range (random, 1, 200), n_granules);
      break;
    default:
      append_run (codes, head, '=', (unsigned)g_rand_int_range (random, 1, 5), n_granules);
    }
  }
  g_assert_cmpuint (self->n_areas, <, FIRMWARE_AREAS);
  self->areas[self->n_areas++] = codes;
}

void
firmware_clear (Firmware *self)
{
  for (unsigned i = 0; i < self->n_areas; i++)
    g_string_free (self->areas[i], TRUE);
  self->n_areas = 0;
}
