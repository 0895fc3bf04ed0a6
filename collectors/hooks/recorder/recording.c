// SPDX-License-Identifier: Apache-2.0
// The sink of the ring reader on one side, the writer of captures on the other.
#include "recording.h"

#include <inttypes.h>
#include <stdio.h>

static const char STAGE[] = "memflow-record";

// ---- what the writer of the capture asks for

static bool
write_bytes (void *user, const void *bytes, size_t n)
{
  MfRecording *recording = user;
  MfOutlet *outlet = recording->outlet;
  outlet->rows = recording->written;
  mf_outlet_write (outlet, bytes, n);
  recording->is_full = !outlet->kind->has_room (outlet);
  return true;
}

static const char *
name_of (void *user, MfString string, size_t *n)
{
  return mf_interner_text (((MfRecording *) user)->names, string, n);
}

static bool
frame_of (void *user, MfStack stack, MfFrame *frame, MfStack *caller)
{
  return mf_interner_frame (((MfRecording *) user)->names, stack, frame, caller);
}

// ---- blocks

static void
write_losses (MfRecording *recording)
{
  for (uint32_t i = 0; i < MF_N_RING_LOSSES; i++)
    if (recording->losses[i]) {
      mf_wire_write_loss (recording->writer, &(MfWireLoss) { .type = MfAlloc_type.name, .stage = STAGE, .consumer = "",
          .count = recording->losses[i], .reason = mf_ring_loss_reason ((MfRingLoss) i) });
      recording->losses[i] = 0;
    }
}

static void
close_block (MfRecording *recording)
{
  write_losses (recording);
  mf_wire_write_flush (recording->writer);
  recording->crowded = false;
}

// ---- names, in bounded memory

static void
keep_string (void *user, MfString string)
{
  mf_interner_keep_string (((MfRecording *) user)->names, string);
}

static MfStack
keep_stack (void *user, MfStack stack)
{
  mf_interner_keep_stack (((MfRecording *) user)->names, stack);
  return stack;
}

static MfStack
give_up_stack (void *user, MfStack stack)
{
  MfRecording *recording = user;
  return mf_interner_is_kept (recording->names, stack) ? stack : recording->unknown;
}

static void
keep_held (void *user, MfStack stack)
{
  keep_stack (user, stack);
}

static bool
collect (MfRecording *recording, MfStack (*stack) (void *user, MfStack stack))
{
  keep_string (recording, recording->stage);
  keep_string (recording, recording->input);
  keep_stack (recording, recording->unknown);
  for (uint32_t i = 0; i < MF_RECENT_NAMES; i++)
    keep_string (recording, recording->recent[i]);
  keep_stack (recording, recording->caller);
  if (recording->held)
    mf_held_visit (recording->held, recording, keep_held);
  mf_ring_reader_visit (recording->reader, &(MfRingNames) { recording, keep_string, stack });
  return mf_interner_sweep (recording->names);
}

// Numbers change their meaning between blocks only, so the open one is closed. What no slot means goes first; if that is not
// enough, stacks that no event has had for a while. False = there is no more room than before.
static bool
collect_names (MfRecording *recording)
{
  if (recording->crowded)
    return false;
  close_block (recording);
  if (collect (recording, keep_stack))
    return true;
  mf_interner_keep_touched (recording->names);
  recording->crowded = !collect (recording, give_up_stack);
  return true;
}

static MfString
intern (void *user, const char *text, size_t n)
{
  MfRecording *recording = user;
  MfString string = mf_interner_string (recording->names, text, n);
  if (!string.id && collect_names (recording))
    string = mf_interner_string (recording->names, text, n);
  recording->recent[recording->next_recent++ % MF_RECENT_NAMES] = string;
  return string;
}

static MfStack
intern_stack (void *user, MfStack caller, MfFrame frame)
{
  MfRecording *recording = user;
  if (caller.id == recording->unknown.id)
    return caller;
  MfStack stack = mf_interner_stack (recording->names, caller, frame);
  recording->caller = caller;
  if (!stack.id && collect_names (recording))
    stack = mf_interner_stack (recording->names, caller, frame);
  return stack.id ? stack : recording->unknown;
}

// ---- the other things that the reader of the rings tells

static void *
resize (void *user, void *old, size_t bytes)
{
  MfRecording *recording = user;
  size_t stream = mf_ring_reader_stream_bytes ();
  // Line tables leave room for the streams of threads that may still come.
  if (bytes && bytes < stream && recording->reader) {
    uint32_t open = mf_ring_reader_open (recording->reader);
    size_t kept = (recording->plan->threads - open) * stream, most = recording->budget->most;
    if (kept > most || bytes > most - kept || recording->budget->used > most - kept - bytes)
      return NULL;
  }
  return mf_budget_resize (recording->budget, old, bytes);
}

static void
touch_stacks (MfRecording *recording, const MfAlloc *events, uint32_t n)
{
  uint32_t unknown = recording->unknown.id, touched = recording->touched.id, stackless = 0;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t stack = events[i].stack.id;
    stackless += stack == unknown;
    if (stack != touched && stack)
      mf_interner_touch (recording->names, (MfStack) { touched = stack });
  }
  recording->touched.id = touched;
  recording->stackless += stackless;
}

static bool
take_events (void *user, const MfAlloc *events, uint32_t n)
{
  MfRecording *recording = user;
  touch_stacks (recording, events, n);
  if (!recording->held) {
    mf_wire_write_allocs (recording->writer, events, n, &recording->written);
    return !recording->is_full || recording->finishing;
  }
  for (uint32_t i = 0; i < n; i++)
    mf_held_take (recording->held, &events[i]);
  return true;
}

static bool
take_event (void *user, const MfAlloc *event)
{
  return take_events (user, event, 1);
}

static void
note_program (void *user, int32_t process, uint32_t version, uint32_t stacks)
{
  MfRecording *recording = user;
  (void) process;
  recording->python |= stacks != MF_STACKS_NO_PYTHON;
  if (mf_ring_no_stacks (stacks)) {
    recording->stacks = stacks;
    recording->version = version;
  }
}

static void
note_loss (void *user, MfRingLoss reason, uint64_t count, const char *why)
{
  MfRecording *recording = user;
  recording->losses[reason] += count;
  recording->lost += count;
  recording->damaged += why != NULL;
}

// What is told besides events is seldom, and goes into a batch of its own.
static bool
write_row (MfRecording *recording, const MfType *type, const void *row)
{
  const MfBatch batch = { .type = type, .rows = row, .n_rows = 1, .stride = type->row_size, .stage = recording->stage,
    .input = recording->input };
  mf_wire_write_batch (recording->writer, &batch);
  return !recording->is_full || recording->finishing;
}

static bool
take_start (void *user, const MfProgramStart *start)
{
  MfRecording *recording = user;
  if (recording->held && start->how == MF_PROGRAM_REPLACED)
    mf_held_forget (recording->held, start->process);
  return write_row (recording, &MfProgramStart_type, start);
}

static bool
take_mark (void *user, const MfProgramMark *mark)
{
  return write_row (user, &MfProgramMark_type, mark);
}

static bool
take_cost (void *user, const MfHooksCost *cost)
{
  return write_row (user, &MfHooksCost_type, cost);
}

// ---- life

bool
mf_recording_init (MfRecording *recording, const Plan *plan, Budget *budget, MfRingRegion *region, bool tsc,
    const char *command)
{
  MfRingInstant start = mf_ring_instant (tsc);
  *recording = (MfRecording) { .plan = plan, .budget = budget, .tsc = tsc, .zero = start.ns, .snapped = start.ns };
  recording->writing = (MfWireWriting) { .user = recording, .write = write_bytes, .string = name_of, .frame = frame_of,
    .block_bytes = plan->block, .level = plan->level, .resolution = plan->resolution,
    .types = MF_RECORDED_TYPES };
  const MfRingSink sink = { recording, resize, intern, intern_stack, take_event, note_program, note_loss, NULL,
    take_start, take_mark, take_cost, take_events };
  void *names = mf_budget_resize (budget, NULL, plan->names);
  void *held = plan->held ? mf_budget_resize (budget, NULL, plan->held) : NULL;
  recording->writer = mf_budget_resize (budget, NULL, mf_wire_writer_bytes (&recording->writing));
  recording->reader = mf_ring_reader_new (region, plan->threads, plan->ring, start, &sink);
  recording->names = names ? mf_interner_init (names, plan->names) : NULL;
  if (!names || !recording->writer || !recording->reader || (plan->held && !held))
    return false;
  recording->stage = mf_interner_string (recording->names, STAGE, sizeof STAGE - 1);
  recording->input = mf_interner_string (recording->names, command, strlen (command));
  static const char no_room[] = "[no room for the stack]";
  MfFrame frame = { .function = mf_interner_string (recording->names, no_room, sizeof no_room - 1) };
  recording->unknown = mf_interner_stack (recording->names, (MfStack) { 0 }, frame);
  recording->held = held ? mf_held_init (held, plan->held) : NULL;
  if (held)
    mf_held_set_others (recording->held, recording->unknown);
  return true;
}

void
mf_recording_begin (MfRecording *recording, MfOutlet *outlet)
{
  recording->outlet = outlet;
  recording->written = 0;
  mf_wire_writer_init (recording->writer, &recording->writing);
  mf_wire_write_context (recording->writer, recording->stage, recording->input, 0);
}

void
mf_recording_free (MfRecording *recording)
{
  mf_ring_reader_free (recording->reader);
  mf_budget_resize (recording->budget, recording->writer, 0);
  mf_budget_resize (recording->budget, recording->names, 0);
  mf_budget_resize (recording->budget, recording->held, 0);
}

// ---- running

uint64_t
mf_recording_drain (MfRecording *recording)
{
  bool going = true;
  recording->is_full = !recording->outlet->kind->has_room (recording->outlet);
  if (recording->is_full)
    return 0;
  return mf_ring_reader_drain (recording->reader, mf_ring_instant (recording->tsc), &going);
}

void
mf_recording_flush (MfRecording *recording, int64_t after)
{
  int64_t now = mf_ring_ns ();
  if (now - recording->flushed < after)
    return;
  recording->flushed = now;
  close_block (recording);
}

// ---- snapshots of mode live

static bool
write_batch (MfRecording *recording, const MfType *type, const void *rows, uint32_t n)
{
  const MfBatch batch = { .type = type, .rows = rows, .n_rows = n, .stride = type->row_size, .stage = recording->stage,
    .input = recording->input };
  return recording->outlet->kind->make_room (recording->outlet) && (!n || mf_wire_write_batch (recording->writer, &batch));
}

static bool
write_sites (MfRecording *recording)
{
  uint32_t n = recording->n_sites;
  recording->n_sites = 0;
  return write_batch (recording, &MfAllocSite_type, recording->sites, n);
}

static bool
take_site (void *user, const MfAllocSite *row)
{
  MfRecording *recording = user;
  recording->sites[recording->n_sites++] = *row;
  return recording->n_sites < MF_SITE_ROWS || write_sites (recording);
}

static bool
take_total (void *user, const MfAllocTotal *row)
{
  MfRecording *recording = user;
  return write_sites (recording) && write_batch (recording, &MfAllocTotal_type, row, 1);
}

void
mf_recording_snap (MfRecording *recording, int64_t after)
{
  int64_t now = mf_ring_ns ();
  if (!recording->held || now - recording->snapped < after)
    return;
  recording->snapped = now;
  note_loss (recording, MF_RING_HOMELESS, mf_held_take_homeless (recording->held), NULL);
  mf_held_publish (recording->held, (MfTime) { now - recording->zero }, &(MfHeldSink) { recording, take_site, take_total });
  recording->n_sites = 0;
  close_block (recording);
  mf_held_forget_gone (recording->held, recording->reader);
}

void
mf_recording_finish (MfRecording *recording)
{
  // All rings twice: a program that does not stop writing is not read for ever.
  uint64_t most = 2 * (uint64_t) recording->plan->threads * recording->plan->ring / sizeof (MfFreeRecord), n = 1;
  bool going = true;
  for (uint64_t taken = 0; n && taken < most && recording->outlet->kind->make_room (recording->outlet); taken += n)
    n = mf_recording_drain (recording);
  recording->finishing = true;
  mf_ring_reader_finish (recording->reader, mf_ring_instant (recording->tsc), &going);
}

void
mf_recording_end (MfRecording *recording)
{
  char text[32];
  mf_recording_snap (recording, 0);
  close_block (recording);
  if (recording->stackless) {
    snprintf (text, sizeof text, "%" PRIu64, recording->stackless);
    mf_wire_write_fact (recording->writer, "events-without-room-for-their-stack", text);
  }
  mf_wire_write_flush (recording->writer);
  recording->outlet->ending = true;
  mf_wire_write_end (recording->writer);
}
