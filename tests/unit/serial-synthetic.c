// SPDX-License-Identifier: Apache-2.0
// The MicroPython grammar against heaps printed by the formats of firmware: every width, fold,
// area, prefix and noise; and against streams that are broken, hostile or not dumps at all.
#include <string.h>

#include "serial-firmware.h"
#include "serial-recorder.h"

static Recorder *
read_firmware (const Firmware *firmware)
{
  g_autoptr (GString) text = g_string_new (NULL);

  firmware_print (firmware, text);
  g_string_append (text, ">>> ");
  return recorder_new_for_text (text->str);
}

// The map that comes back is the one that was printed.
static void
expect_heap (const MfHeapDump *dump, const Firmware *firmware)
{
  g_assert_true (dump->has_map);
  g_assert_cmpuint (dump->granule, ==, firmware->granule);
  g_assert_cmpuint (dump->n_areas, ==, firmware->n_areas);
  for (unsigned i = 0; i < dump->n_areas; i++) {
    const MfDumpArea *area = &dump->areas[i];

    g_assert_cmpmem (dump->map + area->first_granule, area->granules, firmware->areas[i]->str,
        firmware->areas[i]->len);
    g_assert_cmpuint (
        area->base, ==, firmware->without_base ? MF_ABSENT : 0x20000c10 + i * 0x10000000ull);
  }
}

static void
expect_round_trip (const Firmware *firmware)
{
  g_autoptr (Recorder) recorder = read_firmware (firmware);

  if (recorder->damages->len > 0)
    g_error ("%s", recorder_get_damage (recorder, 0)->reason);
  g_assert_cmpuint (recorder->dumps->len, ==, 1);
  g_assert_cmpuint (recorder_get_dump (recorder, 0)->headerless, ==, firmware->without_header);
  expect_heap (recorder_get_dump (recorder, 0), firmware);
}

static void
choose_format (Firmware *firmware, GRand *random)
{
  static const char *const prefixes[] = { "", " 0> ", "[2026-11-23 12:00:00.123] ",
    "12:00:01.004 -> ", "I (1234) main: ", "ttyACM0: " };
  static const char *const ends[] = { "\r\n", "\n", "\r", "\r\r\n" };
  static const char *const noises[] = { NULL, "I (4711) wifi: state: run -> init (c600)\n",
    "sensor: 21.5, humidity: 40\r\n", "\0\n", "1f2e: OK\n" };

  firmware->granule = 8u << g_rand_int_range (random, 0, 4);
  firmware->narrow = g_rand_boolean (random);
  firmware->without_max_free = g_rand_int_range (random, 0, 4) == 0;
  firmware->with_comma = g_rand_boolean (random);
  firmware->prefix = prefixes[g_rand_int_range (random, 0, G_N_ELEMENTS (prefixes))];
  firmware->end = ends[g_rand_int_range (random, 0, G_N_ELEMENTS (ends))];
  firmware->noise = noises[g_rand_int_range (random, 0, G_N_ELEMENTS (noises))];
}

static void
test_formats (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (20261123);

  for (unsigned i = 0; i < 2000; i++) {
    Firmware firmware = { 0 };
    unsigned areas = 1 + (unsigned)g_rand_int_range (random, 0, 6) / 4;

    choose_format (&firmware, random);
    for (unsigned j = 0; j < areas; j++)
      firmware_fill (&firmware, random, 65 + (unsigned)g_rand_int_range (random, 0, 2000), false);
    expect_round_trip (&firmware);
    firmware_clear (&firmware);
  }
}

// Up to 1.19 addresses wrap at 1 MiB; a fold may jump over more than that.
static void
test_wrap (void)
{
  static const unsigned free_granules[] = { 0, 200, 65536, 65536 + 64, 131072, 200000 };

  for (unsigned i = 0; i < G_N_ELEMENTS (free_granules); i++) {
    g_autoptr (GRand) random = g_rand_new_with_seed (i);
    Firmware firmware = { .granule = i % 2 ? 16 : 32, .narrow = true };
    g_autofree char *run = g_strnfill (free_granules[i], '.');

    firmware_fill (&firmware, random, 5000, false);
    g_string_append (firmware.areas[0], run);
    firmware_fill (&firmware, random, 100000, false);
    g_string_append_len (firmware.areas[0], firmware.areas[1]->str, (gssize)firmware.areas[1]->len);
    g_string_free (firmware.areas[--firmware.n_areas], TRUE);
    expect_round_trip (&firmware);
    firmware_clear (&firmware);
  }
}

static void
expect_codes (const char *codes, const Firmware *format)
{
  Firmware firmware = *format;

  firmware.areas[0] = g_string_new (codes);
  firmware.n_areas = 1;
  expect_round_trip (&firmware);
  firmware_clear (&firmware);
}

static void
test_folds (void)
{
  const Firmware format = { .granule = 16 };
  g_autofree char *tails = g_strnfill (63, '=');
  g_autofree char *used = g_strconcat ("h", tails, NULL);

  for (unsigned rows = 1; rows <= 3; rows++) {
    g_autofree char *run = g_strnfill (rows * 64, '.');
    g_autofree char *first = g_strconcat (run, used, "h", NULL);
    g_autofree char *middle = g_strconcat (used, run, "..h", used + 3, NULL);
    g_autofree char *last = g_strconcat (used, used, run, NULL);
    g_autofree char *partial = g_strconcat (used, used, run, "....", NULL);

    expect_codes (first, &format);
    expect_codes (middle, &format);
    expect_codes (last, &format);
    expect_codes (partial, &format);
  }
}

// A dump taken during a collection: the header counts no marks, the map has them.
static void
test_marks (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (7);

  for (unsigned i = 0; i < 200; i++) {
    Firmware firmware = { .granule = 16 };

    firmware_fill (&firmware, random, 700, true);
    expect_round_trip (&firmware);
    firmware_clear (&firmware);
  }
}

static void
test_addresses_from_base (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (8);
  Firmware firmware = { .granule = 16, .narrow = true, .from_base = true };

  firmware_fill (&firmware, random, 900, false);
  expect_round_trip (&firmware);
  memset (firmware.areas[0]->str, '.', 300); // a fold before the first row
  firmware.areas[0]->str[300] = 'h';
  expect_round_trip (&firmware);
  firmware_clear (&firmware);
}

// MicroPython 1.0 printed 't' for '='.
static void
test_old_tails (void)
{
  static const char text[]
      = "GC: total: 1152, used: 640, free: 512\r\n"
        " No. of 1-blocks: 0, 2-blocks: 0, max blk sz: 40\r\n"
        "GC memory layout; from 20000c10:\r\n"
        "0000: httttttttttttttttttttttttttttttttttttttt........................\r\n"
        "0400: ........\r\n";
  g_autoptr (Recorder) recorder = recorder_new_for_text (text);
  const MfHeapDump *dump = recorder_get_dump (recorder, 0);

  g_assert_cmpuint (dump->granule, ==, 16);
  g_assert_cmpuint (dump->counts.max_block, ==, 40);
  g_assert_cmpuint (dump->map[1], ==, '=');
  g_assert_cmpuint (dump->figures.max_free, ==, MF_ABSENT);
  g_assert_cmpuint (dump->counts.max_free, ==, 32);
}

// Builds with EXTENSIVE_HEAP_PROFILING, seen through the viewer of SEGGER RTT (micropython #4968).
static void
test_bare_rows (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (9);
  Firmware firmware = {
    .granule = 16, .narrow = true, .without_header = true, .without_base = true, .prefix = " 0> "
  };

  firmware_fill (&firmware, random, 64 * 12 + 5, false);
  firmware.areas[0]->str[0] = 'h'; // no fold at the start: nothing would tell it from other text
  expect_round_trip (&firmware);
  firmware.without_base = false; // gc.dump () of micropython #7778
  expect_round_trip (&firmware);
  firmware_clear (&firmware);
}

static void
test_bare_rows_twice (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (10);
  g_autoptr (GString) text = g_string_new (NULL);
  Firmware firmware = { .granule = 16, .without_header = true, .without_base = true };
  g_autoptr (Recorder) recorder = NULL;

  firmware_fill (&firmware, random, 64 * 12, false);
  memcpy (firmware.areas[0]->str, "h=h=h=h=", 8);
  memset (firmware.areas[0]->str + 64 * 11, '=', 64);
  firmware_print (&firmware, text);
  firmware_print (&firmware, text);
  g_string_append (text, "GT done\n");
  recorder = recorder_new_for_text (text->str);
  g_assert_cmpuint (recorder->dumps->len, ==, 2);
  expect_heap (recorder_get_dump (recorder, 0), &firmware);
  expect_heap (recorder_get_dump (recorder, 1), &firmware);
  firmware_clear (&firmware);
}

// Whoever opens the port in the middle of a map gets its end only.
static void
test_late_start (void)
{
  static const char text[]
      = "h====h==hT====h==........\r\n"
        "00001400: ========================hSh=h=======h===========================\r\n"
        "00001800: ========================hSh=h=======h===========================\r\n"
        "00001c00: ==..\r\n"
        ">>> ";
  g_autoptr (Recorder) recorder = recorder_new_for_text (text);

  g_assert_cmpstr (recorder->order->str, ==, "d");
  g_assert_cmpuint (recorder_get_damage (recorder, 0)->line, ==, 2);
  g_assert_cmpuint (recorder_get_damage (recorder, 0)->last_line, ==, 4);
  g_assert_cmpstr (recorder_get_damage (recorder, 0)->reason, ==,
      "the map begins at offset 0x1400: what comes before was not received");
}

static const char machine_info[]
    = "ID=3d002900:01470000:31383435\n"
      "DEVID=0x0413\nREVID=0x1007\nS=168000000\nH=168000000\n"
      "_etext=804d3a4\n_sidata=804d3a8\n_sdata=20000000\n_edata=20000028\n"
      "_sbss=20000028\n_ebss=20003a98\n_sstack=2001c000\n_estack=0x20020000\n"
      "_ram_start=20000000\n_heap_start=20003a98\n_heap_end=2001b000\n_ram_end=20020000\n"
      "qstr:\n  n_pool=1\n  n_qstr=4\n  n_str_data_bytes=29\n  n_total_bytes=317\n"
      "GC:\n  2176 total\n  1184 : 992\n  1=1 2=0 m=73\n"
      "LFS free: 57856 bytes\n"
      "GC memory layout; from 20003a98:\n"
      "00000: h===============================================================\n"
      "00400: =========h......................................................\n"
      "00800: ........\n";

static void
test_machine_info (void)
{
  g_autoptr (Recorder) recorder = recorder_new_for_text (machine_info);
  const MfMemoryLayout *layout = &g_array_index (recorder->layouts, MfMemoryLayout, 0);
  const MfQstrPools *pools = &g_array_index (recorder->pools, MfQstrPools, 0);
  const MfHeapDump *dump = recorder_get_dump (recorder, 0);

  g_assert_cmpstr (recorder->order->str, ==, "LQD");
  g_assert_cmpuint (layout->symbols[MF_SYMBOL_HEAP_START], ==, 0x20003a98);
  g_assert_cmpuint (layout->symbols[MF_SYMBOL_ESTACK], ==, 0x20020000);
  g_assert_cmpuint (pools->total_bytes, ==, 317);
  g_assert_cmpuint (dump->figures.total, ==, 2176);
  g_assert_cmpuint (dump->figures.used, ==, 1184);
  g_assert_cmpuint (dump->figures.max_block, ==, 73);
  g_assert_cmpuint (dump->figures.max_free, ==, MF_ABSENT);
  g_assert_cmpuint (dump->counts.max_free, ==, 62);
  g_assert_cmpuint (dump->granule, ==, 16);
}

// MicroPython 1.20 as WebAssembly printed every line twice.
static void
test_doubled_lines (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (11);
  g_autoptr (GString) text = g_string_new (NULL);
  Firmware firmware = { .granule = 16, .doubled = true };
  g_autoptr (Recorder) recorder = NULL;

  firmware_fill (&firmware, random, 1500, false);
  firmware_print (&firmware, text);
  g_string_append (text,
      "GT caught MemoryError('memory allocation failed, allocating 256 bytes',)\n"
      "GT caught MemoryError('memory allocation failed, allocating 256 bytes',)\n");
  firmware_print (&firmware, text);
  g_string_append (
      text, "Traceback (most recent call last):\nTraceback (most recent call last):\n");
  for (unsigned i = 0; i < 6; i++) // a recursion of three
    g_string_append (text, "  File \"main.py\", line 2, in fall\n");
  g_string_append (text, "RuntimeError: maximum recursion depth exceeded\n"
                         "RuntimeError: maximum recursion depth exceeded\n");
  recorder = recorder_new_for_text (text->str);
  g_assert_cmpstr (recorder->order->str, ==, "DFDF");
  expect_heap (recorder_get_dump (recorder, 0), &firmware);
  expect_heap (recorder_get_dump (recorder, 1), &firmware);
  g_assert_cmpuint (recorder_get_fault (recorder, 1)->n_frames, ==, 3);
  firmware_clear (&firmware);
}

// Lines that are equal because the program printed them twice are not lost.
static void
test_equal_lines (void)
{
  g_autoptr (GString) text = g_string_new ("Traceback (most recent call last):\n");
  g_autoptr (Recorder) recorder = NULL;

  for (unsigned i = 0; i < 20; i++)
    g_string_append (text, "  File \"main.py\", line 2, in fall\n");
  g_string_append (text, "RuntimeError: maximum recursion depth exceeded\n");
  for (unsigned i = 0; i < 5; i++)
    g_string_append (
        text, "caught MemoryError('memory allocation failed, allocating 64 bytes',)\n");
  recorder = recorder_new_for_text (text->str);
  g_assert_cmpstr (recorder->order->str, ==, "FFFFFF");
  g_assert_cmpuint (recorder_get_fault (recorder, 0)->n_frames, ==, 20);
  g_assert_cmpuint (recorder->counts.doubled_lines, ==, 0);
}

static void
expect_damage_on (const MfDumpDamage *damage, uint64_t first, uint64_t last)
{
  if (strstr (damage->reason, ": the header says ")) // a code became another code
    return;
  g_assert_cmpuint (damage->line, >=, first);
  g_assert_cmpuint (damage->line, <=, last);
}

static void
flip_row (const GString *text, const char *row, const MfHeapDump *whole, uint64_t late)
{
  gsize start = (gsize)(strstr (text->str, row) - text->str);
  unsigned n_damaged = 0;
  uint64_t line = 1;

  for (gsize i = 0; i < start; i++)
    line += text->str[i] == '\n';
  for (gsize bit = 0; bit < 8 * (10 + 64); bit++) {
    g_autofree char *flipped = g_strndup (text->str, text->len);
    g_autoptr (Recorder) recorder = recorder_new ();

    flipped[start + bit / 8] ^= (char)(1 << bit % 8);
    g_assert_true (recorder_read (recorder, flipped, text->len, 0));
    g_assert_cmpuint (recorder->dumps->len + recorder->damages->len, ==, 1);
    n_damaged += recorder->damages->len;
    if (recorder->damages->len == 1)
      expect_damage_on (recorder_get_damage (recorder, 0), line, line + late);
    else
      g_assert_cmpmem (&recorder_get_dump (recorder, 0)->counts, sizeof whole->counts,
          &whole->counts, sizeof whole->counts);
  }
  g_assert_cmpuint (n_damaged, >, 500);
}

// One bit of one row: the dump is damaged on that line, or the header disagrees; what is delivered
// is right.
static void
test_flipped_bits (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (12);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (Recorder) recorder = NULL;
  Firmware firmware = { .granule = 16, .end = "\n" };

  firmware_fill (&firmware, random, 64 * 6, false);
  for (unsigned row = 0; row < 6; row++)
    firmware.areas[0]->str[row * 64] = 'S';
  firmware_print (&firmware, text);
  recorder = recorder_new_for_text (text->str);
  flip_row (text, "00000400: ", recorder_get_dump (recorder, 0), 2); // it tells the granule
  flip_row (text, "00000c00: ", recorder_get_dump (recorder, 0), 0);
  firmware_clear (&firmware);
}

typedef struct {
  const char *text;
  const char *order;
  uint64_t line;
  const char *reason;
  bool header_intact;
} Broken;

#define ROW "h==============================================================="
#define HEAD                                                                                       \
  "GC: total: 3072, used: 3072, free: 0\n No. of 1-blocks: 0, 2-blocks: 0, max blk sz: 64, max "   \
  "free sz: 0\n"

static const Broken broken_streams[] = {
  { HEAD "GC memory layout; from 0:\n00000: " ROW "\n00400: " ROW "\n", "d", 5,
      "the stream ended after 128 blocks of the map, but the total of 3072 B needs 192", true },
  { HEAD "GC memory layout; from 0:\n00000: " ROW "\n00800: " ROW "\n", "d", 1,
      "the map has 128 blocks of 32 B, but the header says a total of 3072 B", true },
  { HEAD "GC memory layout; from 0:\n00000: " ROW "\n00400: " ROW "\n00c00: " ROW "\n", "d", 6,
      "the row on line 6 has the address 0xc00, but 0x800 follows", true },
  { HEAD "GC memory layout; from 0:\n00000: " ROW "\n00400: " ROW "\n###\n00c00: " ROW "\n", "d", 6,
      "the row on line 7 has the address 0xc00, but 0x800 follows", true },
  { HEAD "GC memory layout; from 0:\n00000: " ROW "\n00400: h===\n00800: " ROW "\n", "d", 5,
      "the row has 4 blocks instead of 64, and is not the last", true },
  { HEAD "GC memory layout; from 0:\n00000: " ROW "\n00400: " ROW "\n" HEAD, "dD", 6,
      "a new dump began after 128 blocks of the map", true },
  { HEAD "GC memory layout; from 0:\n00000: " ROW "\n>>> \n", "d", 5,
      "the prompt came back after 64 blocks", true },
  { HEAD "GC memory layout; from 0:\n00000: " ROW "\nMPY: soft reboot\n", "dB", 5,
      "the board rebooted after 64 blocks", true },
  { HEAD "GC memory layout; from 0:\n       (1000 lines all free)\n", "d", 4,
      "1000 folded lines are more than", true },
  { HEAD "GC memory layout; from 0:\n00000: " ROW "\n00400: .===============================" ROW
         "\n",
      "d", 5, "the row cannot be read", true },
  { "GC: total: 3072, used: 3073, free: 0\n No. of 1-blocks: 0, 2-blocks: 0, max blk sz: 64\nGT\n",
      "d", 1, "used 3073 B and free 0 B do not make the total of 3072 B", false },
  { "GC: total: 3072, used: 3O72, free: 0\n No. of 1-blocks: 0, 2-blocks: 0, max blk sz: 64\n", "d",
      1, "the line \"GC: total: ...\" cannot be read", false },
  { "GC: total: 3072, used: 3072, free: 0\n No. of 1-blocks: 0, 2-blocks: x\nGC memory layout; "
    "from 0:\n00000: " ROW "\n00400: " ROW "\n00800: " ROW "\n>>> ",
      "d", 2, "the line \"No. of 1-blocks: ...\" cannot be read", false },
  { " No. of 1-blocks: 0, 2-blocks: 0, max blk sz: 64\n", "d", 1,
      "the line \"GC: total\" that belongs before it is missing", false },
  { "GC: total: 3072, used: 3072, free: 0\n", "d", 1,
      "the stream ended before the line \"No. of 1-blocks\" of the dump", false },
  { "GC: total: 3072, used: 3072, fr", "d", 1, "the line \"GC: total: ...\" cannot be read",
      false },
  { "GC: total: 99999999999999999999, used: 1, free: 1\n", "d", 1,
      "the line \"GC: total: ...\" cannot be read", false },
};

static void
test_broken_streams (void)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (broken_streams); i++) {
    const Broken *broken = &broken_streams[i];
    g_autoptr (Recorder) recorder = recorder_new_for_text (broken->text);
    const MfDumpDamage *damage = recorder_get_damage (recorder, 0);

    g_test_message ("%u: line %d: %s", i, (int)damage->line, damage->reason);
    g_assert_cmpstr (recorder->order->str, ==, broken->order);
    g_assert_cmpuint (damage->line, ==, broken->line);
    g_assert_true (g_str_has_prefix (damage->reason, broken->reason));
    g_assert_cmpuint (damage->header_intact, ==, broken->header_intact);
  }
}

// What a hostile stream announces is not allocated before its rows prove it.
static void
test_hostile_folds (void)
{
  g_autoptr (Recorder) headerless
      = recorder_new_for_text ("GC memory layout; from 0:\n       (1000000 lines all free)\n       "
                               "(1000001 lines all free)\n");
  g_autoptr (Recorder) small = recorder_new_for_text (
      HEAD "GC memory layout; from 0:\n       (1000000 lines all free)\n03d09000: " ROW "\n");
  g_autoptr (Recorder) limited = recorder_new ();
  static const char large[]
      = "GC: total: 1024000000, used: 0, free: 1024000000\n"
        " No. of 1-blocks: 0, 2-blocks: 0, max blk sz: 0, max free sz: 64000000\n"
        "GC memory layout; from 0:\n       (1000000 lines all free)\n>>> ";

  limited->map_limit = 1 << 20;
  g_assert_true (recorder_read (limited, large, strlen (large), 0));
  g_assert_cmpuint (headerless->peak, <, 64 << 10);
  g_assert_cmpuint (small->peak, <, 64 << 10);
  g_assert_cmpuint (limited->peak, <, 64 << 10);
  g_assert_cmpstr (limited->order->str, ==, "d");
}

// The second header without a map has the granule of the map before it.
static void
test_known_granule (void)
{
  g_autoptr (Recorder) recorder = recorder_new_for_text (HEAD
      "GC memory layout; from 0:\n00000: " ROW "\n00400: " ROW "\n00800: " ROW "\n" HEAD "GT\n");
  const MfHeapDump *dump = recorder_get_dump (recorder, 1);

  g_assert_cmpstr (recorder->order->str, ==, "DD");
  g_assert_false (dump->has_map);
  g_assert_cmpuint (dump->granule, ==, 16);
  g_assert_cmpint (dump->granule_source, ==, MF_GRANULE_FROM_EARLIER);
}

// Nothing of this is a dump, a fault or a reboot.
static void
test_other_text (void)
{
  g_autoptr (Recorder) recorder = recorder_new_for_text (
      "=== GC: total: 1024, used: 1024, free: 0\n===  No. of 1-blocks: 0, 2-blocks: 0, max blk sz: "
      "64\n"
      "=== raise MemoryError('memory allocation failed, allocating 4 bytes')\n"
      ">>> except MemoryError('memory allocation failed, allocating 4 bytes')\n"
      "===\n"
      "GT filled until MemoryError\n"
      "1234: h\nbeef: ABBA\n00400: " ROW "\nok\n"
      "the soft reboot is later\nstack: of books\nGC: all is well\nmem: total recall\n"
      "CircuitPython is fun; so is MicroPython very much on board\n"
      "Error: 12\n");

  g_assert_cmpstr (recorder->order->str, ==, "");
}

static void
test_reboots (void)
{
  g_autoptr (Recorder) recorder = recorder_new_for_text (
      "MicroPython v1.22.0 on 2023-12-27; Generic ESP32 module with ESP32\n"
      "MPY: soft reboot\n"
      "MicroPython v1.22.0 on 2023-12-27; Generic ESP32 module with ESP32\n"
      "raw REPL; CTRL-B to exit\n"
      "MicroPython v1.22.0 on 2023-12-27; Generic ESP32 module with ESP32\n"
      "Micro Python v1.0.1 on 2014-05-11; PYBv1.0 with STM32F405RG\n"
      "Adafruit CircuitPython 8.2.0 on 2023-07-05; Feather M4 Express\n");
  static const bool rebooted[] = { true, true, false, false, true, true };

  g_assert_cmpstr (recorder->order->str, ==, "BBBBBB");
  for (unsigned i = 0; i < G_N_ELEMENTS (rebooted); i++)
    g_assert_cmpuint (recorder_get_boot (recorder, i)->rebooted, ==, rebooted[i]);
  g_assert_true (recorder_get_boot (recorder, 1)->soft);
  g_assert_false (recorder_get_boot (recorder, 1)->has_banner);
  g_assert_cmpstr (recorder_get_boot (recorder, 2)->board, ==, "Generic ESP32 module");
  g_assert_cmpstr (recorder_get_boot (recorder, 4)->version, ==, "1.0.1");
  g_assert_cmpstr (recorder_get_boot (recorder, 4)->mcu, ==, "STM32F405RG");
  g_assert_cmpstr (recorder_get_boot (recorder, 5)->version, ==, "8.2.0");
  g_assert_cmpstr (recorder_get_boot (recorder, 5)->board, ==, "Feather M4 Express");
}

static void
test_faults (void)
{
  g_autoptr (Recorder) recorder = recorder_new_for_text (
      "[12:00:00] Traceback (most recent call last):\n"
      "[12:00:00]   File \"main.py\", line 52, in <module>\n"
      "[12:00:00]   File \"core/scheduler.py\", line 83, in _run_next\n"
      "[12:00:00] MemoryError: memory allocation failed, allocating 582 bytes\n"
      "MemoryError: \n"
      "failed: memory allocation failed, allocating 64 bytes\n"
      "MemoryError: memory allocation failed, allocating 40\n"
      "Traceback (most recent call last):\n  File \"a.py\", line 1\nSyntaxError: invalid syntax\n"
      "Traceback (most recent call last):\n  File \"a.py\", line 7, in f\n");
  const MfTextFault *fault = recorder_get_fault (recorder, 0);

  g_assert_cmpstr (recorder->order->str, ==, "FFFFFF");
  g_assert_cmpuint (fault->n_frames, ==, 2);
  g_assert_cmpstr (fault->frames[1].file, ==, "core/scheduler.py");
  g_assert_cmpstr (fault->frames[1].function, ==, "_run_next");
  g_assert_cmpuint (fault->bytes, ==, 582);
  g_assert_false (fault->caught || fault->truncated);
  g_assert_true (recorder_get_fault (recorder, 1)->truncated);
  g_assert_false (recorder_get_fault (recorder, 1)->caught);
  g_assert_true (recorder_get_fault (recorder, 2)->caught);
  g_assert_cmpuint (recorder_get_fault (recorder, 2)->bytes, ==, 64);
  g_assert_cmpuint (recorder_get_fault (recorder, 3)->bytes, ==, MF_ABSENT);
  g_assert_cmpint (recorder_get_fault (recorder, 4)->kind, ==, MF_TEXT_FAULT_EXCEPTION);
  g_assert_cmpstr (recorder_get_fault (recorder, 4)->type, ==, "SyntaxError");
  g_assert_true (recorder_get_fault (recorder, 5)->truncated);
}

static void
test_deep_traceback (void)
{
  g_autoptr (GString) text = g_string_new ("Traceback (most recent call last):\n");
  g_autoptr (Recorder) recorder = NULL;

  for (unsigned i = 1; i <= 100; i++)
    g_string_append_printf (text, "  File \"main.py\", line %u, in fall\n", i);
  g_string_append (text, "RuntimeError: maximum recursion depth exceeded\n");
  recorder = recorder_new_for_text (text->str);
  g_assert_cmpuint (recorder_get_fault (recorder, 0)->n_frames, ==, MF_TEXT_FAULT_FRAMES);
  g_assert_cmpuint (recorder_get_fault (recorder, 0)->lost_frames, ==, 100 - MF_TEXT_FAULT_FRAMES);
  g_assert_cmpuint (
      recorder_get_fault (recorder, 0)->frames[MF_TEXT_FAULT_FRAMES - 1].line, ==, 100);
}

// A dump without a map waits for one; a fault behind it does not overtake it.
static void
test_order (void)
{
  g_autoptr (Recorder) recorder = recorder_new_for_text (
      HEAD "caught MemoryError('memory allocation failed, allocating 64 bytes',)\n" HEAD);

  g_assert_cmpstr (recorder->order->str, ==, "DFD");
}

static void
test_quiet (void)
{
  g_autoptr (Recorder) recorder = recorder_new ();
  MfTextSink sink = recorder_get_sink (recorder);
  MfDeviceText *reader = mf_device_text_new (&sink);
  size_t length;

  g_assert_true (mf_device_text_feed (reader, HEAD, strlen (HEAD)));
  g_assert_cmpstr (recorder->order->str, ==, "");
  g_assert_true (mf_device_text_end (reader, MF_END_QUIET));
  g_assert_cmpstr (recorder->order->str, ==, "D");
  g_assert_true (mf_device_text_feed (reader, ">>> ", 4));
  g_assert_cmpmem (mf_device_text_borrow_partial (reader, &length), 4, ">>> ", 4);
  g_assert_cmpuint (length, ==, 4);
  mf_device_text_free (reader);
}

typedef struct {
  GString *lines;
} Lines;

static bool
append_line (void *user, const MfLine *line)
{
  Lines *self = user;

  g_string_append_printf (self->lines, "%d@%d:%.*s%s%s|", (int)line->number, (int)line->offset,
      (int)line->length, line->text, line->unterminated ? "!" : "", line->cut ? "~" : "");
  return true;
}

static void
expect_lines (const char *text, size_t length, const char *expected)
{
  for (size_t chunk = 1; chunk <= length; chunk++) {
    Lines lines = { g_string_new (NULL) };
    MfLineReader *reader = g_new0 (MfLineReader, 1);

    reader->deliver = append_line;
    reader->user = &lines;
    for (size_t i = 0; i < length; i += chunk)
      g_assert_true (mf_line_reader_feed (reader, text + i, MIN (chunk, length - i)));
    g_assert_true (mf_line_reader_end (reader));
    g_assert_cmpstr (lines.lines->str, ==, expected);
    g_string_free (lines.lines, TRUE);
    g_free (reader);
  }
}

#define EXPECT_LINES(text, expected) expect_lines (text, sizeof text - 1, expected)

static void
test_lines (void)
{
  EXPECT_LINES ("a\nb\r\nc\r\r\nd\re", "1@0:a|2@2:b|3@5:c|4@9:d|5@11:e!|");
  EXPECT_LINES ("\n\r\n\r", "1@0:|2@1:|3@3:|");
  EXPECT_LINES ("a\r\rb", "1@0:a|2@2:|3@3:b!|");
  EXPECT_LINES ("\0a\0b\r\n\0", "1@0:ab|");
  EXPECT_LINES ("10\0048\n", "1@0:10\0048|");
}

static void
test_long_line (void)
{
  g_autofree char *text = g_strnfill (MF_LINE_LIMIT + 10, 'x');
  g_autoptr (GString) stream = g_string_new (text);
  g_autoptr (Recorder) recorder = NULL;

  g_string_append (stream, "\n" HEAD);
  recorder = recorder_new_for_text (stream->str);
  g_assert_cmpuint (recorder->counts.input.cut_lines, ==, 1);
  g_assert_cmpuint (recorder->counts.input.dropped_bytes, ==, 10);
  g_assert_cmpuint (recorder_get_dump (recorder, 0)->first_line, ==, 2);
}

// "# measured" lines end in the report of the test suite.
static void
test_speed (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (13);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (Recorder) recorder = recorder_new ();
  Firmware firmware = { .granule = 16 };
  MfTextSink sink = recorder_get_sink (recorder);
  MfDeviceText *reader;
  gint64 start, elapsed;

  sink.dump = NULL;
  reader = mf_device_text_new (&sink);
  firmware_fill (&firmware, random, 200000, false);
  firmware_print (&firmware, text);
  start = g_get_monotonic_time ();
  for (unsigned i = 0; i < 200; i++)
    g_assert_true (mf_device_text_feed (reader, text->str, text->len));
  elapsed = g_get_monotonic_time () - start;
  g_print ("# measured serial-dump-text %.0f MB/s\n", 200.0 * (double)text->len / (double)elapsed);
  g_assert_cmpuint (recorder->damages->len, ==, 0);
  mf_device_text_free (reader);
  firmware_clear (&firmware);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/serial/lines", test_lines);
  g_test_add_func ("/serial/long-line", test_long_line);
  g_test_add_func ("/serial/formats", test_formats);
  g_test_add_func ("/serial/wrap", test_wrap);
  g_test_add_func ("/serial/folds", test_folds);
  g_test_add_func ("/serial/marks", test_marks);
  g_test_add_func ("/serial/addresses-from-base", test_addresses_from_base);
  g_test_add_func ("/serial/old-tails", test_old_tails);
  g_test_add_func ("/serial/bare-rows", test_bare_rows);
  g_test_add_func ("/serial/bare-rows-twice", test_bare_rows_twice);
  g_test_add_func ("/serial/late-start", test_late_start);
  g_test_add_func ("/serial/machine-info", test_machine_info);
  g_test_add_func ("/serial/doubled-lines", test_doubled_lines);
  g_test_add_func ("/serial/equal-lines", test_equal_lines);
  g_test_add_func ("/serial/flipped-bits", test_flipped_bits);
  g_test_add_func ("/serial/broken-streams", test_broken_streams);
  g_test_add_func ("/serial/hostile-folds", test_hostile_folds);
  g_test_add_func ("/serial/known-granule", test_known_granule);
  g_test_add_func ("/serial/other-text", test_other_text);
  g_test_add_func ("/serial/reboots", test_reboots);
  g_test_add_func ("/serial/faults", test_faults);
  g_test_add_func ("/serial/deep-traceback", test_deep_traceback);
  g_test_add_func ("/serial/order", test_order);
  g_test_add_func ("/serial/quiet", test_quiet);
  g_test_add_func ("/serial/speed", test_speed);
  return g_test_run ();
}
