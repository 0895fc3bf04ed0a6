// SPDX-License-Identifier: Apache-2.0
// The names that one block defines: from ids of the capture to ids of the reader's run.
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  uint32_t id, here;
} MfIdPair; // id 0 = empty slot
typedef struct {
  MfIdPair *slots;
  uint32_t mask;
} MfIdMap;

// Empties the table; at most n names will be added. Its memory holds mf_id_map_slots (n) slots.
void mf_id_map_open (MfIdMap *map, uint32_t n);
uint32_t mf_id_map_slots (uint32_t n);

// False when the id is 0 or was added before.
bool mf_id_map_add (MfIdMap *map, uint32_t id, uint32_t here);

// Turns *id into the id of the run; 0 stays 0. False = not defined.
bool mf_id_map_find (const MfIdMap *map, uint32_t *id);
