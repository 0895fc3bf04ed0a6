// SPDX-License-Identifier: Apache-2.0
// Inside of the collector replay: replay.c declares and runs, play.c publishes rows, type-copy.c
// keeps types.
#pragma once

#include <memflow/plugin.h>

#include "native-names.h"
#include "wire.h"

// A type that replay publishes: the longest schema of that name in the capture.
typedef struct {
  const MfType *type;
  void *memory; // of the type; NULL when it is static
  MfPort *port;
} Output;

typedef struct {
  MfStage stage;
  MfPath path, sysroot;
  MfNativeSymbols *symbols; // NULL = no native frame was seen

  int fd;
  bool usable; // there is a whole block in the capture
  uint64_t size;
  char failure[256]; // why the capture cannot be replayed; "" = it can
  Output outputs[MF_WIRE_SCHEMAS_MAX + 1];
  uint32_t n_outputs;
  const Output *last;      // to which rows were published last
  uint32_t epoch, damages; // of the rows that were published last; told so far
  uint16_t texts[MF_WIRE_FIELDS_MAX];
  uint8_t row[MF_WIRE_ROW_MAX];
} Replay;

// Takes a type of the capture as one that will be published; false = the stage has failed.
bool replay_keep_type (Replay *replay, const MfType *type);

// The output that rows of this type go to; NULL = none has fields that begin with those of the
// type.
Output *replay_output_for (Replay *replay, const MfType *type);

// Publishes the rows of a batch, behind everything that was published before. False = stop.
bool replay_batch (Replay *replay, const MfBatch *batch);
