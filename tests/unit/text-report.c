// SPDX-License-Identifier: Apache-2.0
// The format text: reports against golden files (MEMFLOW_UPDATE_GOLDEN=1 writes them anew), and
// what must hold for every report: no line is too wide, all of it is valid UTF-8 without control
// characters.
#include <stdio.h>

#include "format-host.h"
#include "text/page.h"

static guint32 width;  // of the host that is being fed

static FormatHost *
text_host (guint32 columns)
{
  g_autofree char *number = g_strdup_printf ("%u", columns);
  FormatHost *host = format_host_new ();
  width = columns;
  format_host_set (host, "width", number);
  return host;
}

static void
check_properties (const char *report)
{
  g_auto (GStrv) lines = g_strsplit (report, "\n", -1);
  g_assert_true (g_utf8_validate (report, -1, NULL));
  for (guint i = 0; lines[i]; i++) {
    if (mf_columns (lines[i]) > width)
      g_error ("line %u is wider than %u: %s", i + 1, width, lines[i]);
    for (const char *c = lines[i]; *c; c++)
      g_assert_true ((guchar) *c >= 0x20 && *c != 0x7f);
  }
}

static char *
finish (FormatHost *host)
{
  g_assert_true (format_host_finish (host));
  char *report = g_strdup (format_host_output (host, "-"));
  check_properties (report);
  format_host_free (host);
  return report;
}

static void
check_golden (const char *name, const char *report)
{
  g_autofree char *path = g_strdup_printf ("tests/golden/text/%s.txt", name), *expected = NULL;
  if (g_getenv ("MEMFLOW_UPDATE_GOLDEN"))
    g_assert_true (g_file_set_contents (path, report, -1, NULL));
  g_assert_true (g_file_get_contents (path, &expected, NULL, NULL));
  g_assert_cmpstr (report, ==, expected);
}

// ---- what a heap is made of

static void
say (FormatHost *host, guint32 severity, const char *subject, const char *place, const char *text,
  const char *basis)
{
  g_autofree char *arena = g_strconcat (text, basis, NULL);
  guint32 n = (guint32) strlen (text);
  MfStatement row = { 0, severity, { 0 }, { 0 }, { 0, n }, { n, (guint32) strlen (basis) } };
  row.subject = *subject ? format_host_string (host, subject) : row.subject;
  row.place = *place ? format_host_string (host, place) : row.place;
  g_assert_true (format_host_text_rows (host, &MfStatement_type, &row, 1, arena));
}

static void
send_block (FormatHost *host, guint32 snapshot, guint64 offset, guint64 size, char letter)
{
  static const struct {
    char letter;
    const char *kind;
  } kinds[] = { { 'A', "array" }, { 'h', "head" }, { 'T', "tuple" }, { 'L', "list" },
    { 'S', "str" }, { 'B', "bytes" }, { 'M', "module" }, { 'D', "dict" } };
  MfHeapBlock row = { snapshot, 0, { offset }, { size }, { 0 }, letter != '.' };
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (kinds[i].letter == letter)
      row.kind = format_host_string (host, kinds[i].kind);
  g_assert_true (format_host_rows (host, &MfHeapBlock_type, &row, 1));
}

// The letters of a recorded map, one for each 16 bytes, its folded lines unfolded.
static char *
recorded_letters (guint32 snapshot)
{
  g_autofree char *path = g_strdup_printf ("tests/data/heap/stm32f205-fragment-%u.map", snapshot),
                  *map = NULL;
  GString *letters = g_string_new (NULL);
  guint folded;
  g_assert_true (g_file_get_contents (path, &map, NULL, NULL));
  g_auto (GStrv) lines = g_strsplit (g_strchomp (map), "\n", -1);
  for (char **line = lines; *line; line++)
    if (sscanf (*line, " (%u lines all free)", &folded) == 1)
      g_string_append_printf (letters, "%0*d", (int) folded * 64, 0);
    else
      g_string_append (letters, strchr (*line, ' ') + 1);
  for (char *letter = letters->str; *letter; letter++)
    *letter = *letter == '0' ? '.' : *letter;
  return g_string_free (letters, FALSE);
}

static void
send_snapshot (FormatHost *host, guint32 snapshot)
{
  g_autofree char *letters = recorded_letters (snapshot);
  for (gsize at = 0; letters[at];) {
    gsize n = letters[at] == '.' ? strspn (letters + at, ".") : 1 + strspn (letters + at + 1, "=");
    send_block (host, snapshot, at * 16, n * 16, letters[at]);
    at += n;
  }
  MfHeapSnapshot row = { .time = MF_TIME_NONE, .snapshot = snapshot, .ordinal = snapshot };
  g_assert_true (format_host_rows (host, &MfHeapSnapshot_type, &row, 1));
}

static void
send_stats (FormatHost *host, guint32 ordinal, guint64 used)
{
  MfHeapStats row = { .time = MF_TIME_NONE,
    .total = { 96000 },
    .used = { used },
    .free = { 96000 - used },
    .largest_free = { 12000 },
    .ordinal = ordinal,
    .heap = format_host_string (host, "gc") };
  g_assert_true (format_host_rows (host, &MfHeapStats_type, &row, 1));
}

typedef struct {
  MfSize low, high;
  uint64_t runs;
  MfSize bytes;
} Bin;
MF_EVENT (Bin, "stranger.free-runs", 1, MF_VIEW_HISTOGRAM, "Free runs by size",
  MF_FIELD (Bin, low, "l", .role = MF_ROLE_AT), MF_FIELD (Bin, high, "h", .role = MF_ROLE_EXTENT),
  MF_FIELD (Bin, runs, "r"), MF_FIELD (Bin, bytes, "b", .role = MF_ROLE_BAR));

static const Bin bins[] = { { { 16 }, { 31 }, 10, { 160 } }, { { 32 }, { 63 }, 1, { 32 } },
  { { 64 }, { 127 }, 10, { 1120 } }, { { 128 }, { 255 }, 300, { 38400 } },
  { { 8192 }, { 16383 }, 1, { 12000 } }, { { 16384 }, { UINT64_MAX }, 0, { 0 } } };

static void
send_faults (FormatHost *host, guint n)
{
  static const char message[] = "memory allocation failed, allocating 38712 bytes";
  for (guint i = 0; i < n; i++) {
    MfDeviceFault row = { .time = MF_TIME_NONE, .requested = { 38712 / (1 + i) }, .caught = 1,
      .after_ordinal = 2, .line = 150 + i, .message = { 0, sizeof message - 1 } };
    g_assert_true (format_host_text_rows (host, &MfDeviceFault_type, &row, 1, message));
  }
}

static void
feed_stm32 (FormatHost *host)
{
  g_assert_true (format_host_start (host));
  send_stats (host, 1, 84000);
  send_snapshot (host, 1);
  send_stats (host, 2, 44288);
  send_snapshot (host, 2);
  send_faults (host, 3);
  say (host, MF_SAY_NEXT, "", "",
      "memflow inspect fragmentation, or set question = 4KiB in configs/stm32.ini", "");
  say (host, MF_SAY_EVIDENCE, "heap", "",
      "96,000 B   used 44,288 (46.1 %)   free 51,712 (53.9 %) in 322 runs", "");
  say (host, MF_SAY_EVIDENCE, "largest free", "", "12,000 B   ext_frag 76.8 %   hole_frag 76.4 %",
      "exact");
  say (host, MF_SAY_VERDICT, "FRAGMENTED", "",
      "At least 12,000 B can be allocated in one piece although "
      "51,712 B are free.\nThree requests were refused with more than that free:\n"
      "  38,712 B   25,808 B   12,904 B      (caught MemoryError, after dump 2)",
      "");
  say (host, MF_SAY_VERDICT, "", "", "Nearest remedy: 8 blocks must go.", "");
  say (host, MF_SAY_WARNING, "", "main.py:12", "a warning without a subject", "estimated");
  g_assert_true (format_host_rows (host, &Bin_type, bins, G_N_ELEMENTS (bins)));
}

static void
test_stm32 (void)
{
  FormatHost *host = text_host (80);
  feed_stm32 (host);
  g_autofree char *report = finish (host);
  check_golden ("stm32", report);
}

static void
test_ascii (void)
{
  FormatHost *host = text_host (60);
  host->run.ascii = true;
  feed_stm32 (host);
  g_autofree char *report = finish (host);
  check_golden ("stm32-ascii-60", report);
  g_assert_true (g_str_is_ascii (report));
}

static void
test_map_styles (void)
{
  static const char *const styles[] = { "letters", "braille" };
  for (gsize i = 0; i < G_N_ELEMENTS (styles); i++) {
    FormatHost *host = text_host (80);
    format_host_set (host, "map", styles[i]);
    g_assert_true (format_host_start (host));
    send_snapshot (host, 2);
    g_autofree char *report = finish (host);
    check_golden (styles[i], report);
  }
}

// The map by letters is the firmware's own, but for small and capital letters.
static void
test_letters (void)
{
  FormatHost *host = text_host (80);
  g_autofree char *letters = recorded_letters (2);
  format_host_set (host, "map", "letters");
  g_assert_true (format_host_start (host));
  send_snapshot (host, 2);
  g_autofree char *report = finish (host);
  for (gsize line = 0; line < 83; line++) {
    g_autofree char *piece = g_strndup (letters + line * 64, 64),
                    *upper = g_ascii_strup (piece, -1);
    g_autofree char *expected
        = g_strdup_printf ("\n%06" G_GSIZE_MODIFIER "x %s\n", line * 1024, upper);
    g_assert_nonnull (strstr (report, expected));
  }
  g_assert_nonnull (strstr (report, "       (11 lines all free)\n"));
}

static void
test_all_maps (void)
{
  FormatHost *host = text_host (80);
  format_host_set (host, "maps", "all");
  g_assert_true (format_host_start (host));
  send_snapshot (host, 1);
  send_snapshot (host, 2);
  g_autofree char *report = finish (host);
  g_assert_nonnull (strstr (report, "snapshot 1"));
  g_assert_nonnull (strstr (report, "snapshot 2"));
}

// A snapshot whose closing row never comes is not drawn; the one before it is.
static void
test_map_cut_off (void)
{
  FormatHost *host = text_host (80);
  g_assert_true (format_host_start (host));
  send_snapshot (host, 2);
  send_block (host, 3, 0, 4096, 'A');
  g_autofree char *report = finish (host);
  g_assert_nonnull (strstr (report, "snapshot 2"));
  g_assert_nonnull (strstr (report, "the last map is not whole and was not drawn: 1 blocks"));
}

// ---- the types of strangers

typedef struct {
  MfString pool;
  uint32_t on;
  MfAddress at;
  MfSize length;
} Slab;
MF_EVENT (Slab, "stranger.slab", 2, MF_VIEW_MAP, "Slabs of a stranger's allocator",
  MF_FIELD (Slab, pool, "p", .role = MF_ROLE_PART),
  MF_FIELD_ENUM (Slab, on, "o", .role = MF_ROLE_STATE, MF_LABELS ("idle", "taken")),
  MF_FIELD (Slab, at, "a", .role = MF_ROLE_AT), MF_FIELD (Slab, length, "l", .role = MF_ROLE_EXTENT));

typedef struct {
  MfString name, parent;
  MfSize cost;
} Branch;
MF_EVENT (Branch, "stranger.imports", 1, MF_VIEW_TREE, "Who imports whom",
  MF_FIELD (Branch, name, "n", .role = MF_ROLE_LABEL), MF_FIELD (Branch, parent, "p", .role = MF_ROLE_PARENT),
  MF_FIELD (Branch, cost, "c", .role = MF_ROLE_BAR));

typedef struct {
  MfString rule;
  uint32_t level, flags;
  double share;
  uint64_t alpha, beta, gamma_rays, delta;
  MfText why;
} Wide;
MF_EVENT (Wide, "stranger.wide", 1, MF_VIEW_TABLE, "More columns than a page has",
  MF_FIELD (Wide, rule, "r", .role = MF_ROLE_LABEL), MF_FIELD_ENUM (Wide, level, "l", MF_LABELS ("low", "high")),
  MF_FIELD_FLAGS (Wide, flags, "f", MF_LABELS ("one", "two")), MF_FIELD (Wide, share, "s", .unit = MF_UNIT_PERCENT),
  MF_FIELD (Wide, alpha, "a"), MF_FIELD (Wide, beta, "b", .unit = MF_UNIT_BYTES),
  MF_FIELD (Wide, gamma_rays, "g", .unit = MF_UNIT_PER_SECOND), MF_FIELD (Wide, delta, "d"),
  MF_FIELD (Wide, why, "w"));

typedef struct {
  MfSize at, length;
  uint64_t became;
} Change;
static const MfField Change_fields[] = {
  MF_FIELD (Change, at, "a", .role = MF_ROLE_AT),
  MF_FIELD (Change, length, "l", .role = MF_ROLE_EXTENT),
  { .name = "became", .doc = "b", .kind = MF_ENUM, .width = 4, .offset = 16, .role = MF_ROLE_STATE,
    MF_LABELS ("free", "used", "freed", "filled") },
  { .name = "zero", .doc = "z", .kind = MF_U32, .width = 4, .offset = 20, .role = MF_ROLE_HIDDEN },
};
static const MfType Change_type = { .name = "stranger.change", .doc = "What changed", .fields = Change_fields,
  .n_fields = 4, .row_size = sizeof (Change), .major = 1, .view = MF_VIEW_MAP };

static void
send_imports (FormatHost *host)
{
  static const char *const edges[][2] = { { "main", "" }, { "socket", "net" }, { "net", "main" },
    { "json", "main" }, { "ouroboros", "tail" }, { "tail", "ouroboros" }, { "self", "self" } };
  for (gsize i = 0; i < G_N_ELEMENTS (edges); i++) {
    Branch row = { format_host_string (host, edges[i][0]), { 0 }, { 1024 * (i + 1) } };
    row.parent = *edges[i][1] ? format_host_string (host, edges[i][1]) : row.parent;
    g_assert_true (format_host_rows (host, &Branch_type, &row, 1));
  }
}

static void
send_wide (FormatHost *host, guint n)
{
  static const char why[] = "because \x1b[31mof\x07 a long explanation that will not fit";
  for (guint i = 0; i < n; i++) {
    Wide row = { format_host_string (host, i % 2 ? "rule-one"
                                                 : "gr\xc3\xb6\xc3\x9f"
                                                   "er"),
      i % 3, i % 6, i * 33.333, i * 1000, i * 123456789ull, i, UINT64_MAX - i,
      { 0, sizeof why - 1 } };
    g_assert_true (format_host_text_rows (host, &Wide_type, &row, 1, why));
  }
}

static void
feed_stranger (FormatHost *host)
{
  g_assert_true (format_host_start (host));
  Slab slabs[] = { { format_host_string (host, "dma"), 1, { 0 }, { 100 } },
    { format_host_string (host, "dma"), 0, { 100 }, { 50 } },
    { format_host_string (host, "dtcm"), 1, { 48 }, { 24 } } };
  g_assert_true (format_host_rows (host, &Slab_type, slabs, 3));
  const Change changes[] = { { { 0 }, { 64 }, 1 }, { { 64 }, { 64 }, 2 }, { { 128 }, { 64 }, 0 },
    { { 192 }, { 64 }, 3 } };
  g_assert_true (format_host_rows (host, &Change_type, changes, 4));
  send_imports (host);
  send_wide (host, 25);
  MfMetric metric = { format_host_string (host, "heap"), format_host_string (host, "ext_frag"),
    0.768, { 0 }, { 0 } };
  g_assert_true (format_host_rows (host, &MfMetric_type, &metric, 1));
}

static void
test_stranger (void)
{
  FormatHost *host = text_host (80);
  format_host_set (host, "rows", "4");
  format_host_set (host, "also", "met*");
  feed_stranger (host);
  g_autofree char *report = finish (host);
  check_golden ("stranger", report);
}

// ---- losses come first

static void
test_losses (void)
{
  FormatHost *host = text_host (80);
  g_assert_true (format_host_start (host));
  say (host, MF_SAY_VERDICT, "FINE", "", "nothing to see", "");
  MfLost lost = { format_host_string (host, "board"), format_host_string (host, "report"),
    format_host_string (host, "heap.block"), MF_LOST_QUEUE_FULL, 617, { 1 }, { 2 } };
  MfRunEnd end = { { 0 }, { 0 }, { 0 }, 3, 1234, -1, 0 };
  g_assert_true (format_host_rows (host, &MfLost_type, &lost, 1));
  g_assert_true (format_host_rows (host, &MfLost_type, &lost, 1));
  g_assert_true (format_host_rows (host, &MfRunEnd_type, &end, 1));
  g_autofree char *report = finish (host);
  check_golden ("losses", report);
}

// A run that calls itself incomplete is shown as such, also when no row says what was lost.
static void
test_incomplete (void)
{
  FormatHost *host = text_host (80);
  MfRunEnd end = { .outcome = 1, .program_status = -1 };
  g_assert_true (format_host_start (host));
  g_assert_true (format_host_rows (host, &MfRunEnd_type, &end, 1));
  g_autofree char *report = finish (host);
  g_assert_cmpstr (strchr (report, '\n'), ==,
    "\n\nINCOMPLETE    something upstream of these figures was lost\n");
}

static void
test_empty (void)
{
  FormatHost *host = text_host (80);
  g_assert_true (format_host_start (host));
  g_autofree char *report = finish (host);
  g_assert_cmpstr (report, ==, "stm32\n");
}

static void
test_colour (void)
{
  FormatHost *host = text_host (80);
  host->run.colour = host->terminal = true;
  g_assert_true (format_host_start (host));
  say (host, MF_SAY_VERDICT, "FINE", "", "nothing to see", "");
  g_assert_true (format_host_finish (host));
  g_assert_nonnull (strstr (format_host_output (host, "-"), "\x1b[1mFINE\x1b[0m"));
  format_host_free (host);
}

// ---- hostile input

static const guint64 extremes[] = { 0, 1, 2, 15, 16, 24, 4096, 1ull << 31, 1ull << 32, 1ull << 62,
  1ull << 63, (1ull << 63) + 1, UINT64_MAX - 1, UINT64_MAX };

static guint64
extreme (void)
{
  return extremes[g_test_rand_int_range (0, G_N_ELEMENTS (extremes))];
}

static void
send_random (FormatHost *host, const MfType *type)
{
  guint8 row[256] = { 0 };
  char arena[64];
  g_assert_cmpuint (type->row_size, <=, sizeof row);
  for (guint i = 0; i < sizeof arena; i++)
    arena[i] = (char) g_test_rand_int_range (1, 256);
  arena[63] = 0;
  for (guint i = 0; i < type->row_size; i += 8) {
    guint64 bits = g_test_rand_bit () ? extreme () : (guint64) g_test_rand_int_range (0, 100);
    memcpy (row + i, &bits, 8);
  }
  g_assert_true (format_host_text_rows (host, type, row, 1, arena));
}

static void
test_hostile_rows (void)
{
  static const MfType *const types[] = { &MfHeapBlock_type, &MfHeapSnapshot_type, &MfHeapStats_type,
    &Bin_type, &Slab_type, &Branch_type, &Wide_type, &MfCodeUnit_type, &MfDeviceFault_type,
    &MfStatement_type, &MfLost_type, &MfRunEnd_type, &MfPrediction_type };
  static const guint32 widths[] = { 40, 80, 133 };
  static const char *const styles[] = { "cells", "braille", "letters" };
  for (guint round = 0; round < 60; round++) {
    FormatHost *host = text_host (widths[round % G_N_ELEMENTS (widths)]);
    host->run.ascii = g_test_rand_bit ();
    format_host_set (host, "map", styles[round / 3 % 3]);
    format_host_set (host, "maps", round % 2 ? "all" : "last");
    g_assert_true (format_host_start (host));
    for (guint i = 0; i < 80; i++)
      format_host_string (host, i % 7 ? "name" : "\x1b]0;\xff title");
    for (guint i = 0; i < 150; i++)
      send_random (host, types[g_test_rand_int_range (0, G_N_ELEMENTS (types))]);
    g_free (finish (host));
  }
}

static void
test_one_block_maps (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (extremes); i++)
    for (gsize j = 0; j < G_N_ELEMENTS (extremes); j++) {
      FormatHost *host = text_host (80);
      format_host_set (host, "map", i % 2 ? "letters" : "braille");
      g_assert_true (format_host_start (host));
      send_block (host, 1, extremes[i], extremes[j], 'A');
      g_autofree char *report = finish (host);
      g_assert_nonnull (strstr (report, "heap.block"));
    }
}

static void
test_lying_schema (void)
{
  static const MfField fields[] = {
    { .name = "at", .kind = MF_STRING, .width = 4, .offset = 0, .role = MF_ROLE_AT },
    { .name = "extent", .kind = MF_SIZE, .width = 8, .offset = 4, .role = MF_ROLE_EXTENT },
    { .name = "state", .kind = MF_ENUM, .width = 3, .offset = 0, .role = MF_ROLE_STATE },
    { .name = "b\x1b", .kind = MF_TEXT, .width = 8, .offset = 0, .role = MF_ROLE_BAR },
    { .name = "p", .kind = MF_U64, .width = 8, .offset = UINT32_MAX, .role = MF_ROLE_PARENT },
  };
  const guint64 row = G_MAXUINT64;
  for (guint view = 0; view < MF_N_VIEWS + 2; view++) {
    MfType type = { "stranger.lie", NULL, fields, G_N_ELEMENTS (fields), 8, 1, (guint16) view, 0 };
    FormatHost *host = text_host (80);
    g_assert_true (format_host_start (host));
    g_assert_true (format_host_text_rows (host, &type, &row, 1, "text"));
    g_free (finish (host));
  }
}

static void
test_no_memory (void)
{
  bool written = false;
  for (gint64 allowed = 0; !written; allowed++) {
    FormatHost *host = text_host (80);
    Bin row = bins[0];
    MfStatement statement = { 0 };
    MfHeapBlock block = { 1, 0, { 0 }, { 64 }, { 0 }, 1 };
    MfHeapStats stats = { .used = { 5 } };
    host->resizes_left = allowed;
    written = format_host_start (host) && format_host_rows (host, &Bin_type, &row, 1)
              && format_host_rows (host, &MfStatement_type, &statement, 1)
              && format_host_rows (host, &MfHeapBlock_type, &block, 1)
              && format_host_rows (host, &MfHeapStats_type, &stats, 1)
              && host->descriptor->finish (host->stage);
    g_assert_true (written || host->error->len > 0);
    host->descriptor->stop (host->stage);
    format_host_free (host);
    g_assert_cmpint (allowed, <, 50);
  }
}

// ---- paragraphs

static void
test_paragraph (void)
{
  MfBuffer out;
  mf_buffer_init (&out, mf_memory_heap ());
  MfPage page = { &out, NULL, 40, false, false };
  mf_page_paragraph (&page, MF_INK_PLAIN, "subject",
      "a sentence that is to be wrapped at blanks\n  indented "
      "line that goes on and on\nAWordThatIsMuchTooLongForTheRoomThatItHas");
  mf_page_paragraph (&page, MF_INK_PLAIN, "a subject that is long", "text");
  mf_buffer_put_char (&out, 0);
  g_assert_cmpstr (out.bytes, ==,
    "subject       a sentence that is to be\n"
    "              wrapped at blanks\n"
    "                indented line that goes\n"
    "                on and on\n"
    "              AWordThatIsMuchTooLongForT\n"
    "              heRoomThatItHas\n"
    "a subject that is long\n"
    "              text\n");
  mf_buffer_free (&out);
}

static void
test_numbers (void)
{
  g_autoptr (GString) text = g_string_new (NULL);
  mf_put_grouped (text, 1234567);
  g_string_append_c (text, ' ');
  mf_put_grouped_signed (text, INT64_MIN);
  g_string_append_c (text, ' ');
  mf_put_grouped_real (text, -0.25, 2);
  g_string_append_c (text, ' ');
  mf_put_grouped_real (text, 1234567.891, 1);
  g_string_append_c (text, ' ');
  mf_put_size (text, 8192);
  g_string_append_c (text, ' ');
  mf_put_size_both (text, 12000);
  g_string_append_c (text, ' ');
  mf_put_size_both (text, 65536);
  g_assert_cmpstr (text->str, ==,
    "1,234,567 -9,223,372,036,854,775,808 -0.25 1,234,567.9 8 KiB 12,000 B (11.7 KiB) 65,536 B (64 KiB)");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/paragraph", test_paragraph);
  g_test_add_func ("/text/numbers", test_numbers);
  g_test_add_func ("/text/stm32", test_stm32);
  g_test_add_func ("/text/ascii", test_ascii);
  g_test_add_func ("/text/map-styles", test_map_styles);
  g_test_add_func ("/text/letters", test_letters);
  g_test_add_func ("/text/all-maps", test_all_maps);
  g_test_add_func ("/text/map-cut-off", test_map_cut_off);
  g_test_add_func ("/text/stranger", test_stranger);
  g_test_add_func ("/text/losses", test_losses);
  g_test_add_func ("/text/incomplete", test_incomplete);
  g_test_add_func ("/text/empty", test_empty);
  g_test_add_func ("/text/colour", test_colour);
  g_test_add_func ("/text/hostile-rows", test_hostile_rows);
  g_test_add_func ("/text/one-block-maps", test_one_block_maps);
  g_test_add_func ("/text/lying-schema", test_lying_schema);
  g_test_add_func ("/text/no-memory", test_no_memory);
  return g_test_run ();
}
