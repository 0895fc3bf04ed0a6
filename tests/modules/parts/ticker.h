// SPDX-License-Identifier: Apache-2.0
// The rows of the collector ticker: consecutive numbers, each in two types.
#pragma once

#include <memflow/event.h>

typedef struct { uint64_t number; } Tick;
MF_EVENT (Tick, "ticker.tick", 1, MF_VIEW_NONE, "A number",
  MF_FIELD (Tick, number, "from 0"));

typedef struct { uint64_t number; MfText word; } Tock;
MF_EVENT (Tock, "ticker.tock", 1, MF_VIEW_NONE, "A number and its name",
  MF_FIELD (Tock, number, "from 0"),
  MF_FIELD (Tock, word, "the number in digits"));
