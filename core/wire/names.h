// SPDX-License-Identifier: Apache-2.0
// The names that one block defines: from ids of the capture to ids of the reader's run.
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct { uint32_t id, here; } MfName;   // id 0 = empty slot
typedef struct { MfName *slots; uint32_t mask; } MfNames;

// Empties the table; at most n names will be added. Its memory holds mf_names_slots (n) slots.
void mf_names_open (MfNames *names, uint32_t n);
uint32_t mf_names_slots (uint32_t n);

// False when the id is 0 or was added before.
bool mf_names_add (MfNames *names, uint32_t id, uint32_t here);

// Turns *id into the id of the run; 0 stays 0. False = not defined.
bool mf_names_find (const MfNames *names, uint32_t *id);
