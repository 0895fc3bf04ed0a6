// SPDX-License-Identifier: Apache-2.0
// The collector serial: what it is called, its options, and the texts that people read.
// Bytes come in by listen.c, rows go out by publish.c.
#include "serial.h"

#include <inttypes.h>

static const char help[]
    = "Reads the text that a MicroPython board prints, from a file, a pipe, stdin (-) or a serial\n"
      "port, and publishes its heap dumps (block by block), MemoryErrors and restarts.\n"
      "\n"
      "By default it only listens: the program on the board prints its heap when it wants to, "
      "with\n"
      "micropython.mem_info(1); `memflow inspect serial --snippet` prints code that does it every "
      "5\n"
      "seconds. Each map is checked against its own header; a damaged dump is reported with its "
      "line\n"
      "and left out.\n"
      "\n"
      "With `poll = 5s` memflow asks by itself: it interrupts the running program (Ctrl-C), runs\n"
      "micropython.mem_info(1) at the prompt every 5 seconds, and in the end leaves the board at "
      "the\n"
      "prompt (after = leave) or starts its program again (after = soft-reset).\n"
      "\n"
      "`memflow scan` lists the serial ports. A name in /dev/serial/by-id stays the same when the\n"
      "board is plugged in again; while it is away, memflow waits for it.";

static const char snippet[]
    = "# Prints the heap for memflow. Paste it into main.py; MicroPython 1.9 and later.\n"
      "import gc, micropython\n"
      "\n"
      "def memflow_dump(_=None):\n"
      "    # gc.collect()  # without the '#': only what is still in use\n"
      "    micropython.mem_info(1)\n"
      "\n"
      "# Call memflow_dump() wherever it matters, for instance before and after a large "
      "allocation;\n"
      "# and every 5 seconds by itself, where the board has such a timer:\n"
      "try:\n"
      "    from machine import Timer\n"
      "    memflow_timer = Timer(-1)\n"
      "    memflow_timer.init(period=5000, mode=Timer.PERIODIC,\n"
      "                       callback=lambda t: micropython.schedule(memflow_dump, 0))\n"
      "except Exception:\n"
      "    memflow_dump()\n";

static bool
check_options (Serial *self)
{
  if (!self->device.path)
    return mf_fail_option (self, "device",
        "no device: name a recording, a serial port such as /dev/ttyACM0, or - for stdin");
  if (self->flow == MF_FLOW_RTSCTS && self->rts != MF_SIGNAL_LEAVE)
    return mf_fail_option (
        self, "rts", "with flow = rtscts the port itself drives RTS: leave rts alone");
  return true;
}

static bool
check_kind (Serial *self)
{
  if (mf_serial_is_live (self) && !mf_live (self))
    return false;
  if (!mf_serial_is_live (self) && mf_serial_polls (self))
    return mf_fail_option (
        self, "poll", "%s is no serial port: only a board can be polled", self->device.path);
  return true;
}

static void
warn_of_interrupts (Serial *self)
{
  if (mf_serial_polls (self))
    mf_log (self, MF_LOG_WARNING,
        "polling interrupts the program on %s (Ctrl-C) and asks its prompt for the heap; in the "
        "end "
        "it %s",
        self->device.path,
        self->after == MF_AFTER_SOFT_RESET
            ? "is started again by a soft reset"
            : "stays at the prompt (after = soft-reset starts it again)");
}

static bool
start (void *stage)
{
  Serial *self = stage;
  g_autoptr (GError) error = NULL;
  const MfPortSettings settings = {
    .baud = self->baud,
    .data_bits = self->data_bits,
    .stop_bits = self->stop_bits,
    .parity = self->parity,
    .flow = self->flow,
    .dtr = self->dtr,
    .rts = self->rts,
  };

  if (!check_options (self))
    return false;
  self->source = mf_source_open (self->device.path, &settings, &error);
  if (!self->source)
    return mf_fail_option (self, "device", "%s", error->message);
  if (!check_kind (self))
    return false;
  warn_of_interrupts (self);
  return mf_serial_open_reader (self);
}

// What was seen instead of a dump: it tells a wrong baud rate from a program that prints no dumps.
static bool
report_nothing_usable (Serial *self)
{
  MfTextCounts counts = mf_device_text_get_counts (self->reader);

  if (counts.input.bytes == 0)
    return mf_fail_option (self, "device", "%s is empty", self->device.path);
  if (self->damaged_dumps > 0)
    return mf_fail_option (self, "device",
        "%s: none of its %" PRIu64 " heap dumps is whole; the first: %s", self->device.path,
        self->damaged_dumps, self->first_damage);
  return mf_fail_option (self, "device",
      "%s: no heap dump in %" PRIu64 " bytes, %" PRIu64 " lines, %" PRIu64
      " of them understood; the "
      "device must run micropython.mem_info(1) (memflow inspect serial --snippet)",
      self->device.path, counts.input.bytes, counts.input.lines, counts.recognised_lines);
}

static bool
collect (void *stage)
{
  Serial *self = stage;
  bool live = mf_serial_is_live (self);

  if (!(live ? mf_serial_listen (self) : mf_serial_read_through (self)))
    return false;
  if (self->good_dumps > 0 || self->n_faults > 0 || mf_stopping (self))
    return true;
  return report_nothing_usable (self);
}

static void
stop (void *stage)
{
  Serial *self = stage;

  mf_source_close (self->source);
  mf_device_text_free (self->reader);
  if (self->buffer)
    mf_resize (self, self->buffer, 0);
  if (self->poll_text)
    g_string_free (self->poll_text, TRUE);
}

// ---- recognising inputs

// clang-format off
static const struct {
  const char *words;
  int score;
} signs[] = {
  { "GC: total:", 95 },
  { "GC memory layout; from ", 95 },
  { " No. of 1-blocks: ", 95 },
  { "MicroPython v", 80 },
  { "CircuitPython ", 80 },
  { "MemoryError", 60 },
  { ">>> ", 30 },
};
// clang-format on

// Boards send NULs, escape sequences and noise, but not many.
static bool
is_text (const uint8_t *head, size_t n)
{
  size_t strange = 0;

  for (size_t i = 0; i < n; i++)
    strange += head[i] < ' ' && !strchr ("\t\n\r\x1b\x04", head[i] ? head[i] : '\t');
  return strange * 32 <= n;
}

static int
probe (const char *path, const uint8_t *head, size_t n)
{
  if (n == 0)
    return g_str_has_prefix (path, "/dev/tty") || g_str_has_prefix (path, "/dev/serial/")
                   || g_str_has_prefix (path, "/dev/pts/")
               ? 90
               : 0;
  if (!is_text (head, n))
    return 0;
  for (gsize i = 0; i < G_N_ELEMENTS (signs); i++)
    if (memmem (head, n, signs[i].words, strlen (signs[i].words)))
      return signs[i].score;
  return 10;
}

static void
show_port (void *user, const char *path, const char *what)
{
  MfScan *scan = user;

  scan->found (scan, path, what);
}

static bool
scan (MfScan *scan)
{
  mf_port_list (show_port, scan);
  return true;
}

// clang-format off
MF_PLUGIN (Serial, "serial",
  .kind = MF_COLLECTOR,
  .summary = "text from a board: heap dumps, faults",
  .help = help,
  .snippet = snippet,
  .input_option = "device",
  MF_OPTIONS (
    MF_OPTION (Serial, device, NULL, "a recording, a serial port, a FIFO, or - for stdin"),
    MF_OPTION (Serial, baud, "115200", "speed of the port, in bits per second", .low = 50,
      .high = 12000000),
    MF_OPTION (Serial, data_bits, "8", "bits of a character", .low = 5, .high = 8),
    MF_CHOICE (Serial, parity, "none", "parity bit of a character", "none", "even", "odd"),
    MF_OPTION (Serial, stop_bits, "1", "stop bits of a character", .low = 1, .high = 2),
    MF_CHOICE (Serial, flow, "none", "flow control of the port", "none", "rtscts", "xonxoff"),
    MF_CHOICE (Serial, dtr, "leave", "level of DTR; some boards reset by it", "leave", "on", "off"),
    MF_CHOICE (Serial, rts, "leave", "level of RTS; some boards reset by it", "leave", "on", "off"),
    MF_OPTION (Serial, poll, NULL,
      "ask the board's prompt for a dump this often; interrupts its program", .low = 1e8,
      .high = 86400e9),
    MF_OPTION (Serial, collect, "no", "poll: run gc.collect() before each dump"),
    MF_CHOICE (Serial, after, "leave", "poll: what becomes of the board in the end", "leave",
      "soft-reset"),
    MF_OPTION (Serial, dumps, "0", "stop after so many whole dumps; 0 = at the end of the input")),
  MF_PUBLISHES (
    MF_OUTPUT (Serial, boots, MfDeviceBoot),
    MF_OUTPUT (Serial, stats, MfHeapStats),
    MF_OUTPUT (Serial, regions, MfHeapRegion),
    MF_OUTPUT (Serial, blocks, MfHeapBlock),
    MF_OUTPUT (Serial, snapshots, MfHeapSnapshot),
    MF_OUTPUT (Serial, faults, MfDeviceFault),
    MF_OUTPUT (Serial, damages, MfInputDamage)),
  .start = start,
  .collect = collect,
  .stop = stop,
  .probe = probe,
  .scan = scan);
