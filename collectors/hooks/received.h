// SPDX-License-Identifier: Apache-2.0
// Publishes what a recorder sends, as it arrives.
#pragma once

#include <memflow/plugin.h>

#include "receiver.h"

// Where rows of a type go.
typedef struct { const MfType *type; MfPort *port; } MfReceivedPort;

// Waits for a recorder and publishes its recording until that has ended or the run is to stop. A recorder that was cut off and
// is replaced by another recording ends the epoch. `sysroot`: where native frames find their names, NULL = on this machine. False = the stage has failed.
bool mf_received_publish (void *stage, MfReceiver *receiver, const char *sysroot, const MfReceivedPort *ports, uint32_t n_ports);
