// SPDX-License-Identifier: Apache-2.0
// The import of one module, from an empty namespace to its last line.
#include "module-run.h"

#include <stdlib.h>
#include <string.h>

static void *
resize (void *user, void *old, size_t bytes)
{
  (void) user;
  if (bytes)
    return realloc (old, bytes);
  free (old);
  return NULL;
}

static bool
begin_machine (MfModuleRun *run, const MfModuleRunning *how, const MfPyModule *module)
{
  const MfCodeMemory memory = { NULL, resize, how->memory };
  MfMachine *machine = &run->machine;
  mf_arena_init (&run->arena, &memory);
  mf_builtins_init (&run->builtins);
  *machine = (MfMachine){ .module = module,
    .lowering = how->lowering,
    .arena = &run->arena,
    .builtins = &run->builtins,
    .name = how->name,
    .most_steps = how->most_steps,
    .library_used = how->library_used };
  mf_heap_init (&machine->heap, how->target, how->requested, how->memory);
  machine->bodies = mf_arena_take (&run->arena, module->n_codes * sizeof *machine->bodies);
  machine->constants = mf_arena_take (&run->arena, module->n_values * sizeof *machine->constants + 1);
  machine->values = mf_arena_take (&run->arena, module->n_values * sizeof *machine->values + 1);
  if (!machine->bodies || !machine->constants || !machine->values)
    return false;
  memset (machine->bodies, 0, module->n_codes * sizeof *machine->bodies);
  memset (machine->constants, 0, module->n_values * sizeof *machine->constants);
  return true;
}

static void
set_global (MfMachine *machine, const char *name, MfThing *value)
{
  MfThing *key = mf_thing_text (&machine->heap, MF_PY_STR, name, strlen (name));
  mf_map_set (&machine->heap, machine->globals, machine->globals_owner, key, value);
}

// What the import system puts into a namespace before the first line runs.
static void
begin_namespace (MfModuleRun *run, const MfModuleRunning *how)
{
  static const char *const of_cpython[] = { "__doc__", "__package__", "__loader__", "__spec__", "__file__", "__cached__", "__builtins__" };
  static const char *const of_micropython[] = { "__file__" };
  bool micropython = mf_target_is_micropython (how->target);
  const char *const *names = micropython ? of_micropython : of_cpython;
  size_t n = micropython ? sizeof of_micropython / sizeof *of_micropython : sizeof of_cpython / sizeof *of_cpython;
  MfMachine *machine = &run->machine;
  machine->heap.unpriced = true;
  machine->globals_owner = mf_thing_map (&machine->heap, MF_PY_DICT, 0);
  machine->globals = machine->globals_owner->map;
  set_global (machine, "__name__", mf_thing_text (&machine->heap, MF_PY_STR, how->name, strlen (how->name)));
  for (size_t i = 0; i < n; i++)
    set_global (machine, names[i], mf_thing_unknown (&machine->heap, MF_V_NO_TYPE));
  if (how->is_package)
    set_global (machine, "__path__", mf_thing_unknown (&machine->heap, MF_V_NO_TYPE));
  machine->heap.unpriced = false;
  MfShape dict = { .type = MF_PY_DICT, .made = MF_MADE_CAPACITY, .capacity = machine->globals->slots };
  mf_thing_hold (&machine->heap, machine->globals_owner, mf_heap_shape (&machine->heap, &dict), false);
  run->before = machine->heap.count.live;
}

bool
mf_module_run (MfModuleRun *run, const MfModuleRunning *how, const MfPyModule *module)
{
  run->top = NULL;
  run->whole = false;
  if (!begin_machine (run, how, module))
    return false;
  begin_namespace (run, how);
  MfMachine *machine = &run->machine;
  MfActivation *top = mf_activation_plain (machine, module->code, machine->globals, NULL);
  if (!top)
    return false;
  machine->depth = 1;
  MfGo go = mf_machine_run (machine, top);
  machine->depth = 0;
  if (go == MF_GO_RAISE)
    mf_machine_doubt (machine, MF_DOUBT_RAISE, UINT64_MAX, "an exception that nothing catches");
  run->whole = go == MF_GO_RETURN && !machine->stopped;
  mf_activation_free (&machine->heap, top);
  mf_thing_unref (&machine->heap, machine->raised);
  machine->raised = NULL;
  return true;
}

void
mf_module_run_end (MfModuleRun *run)
{
  mf_heap_end (&run->machine.heap);
  mf_arena_free (&run->arena);
}
