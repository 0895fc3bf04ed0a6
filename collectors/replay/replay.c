// SPDX-License-Identifier: Apache-2.0
// The collector `replay`: publishes a capture as if it happened now. It reads the file twice, first
// for the types, since these are to be declared before the run begins.
#include "replay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

typedef bool (*Use) (Replay *replay, const MfWireItem *item);

// ---- what the reader asks for

static int64_t
read_bytes (void *user, void *bytes, size_t n)
{
  Replay *replay = user;
  ssize_t got;
  do
    got = read (replay->fd, bytes, n);
  while (got < 0 && errno == EINTR);
  return got;
}

static void *
resize (void *user, void *old, size_t bytes)
{
  return mf_resize (user, old, bytes);
}

static MfString
intern (void *user, const char *text, size_t n)
{
  return mf_string_n (user, text, n);
}

static MfStack
intern_stack (void *user, MfStack caller, MfFrame frame)
{
  Replay *replay = user;
  return mf_stack (replay, caller, mf_native_named (&replay->stage, &replay->symbols, replay->sysroot.path, frame));
}

// ---- reading the file from its beginning to its end

static bool
open_capture (Replay *replay)
{
  struct stat about;
  if (!replay->path.path)
    return mf_fail_option (replay, "path",
        "there is nothing to replay: set path, or name a capture "
        "on the command line");
  replay->fd = open (replay->path.path, O_RDONLY | O_CLOEXEC);
  if (replay->fd < 0 || fstat (replay->fd, &about))
    return mf_fail_option (
        replay, "path", "cannot open the capture %s: %s", replay->path.path, strerror (errno));
  replay->size = (uint64_t) about.st_size;
  return S_ISREG (about.st_mode)
         || mf_fail_option (replay, "path",
             "cannot replay %s: it is not a file (a pipe can be read only once; "
             "save it first)",
             replay->path.path);
}

// Calls `use` for each item. False = `failure` says why, or `use` has returned false.
static bool
read_items (Replay *replay, MfWireReader *reader, Use use)
{
  MfWireItem item;
  while (mf_wire_read (reader, &item) < MF_WIRE_DONE) {
    mf_progress (replay, mf_wire_reader_offset (reader), replay->size);
    if (mf_stopping (replay))
      return true;
    if (!use (replay, &item))
      return false;
  }
  snprintf (replay->failure, sizeof replay->failure, "%s", mf_wire_reader_error (reader));
  return item.kind == MF_WIRE_DONE;
}

static bool
read_capture (Replay *replay, bool rows, Use use)
{
  MfWireReading reading = { .user = replay,
    .read = read_bytes,
    .resize = resize,
    .string = rows ? intern : NULL,
    .stack = rows ? intern_stack : NULL,
    .no_rows = !rows };
  MfWireReader *reader = lseek (replay->fd, 0, SEEK_SET) ? NULL : mf_wire_reader_new (&reading);
  bool fine = reader && read_items (replay, reader, use);
  if (!reader)
    strcpy (replay->failure, "cannot be read: out of memory");
  mf_wire_reader_free (reader);
  return fine;
}

// ---- first: the types

static bool
look_at_item (Replay *replay, const MfWireItem *item)
{
  replay->usable |= item->kind == MF_WIRE_SCHEMA || item->kind == MF_WIRE_END;
  return item->kind != MF_WIRE_SCHEMA || replay_keep_type (replay, item->type);
}

static bool
declare_types (Replay *replay)
{
  for (uint32_t i = 0; i < replay->n_outputs; i++) {
    replay->outputs[i].port = mf_declare (replay, replay->outputs[i].type);
    if (!replay->outputs[i].port)
      return false;
  }
  return true;
}

// What is wrong with the contents is told by `collect`: the configuration is not to blame.
static bool
replay_declare (void *stage)
{
  Replay *replay = stage;
  replay->fd = -1;
  replay->outputs[replay->n_outputs++].type = &MfInputDamage_type;
  if (!open_capture (replay))
    return false;
  if (!read_capture (replay, false, look_at_item) && !replay->failure[0])
    return false;
  if (!replay->usable && !replay->failure[0])
    strcpy (replay->failure,
        !replay->size ? "is empty: nothing can be replayed"
                      : "is not a capture, or no block of it is whole: nothing can be replayed");
  return declare_types (replay);
}

// ---- then: the rows

// Rows of the type input.damage, so that a damaged capture is told like every other damaged input.
static bool
publish_damage (Replay *replay, const char *text)
{
  MfInputDamage row = { .time = MF_TIME_NONE,
    .sequence = ++replay->damages,
    .epoch = replay->epoch,
    .what = mf_string (replay, "capture"),
    .reason = { 0, (uint32_t) strlen (text) } };
  MfBatch batch = { .type = &MfInputDamage_type,
    .rows = (const uint8_t *) &row,
    .n_rows = 1,
    .stride = sizeof row,
    .text = text,
    .text_size = row.reason.length,
    .epoch = replay->epoch,
    .input = mf_string (replay, replay->path.path) };
  return replay_batch (replay, &batch);
}

static bool
tell_damage (Replay *replay, const MfWireDamage *damage)
{
  char text[256], blocks[64] = "";
  if (damage->blocks)
    snprintf (blocks, sizeof blocks, "; %" PRIu64 " %s missing", damage->blocks,
        damage->blocks == 1 ? "block is" : "blocks are");
  if (damage->length)
    snprintf (text, sizeof text, "bytes %" PRIu64 " to %" PRIu64 ": %s%s", damage->offset,
        damage->offset + damage->length - 1, damage->reason, blocks);
  else
    snprintf (
        text, sizeof text, "at byte %" PRIu64 ": %s%s", damage->offset, damage->reason, blocks);
  mf_log (replay, MF_LOG_WARNING, "%s is damaged: %s", replay->path.path, text);
  return publish_damage (replay, text);
}

static bool
tell_loss (Replay *replay, const MfWireLoss *loss)
{
  uint32_t reason = loss->reason <= MF_LOST_REFUSED ? loss->reason : MF_LOST_REFUSED;
  mf_lost (replay, loss->type, loss->count, reason);
  return true;
}

static bool
play_item (Replay *replay, const MfWireItem *item)
{
  if (item->kind == MF_WIRE_BATCH)
    return replay_batch (replay, &item->batch);
  if (item->kind == MF_WIRE_DAMAGE)
    return tell_damage (replay, &item->damage);
  return (item->kind != MF_WIRE_LOSS && item->kind != MF_WIRE_MISSING)
         || tell_loss (replay, &item->loss);
}

static bool
replay_collect (void *stage)
{
  Replay *replay = stage;
  if (!replay->failure[0] && read_capture (replay, true, play_item))
    return true;
  return replay->failure[0]
         && mf_fail_option (
             replay, "path", "the capture %s %s", replay->path.path, replay->failure);
}

static void
replay_stop (void *stage)
{
  Replay *replay = stage;
  for (uint32_t i = 0; i < replay->n_outputs; i++)
    if (replay->outputs[i].memory)
      mf_resize (replay, replay->outputs[i].memory, 0);
  replay->n_outputs = 0;
  mf_native_symbols_free (replay->symbols);
  replay->symbols = NULL;
  if (replay->fd >= 0)
    close (replay->fd);
  replay->fd = -1;
}

static int
replay_probe (const char *path __attribute__ ((unused)), const uint8_t *head, size_t n)
{
  return mf_wire_probe (head, n);
}

static const char help[]
    = "Reads a capture that the format capture wrote, and publishes its rows in their order, with "
      "their inputs\n"
      "and epochs. Any configuration can analyse it: `memflow run CONFIG FILE.mfc`.\n\n"
      "A capture that was cut off or damaged is replayed up to the damage and after it. Each "
      "damaged place is\n"
      "told with its bytes, and rows that are known to be missing are counted as lost.";

// clang-format off
MF_PLUGIN (Replay, "replay", .kind = MF_COLLECTOR,
  .summary = "a run that was recorded by the format capture",
  .help = help,
  MF_OPTIONS (MF_OPTION (Replay, path, NULL, "the capture to read"),
    MF_OPTION (Replay, sysroot, NULL, "copy of the file system of the board, where native frames find their names; this machine's when "
      "not set")),
  .input_option = "path", .probe = replay_probe,
  .declare = replay_declare, .collect = replay_collect, .stop = replay_stop);
// clang-format on
