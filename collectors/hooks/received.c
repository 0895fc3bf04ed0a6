// SPDX-License-Identifier: Apache-2.0
// A capture that is still being written: the reader of captures asks for bytes, and the stage waits for them.
#include "received.h"

#include <inttypes.h>
#include <stdio.h>

#include "native-names.h"
#include "ring-clock.h"
#include "wire.h"

#define LOOK_EVERY ((MfDuration) { 100000000 })
#define FAREWELL INT64_C (5000000000)

typedef struct {
  void *stage;
  MfReceiver *receiver;
  const MfReceivedPort *ports;
  uint32_t n_ports, epoch;
  MfPort *last;            // rows were published there last
  MfString input;
  uint64_t rows, lost;
  bool another, ended;
  const char *sysroot;     // where native frames find their names
  MfNativeSymbols *symbols;
} Receiving;

// ---- what the reader of captures asks for

static int64_t
read_bytes (void *user, void *bytes, size_t n)
{
  Receiving *receiving = user;
  size_t got;
  for (;;) {
    MfReceived received = mf_receiver_read (receiving->receiver, bytes, n, &got, mf_ring_ns ());
    if (received == MF_RECEIVED_BYTES)
      return (int64_t) got;
    receiving->another = received == MF_RECEIVED_ANOTHER;
    if (receiving->another || mf_wait (receiving->stage, mf_receiver_fd (receiving->receiver), LOOK_EVERY) == MF_WAIT_STOP)
      return 0;
  }
}

static void *
resize (void *user, void *old, size_t bytes)
{
  return mf_resize (((Receiving *) user)->stage, old, bytes);
}

static MfString
intern (void *user, const char *text, size_t n)
{
  return mf_string_n (((Receiving *) user)->stage, text, n);
}

static MfStack
intern_stack (void *user, MfStack caller, MfFrame frame)
{
  Receiving *receiving = user;
  return mf_stack (receiving->stage, caller, mf_native_named (receiving->stage, &receiving->symbols, receiving->sysroot, frame));
}

// ---- items of the capture

static void
lose (Receiving *receiving, const char *type, uint64_t count, uint32_t reason)
{
  receiving->lost += count;
  mf_lost (receiving->stage, type, count, reason <= MF_LOST_REFUSED ? reason : MF_LOST_REFUSED);
}

static bool
is_same_row (const MfType *a, const MfType *b)
{
  if (strcmp (a->name, b->name) || a->major != b->major || a->row_size != b->row_size || a->n_fields != b->n_fields)
    return false;
  for (uint32_t i = 0; i < a->n_fields; i++)
    if (strcmp (a->fields[i].name, b->fields[i].name) || a->fields[i].offset != b->fields[i].offset
        || a->fields[i].kind != b->fields[i].kind)
      return false;
  return true;
}

static MfPort *
port_for (const Receiving *receiving, const MfType *type)
{
  for (uint32_t i = 0; i < receiving->n_ports; i++)
    if (is_same_row (receiving->ports[i].type, type))
      return receiving->ports[i].port;
  return NULL;
}

static bool
publish_batch (Receiving *receiving, const MfBatch *batch)
{
  MfPort *port = port_for (receiving, batch->type);
  if (!port) {
    lose (receiving, batch->type->name, batch->n_rows, MF_LOST_REFUSED);
    return true;
  }
  if (receiving->last && receiving->last != port && !mf_flush (receiving->stage))
    return false;
  receiving->last = port;
  if (batch->input.id != receiving->input.id) {
    receiving->input = batch->input;
    mf_context (receiving->stage, batch->input, receiving->epoch);
  }
  receiving->rows += batch->n_rows;
  for (uint32_t i = 0; i < batch->n_rows; i++)
    if (!mf_port_put (port, batch->rows + (size_t) i * batch->stride, batch->type->row_size))
      return false;
  return true;
}

static void
tell_damage (const Receiving *receiving, const MfWireDamage *damage)
{
  if (mf_stopping (receiving->stage) || receiving->another)
    return;
  if (damage->blocks)
    mf_log (receiving->stage, MF_LOG_WARNING, "%" PRIu64 " blocks did not arrive: %s", damage->blocks, damage->reason);
  else
    mf_log (receiving->stage, MF_LOG_WARNING, "%" PRIu64 " bytes are damaged: %s", damage->length, damage->reason);
}

static bool
take_item (Receiving *receiving, const MfWireItem *item)
{
  if (item->kind == MF_WIRE_BATCH)
    return publish_batch (receiving, &item->batch);
  if (item->kind == MF_WIRE_LOSS || item->kind == MF_WIRE_MISSING)
    lose (receiving, item->loss.type, item->loss.count, item->loss.reason);
  if (item->kind == MF_WIRE_DAMAGE)
    tell_damage (receiving, &item->damage);
  receiving->ended |= item->kind == MF_WIRE_END;
  return true;
}

// The recorder may not know yet that all has arrived: its connection may have been cut before the last receipt.
static void
await_goodbye (Receiving *receiving)
{
  uint8_t goodbye;
  size_t got;
  int64_t end = mf_ring_ns () + FAREWELL;
  bool waiting = receiving->receiver->endpoint->kind != MF_ENDPOINT_SERIAL;
  while (waiting && mf_ring_ns () < end) {
    waiting = mf_receiver_read (receiving->receiver, &goodbye, 1, &got, mf_ring_ns ()) != MF_RECEIVED_BYTES;
    if (waiting && mf_wait (receiving->stage, mf_receiver_fd (receiving->receiver), LOOK_EVERY) == MF_WAIT_STOP)
      return;
  }
}

// ---- recordings

static void
tell_recording (const Receiving *receiving)
{
  if (receiving->ended)
    mf_log (receiving->stage, receiving->lost ? MF_LOG_WARNING : MF_LOG_NOTE,
        "the recording has ended: %" PRIu64 " rows, %" PRIu64 " lost", receiving->rows, receiving->lost);
  else if (receiving->rows)
    mf_log (receiving->stage, MF_LOG_WARNING, "the recording stops here, after %" PRIu64 " rows: its end did not arrive",
        receiving->rows);
}

static bool
receive_recording (Receiving *receiving)
{
  const MfWireReading reading = { .user = receiving, .read = read_bytes, .resize = resize, .string = intern,
    .stack = intern_stack };
  MfWireReader *reader = mf_wire_reader_new (&reading);
  MfWireItem item;
  if (!reader)
    return mf_fail (receiving->stage, "not enough memory to receive a recording");
  bool going = true;
  receiving->another = false;
  receiving->input = (MfString) { 0 };
  while (going && !receiving->ended && mf_wire_read (reader, &item) < MF_WIRE_DONE)
    going = take_item (receiving, &item);
  const char *error = mf_wire_reader_error (reader);
  if (*error)
    going = mf_fail_option (receiving->stage, "listen", "what the recorder sends %s", error);
  if (receiving->ended)
    await_goodbye (receiving);
  tell_recording (receiving);
  mf_wire_reader_free (reader);
  return going;
}

bool
mf_received_publish (void *stage, MfReceiver *receiver, const char *sysroot, const MfReceivedPort *ports, uint32_t n_ports)
{
  Receiving receiving = { .stage = stage, .receiver = receiver, .ports = ports, .n_ports = n_ports, .sysroot = sysroot };
  while (receive_recording (&receiving) && receiving.another && !receiving.ended) {
    receiving.epoch++;
    receiving.rows = receiving.lost = 0;
    mf_receiver_next (receiver);
  }
  mf_native_symbols_free (receiving.symbols);
  return true;
}
