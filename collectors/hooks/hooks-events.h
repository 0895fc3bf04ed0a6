// SPDX-License-Identifier: Apache-2.0
// The event type of the collector hooks itself: what a recording has cost the program.
#pragma once

#include <memflow/event.h>
#include <memflow/events.h>

typedef struct {
  uint32_t process, threads;
  uint64_t in_agent, for_types;
  double share;
  MfDuration waited;
  MfSize memory;
  uint64_t lost;
  MfDuration start_up, ran;
  uint64_t events, timed;
  MfString program, basis;
} MfHooksCost;
MF_EVENT (MfHooksCost, "hooks.cost", 1, MF_VIEW_TABLE, "What recording has cost each process",
  MF_FIELD (MfHooksCost, process, "process id", .role = MF_ROLE_LABEL),
  MF_FIELD (MfHooksCost, threads, "that were recorded", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfHooksCost, in_agent, "estimated time for all events, waits left out",
    .unit = MF_UNIT_NANOSECONDS, .flags = MF_FIELD_OPTIONAL),
  MF_FIELD (MfHooksCost, for_types, "estimated time for reading types of objects, beside in_agent",
    .unit = MF_UNIT_NANOSECONDS, .flags = MF_FIELD_OPTIONAL),
  MF_FIELD (MfHooksCost, share, "both of ran", .unit = MF_UNIT_PERCENT, .flags = MF_FIELD_OPTIONAL),
  MF_FIELD (MfHooksCost, waited, "time that threads waited until there was room in their rings: exact"),
  MF_FIELD (MfHooksCost, memory, "most address space of the agent at one time: rings, definitions, its own", .role = MF_ROLE_BAR),
  MF_FIELD (MfHooksCost, lost, "events that were not recorded, or recorded and not read"),
  MF_FIELD (MfHooksCost, start_up, "time that the agent took to start: exact, but without the loading of the library"),
  MF_FIELD (MfHooksCost, ran, "from the start of the program to its last event", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfHooksCost, events, "recorded and read", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfHooksCost, timed, "events that the estimate rests on", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfHooksCost, program, "its file", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfHooksCost, basis, "how in_agent is known", .role = MF_ROLE_HIDDEN));
