// SPDX-License-Identifier: Apache-2.0
// What loading a module's code object takes and keeps on a target, before a line of it runs: the
// same as marshal.loads takes. Pure, any thread.
#pragma once

#include "model/code-cost/price.h"

// Objects that several places share are counted once, with the first code object that has them.
typedef struct {
  MfBytes code;      // code objects
  MfBytes tables;    // bytes: lines, exceptions, kinds of variables, up to 3.10 bytecode
  MfBytes names;     // tuples of names
  MfBytes constants; // everything else that is not interned
  MfBytes interned;  // strings of which the process has one: what loading takes when it has none
  uint32_t n_interned;
  uint32_t n_unknown; // objects whose size the model does not know; counted nowhere
} MfLoadCost;

// Gets each interned string of the module once, with the number of the first code object that has
// it: whoever sums several modules counts those that are new.
typedef void (*MfInternedText) (const MfPyValue *text, uint32_t code, MfBytes price, void *user);

typedef struct {
  const MfTarget *target;
  MfInternedText interned; // may be NULL
  void *user;
  const uint8_t *kept; // NULL, or for each code object, by number, whether it is asked for: the
                       // code of modules and class bodies is gone once it has run
  MfLoadCost *parts;   // NULL, or one for each code object, by number
} MfLoadQuestion;

// False: the target is not known (mf_target_doubt) or not of the module's version, or there is no
// memory.
bool mf_load_cost (const MfLoadQuestion *question, const MfPyModule *module, MfLoadCost *sum);

// Everything but the interned strings: what each further load would take.
MfBytes mf_load_cost_alone (const MfLoadCost *cost);
