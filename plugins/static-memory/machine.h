// SPDX-License-Identifier: Apache-2.0
// An abstract machine for Python's operations: it runs code as far as values are known and keeps the books of the
// heap. In flow mode it runs one block at a time, knows less, and follows no call.
#pragma once

#include "abstract-values.h"

typedef enum { MF_GO_ON, MF_GO_RETURN, MF_GO_YIELD, MF_GO_RAISE, MF_GO_STOP, MF_GO_BRANCH } MfGo;

// Why a figure is no exact one.
typedef enum {
  MF_DOUBT_NONE,
  MF_DOUBT_CALL,     // of something that is not known
  MF_DOUBT_BRANCH,   // which way is not known
  MF_DOUBT_LOOP,     // how often is not known
  MF_DOUBT_LENGTH,   // of an object
  MF_DOUBT_STEPS,    // the analysis was ended
  MF_DOUBT_CODE,     // an instruction is not understood
  MF_DOUBT_RAISE,    // an exception that nobody catches
  MF_N_DOUBTS
} MfDoubt;

// What one operation asked for, summed over its executions.
typedef struct {
  uint64_t bytes;
  const char *doing; // of calls, "calls NAME" with the first function called there; else NULL
  uint32_t times;
} MfSiteCost;

// A code object, lowered when it is first needed.
typedef struct {
  const MfPyCode *code;
  MfOperation *operations;
  MfSiteCost *sites, *flow_sites; // of the import and of a call; NULL until it runs
  uint64_t frame; // bytes that stay with the code object since it was called, up to 3.10
  uint32_t n, calls;
  bool running;
} MfBody;

typedef struct {
  uint32_t target, depth;
} MfHandlerMark;

enum { MF_MOST_HANDLERS = 20, MF_MOST_DEPTH = 40 };

struct MfActivation {
  MfBody *body;
  MfThing **slots; // variables, then the value stack
  uint32_t n_variables, top, room, at;
  MfMap *globals, *names; // names: of modules and class bodies
  MfThing *kwnames, *function, *result;
  MfHandlerMark handlers[MF_MOST_HANDLERS];
  uint32_t n_handlers, block;
  uint64_t frame_bytes; // of a generator
};

typedef struct {
  uint32_t line, count;
  const MfPyCode *code;
  MfDoubt why;
  uint64_t bytes;    // more, at most; UINT64_MAX: nothing bounds it
  char what[48];
} MfDoubtNote;

enum { MF_MOST_NOTES = 256 };

typedef struct MfMachine MfMachine;

struct MfMachine {
  MfHeap heap;
  const MfPyModule *module;
  const MfLowering *lowering;
  MfArena *arena;
  MfBody *bodies;      // by number of the code object
  MfThing **constants; // by number of the value
  const MfPyValue **values; // those that `constants` has
  const char *name; // of the module, dotted
  struct MfBuiltins *builtins;
  MfMap *globals;
  MfThing *globals_owner;
  MfThing *raised; // exception on its way
  bool flow;
  bool stopped;
  uint64_t steps, most_steps;
  uint32_t depth;
  uint64_t attributed; // bytes that operations have been charged for
  MfDoubtNote notes[MF_MOST_NOTES];
  uint32_t n_notes, more_notes;
  uint64_t vague_low, vague_high; // bytes less and more than counted
  bool unbounded, accelerated; // a module in C has replaced its functions
  uint32_t library_used; // by MfMaking, a bit each
  MfActivation *activation; // that runs
  const MfPyCode *at_code; // where it is, for notes
  uint32_t at_line;
  // flow mode
  void *user;
  void (*called) (void *user, const MfPyCode *code);
};

MfThing *mf_machine_constant (MfMachine *machine, const MfPyValue *value); // borrowed, immortal
MfBody *mf_machine_body (MfMachine *machine, const MfPyCode *code);        // NULL: no memory

// `arguments` are taken over; NULL when they do not fit. The variables are set as a call does.
MfActivation *mf_activation_new (MfMachine *machine, MfThing *function, MfThing **arguments, uint32_t n,
    MfThing *kwnames);
MfActivation *mf_activation_plain (MfMachine *machine, const MfPyCode *code, MfMap *globals, MfMap *names);
void mf_activation_free (MfHeap *heap, MfActivation *activation);
// Runs until it returns, yields or raises. The result is in `activation->result`.
MfGo mf_machine_run (MfMachine *machine, MfActivation *activation);
// One operation, `activation->at` being already behind it; MF_GO_BRANCH: the way is not known.
MfGo mf_machine_do (MfMachine *machine, MfActivation *activation, const MfOperation *operation);
// Whether an exception goes on in this activation.
bool mf_machine_unwind (MfMachine *machine, MfActivation *activation);

// Whether an exception would go on in this activation.
bool mf_machine_is_guarded (const MfActivation *activation);

// Bytes of the heap that a call has while it runs: MicroPython's, when they are too many for its stack.
uint64_t mf_machine_call_frame (MfMachine *machine, const MfPyCode *code);
// Calls anything; the arguments are taken over, the function is not. NULL: it raised.
MfThing *mf_machine_call (MfMachine *machine, MfThing *function, MfThing **arguments, uint32_t n, MfThing *kwnames);
// The same with `self` in front of the arguments.
MfThing *mf_machine_call_with (
    MfMachine *machine, MfThing *function, MfThing *self, MfThing **arguments, uint32_t n, MfThing *kwnames);
MfThing *mf_machine_call_method (
    MfMachine *machine, MfThing *self, const MfThing *name, MfThing **arguments, uint32_t n, MfThing *kwnames);
// New reference; NULL: it raised.
MfThing *mf_machine_attribute (MfMachine *machine, MfThing *of, MfThing *name);
void mf_machine_set_attribute (MfMachine *machine, MfThing *of, MfThing *name, MfThing *value);
MfThing *mf_machine_class (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames);
MfThing *mf_machine_instantiate (MfMachine *machine, MfThing *class, MfThing **arguments, uint32_t n, MfThing *kwnames);
bool mf_class_is (const MfThing *class, const MfThing *other, bool *known);
MfEntry *mf_class_find (const MfThing *class, const MfThing *name, bool *foreign);
void mf_instance_price (MfMachine *machine, MfThing *instance);

// Iterating: a new reference to an iterator; the next item, NULL with `ended` or when it raised. `known` false: how
// many items there are is not known, and the item that is given is one of them.
MfThing *mf_machine_iterate (MfMachine *machine, MfThing *of);
MfThing *mf_machine_next (MfMachine *machine, MfThing *iterator, bool *ended, bool *known);
// All items, as new references in an array of `*n` that the caller frees by mf_heap_array_free. NULL: not known.
MfThing **mf_machine_items (MfMachine *machine, MfThing *of, uint32_t *n);

MfThing *mf_machine_binary (MfMachine *machine, unsigned operator, bool in_place, MfThing *a, MfThing *b);
MfThing *mf_machine_unary (MfMachine *machine, unsigned operator, MfThing *a);
MfThing *mf_machine_compare (MfMachine *machine, unsigned operator, MfThing *a, MfThing *b);
MfThing *mf_machine_contains (MfMachine *machine, MfThing *item, MfThing *in, bool invert);
MfThing *mf_machine_item (MfMachine *machine, MfThing *of, MfThing *index);
void mf_machine_set_item (MfMachine *machine, MfThing *of, MfThing *index, MfThing *value);
MfThing *mf_machine_slice (MfMachine *machine, MfThing *of, MfThing *from, MfThing *to, MfThing *step);
MfThing *mf_machine_format (MfMachine *machine, MfThing *value, unsigned conversion, const MfThing *spec);
MfThing *mf_machine_percent (MfMachine *machine, MfThing *format, MfThing *arguments);
// As str.format () does: `n` positional arguments, and behind them those that `kwnames` names, or NULL.
MfThing *mf_machine_format_fields (
    MfMachine *machine, const MfThing *format, MfThing **arguments, uint32_t n, const MfThing *kwnames);
MfThing *mf_machine_text_of (MfMachine *machine, MfThing *value, bool quoted); // str () and repr ()

// Builtins: NULL when there is none of the name.
MfThing *mf_builtin_find (MfMachine *machine, const char *name, size_t n);
MfThing *mf_builtin_call (MfMachine *machine, const MfThing *builtin, MfThing **arguments, uint32_t n, MfThing *kwnames);
MfThing *mf_module_attribute (MfMachine *machine, const MfThing *module, const MfThing *name);
MfThing *mf_method_call (MfMachine *machine, MfThing *self, const MfThing *name, MfThing **arguments, uint32_t n,
    MfThing *kwnames, bool *known);

void mf_machine_doubt (MfMachine *machine, MfDoubt why, uint64_t bytes, const char *what);
MfThing *mf_machine_raise (MfMachine *machine, const char *type); // always NULL
void mf_drop_all (MfHeap *heap, MfThing **things, uint32_t n);
// In flow mode, and for whatever else may have been changed by somebody: forget what is in it.
void mf_machine_forget (MfMachine *machine, MfThing *thing);
