// SPDX-License-Identifier: Apache-2.0
// One module: decoded, analysed for each target, and published as costs; its dearest rows are kept for the report.
#include "static-memory.h"

#include "bytecode/mpy-module.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PER_MODULE = 32 * 1024 * 1024, PER_ANALYSIS = 48 * 1024 * 1024 };

static void *
resize (void *stage, void *old, size_t bytes)
{
  return mf_resize (stage, old, bytes);
}

static MfSize
size_of (uint64_t bytes)
{
  return (MfSize){ bytes };
}

// Texts of the file may hold any bytes; interned are printable ones.
static MfString
name_of_code (StaticMemory *self, const MfPyCode *code)
{
  const MfPyValue *name = mf_py_full_name (code);
  char text[200];
  uint32_t n = name->n < sizeof text - 1 ? name->n : sizeof text - 1;
  for (uint32_t i = 0; i < n; i++) {
    uint8_t byte = name->bytes[i];
    text[i] = byte < 0x20 || byte >= 0x7f ? '?' : (char) byte;
  }
  return mf_string_n (self, text, n);
}

// As much of the source's name as the module's has parts: app/net.py of app.net, app/__init__.py of the package app.
static MfString
place_of (StaticMemory *self, const MfPyCode *code, uint32_t line)
{
  enum { MOST = 160 };
  const MfPyValue *file = code->filename;
  unsigned parts = 1 + self->is_package;
  for (const char *at = mf_string_text (self, self->module); *at; at++)
    parts += *at == '.';
  uint32_t from = file->n;
  while (from && file->n - from < MOST && (file->bytes[from - 1] != '/' || --parts))
    from--;
  char text[MOST + 16];
  uint32_t n = file->n - from;
  for (uint32_t i = 0; i < n; i++)
    text[i] = file->bytes[from + i] < 0x20 || file->bytes[from + i] >= 0x7f ? '?' : (char) file->bytes[from + i];
  n += (uint32_t) snprintf (text + n, sizeof text - n, ":%u", line);
  return mf_string_n (self, text, n);
}

typedef struct {
  StaticMemory *self;
  TargetSum *sum;
  const MfPyModule *module;
  const char *name;
  MfModuleCost *cost;
} Taking;

static bool
publish_cost (
    const Taking *t, uint32_t quantity, MfString name, uint32_t code, uint32_t line, MfAmount amount, const char *basis)
{
  const MfCodeCost row = { .target = t->sum->name,
    .module = t->self->module,
    .name = name,
    .basis = mf_string (t->self, basis),
    .unit = t->self->unit + code,
    .line = line,
    .quantity = quantity,
    .low = size_of (amount.low),
    .likely = size_of (amount.likely),
    .high = size_of (amount.high) };
  return mf_emit (&t->self->costs, &row);
}

static const char *
basis_of_import (const MfModuleCost *cost)
{
  if (cost->run.machine.unbounded)
    return "the top level, run in the abstract: something in it has no bound";
  if (cost->run.machine.n_notes)
    return "the top level, run in the abstract: some of what it calls is not known";
  return "the top level, run in the abstract: all values are known";
}

static uint32_t
line_of_doubt (const MfMachine *machine)
{
  for (uint32_t i = 0; i < machine->n_notes; i++)
    if (machine->notes[i].bytes == MF_UNBOUNDED)
      return machine->notes[i].line;
  return 0;
}

static bool
publish_module_costs (const Taking *t, const char *basis, uint32_t line)
{
  const MfModuleCost *cost = t->cost;
  MfString name = t->self->module;
  return publish_cost (t, MF_COST_FILE, name, 0, 0, cost->file, "the file")
         && publish_cost (t, MF_COST_CODE, name, 0, 0, cost->code,
             "exact; at most: no name in it exists already")
         && publish_cost (t, MF_COST_IMPORT, name, 0, line, cost->import, basis)
         && publish_cost (t, MF_COST_RESIDENT, name, 0, line, cost->resident, basis)
         && publish_cost (t, MF_COST_IMPORT_PEAK, name, 0, line, cost->peak, basis);
}

// ---- functions, with what they call in their module

static uint32_t
function_number (const MfModuleCost *cost, uint32_t code)
{
  uint32_t low = 0, high = cost->n_functions;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (cost->functions[middle].unit < code)
      low = middle + 1;
    else
      high = middle;
  }
  return low < cost->n_functions && cost->functions[low].unit == code ? low : UINT32_MAX;
}

static void
tell_why (MfFunctionCost *function, uint32_t line, const char *why)
{
  if (function->why[0])
    return;
  function->why_line = line;
  snprintf (function->why, sizeof function->why, "%s", why);
}

// Adds callees from the innermost outwards: 0 not yet, 1 on the way, 2 done.
static void
add_callees (MfModuleCost *cost, uint32_t number, uint8_t *state, unsigned depth)
{
  enum { DEEPEST = 60 };
  MfFunctionCost *function = &cost->functions[number];
  state[number] = 1;
  for (uint32_t i = 0; i < function->n_edges; i++) {
    const MfCallEdge *edge = &function->edges[i];
    uint32_t callee = function_number (cost, edge->callee);
    if (callee == UINT32_MAX)
      continue;
    if (state[callee] == 0 && depth < DEEPEST)
      add_callees (cost, callee, state, depth + 1);
    const MfFunctionCost *called = &cost->functions[callee];
    if (state[callee] != 2) {
      tell_why (function, edge->line, callee == number ? "it calls itself" : "calls that lead back to it");
      function->call.high = called->call.likely ? MF_UNBOUNDED : function->call.high;
      function->kept.high = called->kept.likely ? MF_UNBOUNDED : function->kept.high;
      function->peak.high = called->peak.likely ? MF_UNBOUNDED : function->peak.high;
      continue;
    }
    function->call = mf_amount_add (function->call, mf_amount_times (called->call, edge->times));
    function->kept = mf_amount_add (function->kept, mf_amount_times (called->kept, edge->times));
    function->peak = mf_amount_add (function->peak, (MfAmount){ 0, called->peak.likely, called->peak.high });
    if (called->call.high == MF_UNBOUNDED)
      tell_why (function, edge->line, called->why[0] ? called->why : "a callee that nothing bounds");
  }
  state[number] = 2;
}

static const char *
basis_of_call (const MfFunctionCost *function)
{
  if (function->odd)
    return "in part: some of its code is not understood";
  if (function->call.high == MF_UNBOUNDED)
    return function->why[0] ? function->why : "nothing bounds it";
  if (function->unknown_calls)
    return "calls of what is not known are estimated";
  return "all ways through it; arguments as unknown";
}

static MfAmount
dearest_turn (const MfFunctionCost *function)
{
  MfAmount turn = { 0 };
  for (uint32_t i = 0; i < function->n_loops; i++)
    turn = function->loops[i].iteration.likely > turn.likely ? function->loops[i].iteration : turn;
  return turn;
}

static bool
keep_function (const Taking *t, const MfFunctionCost *function, const MfPyCode *code)
{
  uint32_t line = code->firstlineno > 0 ? (uint32_t) code->firstlineno : 0;
  MfAmount turn = dearest_turn (function);
  bool unbounded = function->call.high == MF_UNBOUNDED;
  t->sum->n_unbounded += unbounded;
  const StaticFunction row = { .function = name_of_code (t->self, code),
    .place = place_of (t->self, code, line),
    .target = t->sum->name,
    .call = size_of (function->call.likely),
    .most = size_of (function->call.high),
    .kept = size_of (function->kept.likely),
    .iteration = size_of (turn.likely),
    .paths = function->n_paths < UINT32_MAX ? (uint32_t) function->n_paths : UINT32_MAX,
    .line = unbounded ? function->why_line : 0,
    .why = unbounded ? mf_string (t->self, basis_of_call (function)) : (MfString){ 0 } };
  return mf_static_keep (t->self, &t->sum->functions, &row, sizeof row, row.call.bytes, t->self->top);
}

static MfString
lines_of (StaticMemory *self, const MfPathCost *path)
{
  char text[64] = "";
  size_t n = 0;
  for (uint32_t i = 0; i < path->n_lines; i++)
    n += (size_t) snprintf (text + n, sizeof text - n, "%s%u", i ? ", " : "", path->lines[i]);
  return mf_string_n (self, text, n);
}

// Where all ways cost the same the function's own row says it.
static bool
keep_paths (const Taking *t, const MfFunctionCost *function, const MfPyCode *code)
{
  uint32_t line = code->firstlineno > 0 ? (uint32_t) code->firstlineno : 0;
  for (uint32_t i = 0; function->n_groups > 1 && i < function->n_groups; i++) {
    const MfPathCost *path = &function->groups[i];
    const StaticPath row = { .function = name_of_code (t->self, code),
      .place = place_of (t->self, code, line),
      .target = t->sum->name,
      .by = lines_of (t->self, path),
      .paths = path->count,
      .least = size_of (path->call.low),
      .likely = size_of (path->call.likely),
      .most = size_of (path->call.high) };
    if (!mf_static_keep (t->self, &t->sum->paths, &row, sizeof row, function->call.likely, t->self->top))
      return false;
  }
  return true;
}

static bool
publish_function (const Taking *t, const MfFunctionCost *function)
{
  const MfPyCode *code = t->module->codes[function->unit];
  MfString name = name_of_code (t->self, code);
  const char *basis = basis_of_call (function);
  uint32_t line = function->why_line;
  return publish_cost (t, MF_COST_CODE, name, function->unit, 0, t->cost->codes[function->unit], "exact")
         && publish_cost (t, MF_COST_CALL, name, function->unit, line, function->call, basis)
         && publish_cost (t, MF_COST_KEPT, name, function->unit, line, function->kept, basis)
         && publish_cost (t, MF_COST_CALL_PEAK, name, function->unit, line, function->peak, basis)
         && keep_function (t, function, code) && keep_paths (t, function, code);
}

static bool
publish_functions (const Taking *t)
{
  MfModuleCost *cost = t->cost;
  uint8_t *state = mf_resize (t->self, NULL, cost->n_functions + 1);
  if (!state)
    return mf_fail (t->self, "there is no memory for %u functions", cost->n_functions);
  memset (state, 0, cost->n_functions + 1);
  for (uint32_t i = 0; i < cost->n_functions; i++)
    if (!state[i])
      add_callees (cost, i, state, 0);
  mf_resize (t->self, state, 0);
  for (uint32_t i = 0; i < cost->n_functions; i++)
    if (!publish_function (t, &cost->functions[i]))
      return false;
  return true;
}

// ---- operations

static bool
publish_site (const Taking *t, const MfPyCode *code, const MfOperation *operation, const MfSiteCost *site, uint32_t during)
{
  uint64_t each = site->times ? site->bytes / site->times : 0;
  const char *doing = site->doing ? site->doing : mf_do_text (operation->what);
  const MfCodeSite row = { .unit = t->self->unit + code->number,
    .line = operation->line,
    .operation = mf_string (t->self, doing),
    .offset = operation->offset,
    .low = size_of (0),
    .high = size_of (each) };
  const StaticOperation kept = { .place = place_of (t->self, code, operation->line),
    .operation = row.operation,
    .target = t->sum->name,
    .during = during,
    .bytes = size_of (each),
    .all = size_of (site->bytes),
    .times = site->times };
  return mf_emit (&t->self->sites, &row)
         && mf_static_keep (t->self, &t->sum->operations, &kept, sizeof kept, kept.all.bytes, t->self->top);
}

static bool
publish_sites_of (const Taking *t, const MfBody *body, const MfSiteCost *sites, uint32_t during)
{
  for (uint32_t i = 0; sites && i < body->n; i++)
    if (sites[i].bytes && !publish_site (t, body->code, &body->operations[i], &sites[i], during))
      return false;
  return true;
}

static bool
publish_sites (const Taking *t)
{
  const MfBody *bodies = t->cost->run.machine.bodies;
  for (uint32_t i = 0; i < t->module->n_codes; i++)
    if (!publish_sites_of (t, &bodies[i], bodies[i].sites, MF_DURING_IMPORT)
        || !publish_sites_of (t, &bodies[i], bodies[i].flow_sites, MF_DURING_CALL))
      return false;
  return true;
}

// ---- a module

static void
sum_module (const Taking *t)
{
  TargetSum *sum = t->sum;
  sum->n_modules++;
  sum->n_functions += t->cost->n_functions;
  sum->n_cut_short += !t->cost->whole;
  sum->resident = mf_amount_add (sum->resident, t->cost->resident);
  sum->code = mf_amount_add (sum->code, t->cost->load);
}

static bool
keep_module (const Taking *t, uint32_t unbounded)
{
  const MfModuleCost *cost = t->cost;
  const StaticModule row = { .module = t->self->module,
    .target = t->sum->name,
    .resident = size_of (cost->resident.likely),
    .import = size_of (cost->import.likely),
    .peak = size_of (cost->peak.likely),
    .code = size_of (cost->load.likely),
    .file = size_of (cost->file.likely),
    .most = size_of (cost->resident.high),
    .functions = cost->n_functions,
    .unbounded = unbounded };
  return mf_static_keep (t->self, &t->sum->modules, &row, sizeof row, row.resident.bytes, t->self->top);
}

static bool
publish_module (const Taking *t)
{
  uint32_t before = t->sum->n_unbounded;
  sum_module (t);
  return publish_module_costs (t, basis_of_import (t->cost), line_of_doubt (&t->cost->run.machine))
         && publish_functions (t) && publish_sites (t) && keep_module (t, t->sum->n_unbounded - before);
}

static const MfLowering *
lowering_for (StaticMemory *self, uint16_t version)
{
  MfLowering *lowering = &self->lowerings[(version - 0x0308) & 7];
  if (lowering->version != version)
    mf_lowering_init (lowering, version);
  return lowering;
}

static bool refuse (StaticMemory *self, const TargetSum *sum, uint32_t line, const char *format, ...)
    __attribute__ ((format (printf, 4, 5)));

static bool
refuse (StaticMemory *self, const TargetSum *sum, uint32_t line, const char *format, ...)
{
  char why[400];
  va_list arguments;
  va_start (arguments, format);
  vsnprintf (why, sizeof why, format, arguments);
  va_end (arguments);
  const StaticRefused row = { .module = self->module, .target = sum->name, .why = mf_string (self, why), .line = line };
  return mf_emit (&self->refused, &row);
}

// CPython runs bytecode of its own version only; which versions of MicroPython load a .mpy is not looked at.
static bool
fits (const MfTarget *target, const MfPyModule *module, const MfMpyModule *mpy)
{
  if (!target)
    return false;
  if (mpy)
    return mf_target_is_micropython (target);
  return target->python == MF_PYTHON_CPYTHON && target->version == module->header.version;
}

static bool
refuse_other_python (StaticMemory *self, TargetSum *sum, const MfPyModule *module, const MfMpyModule *mpy)
{
  const MfTarget *target = sum->facts->model;
  uint16_t version = module->header.version;
  sum->n_other_version++;
  if (!target)
    return refuse (self, sum, 0, "sizes are not known of %s", sum->facts->python);
  if (mpy)
    return refuse (self, sum, 0, "of MicroPython: give its .py or .pyc");
  if (mf_target_is_micropython (target))
    return refuse (self, sum, 0, "of CPython %u.%u: give its .mpy (compile = mpy-cross)", version >> 8, version & 255);
  return refuse (self, sum, 0, "of CPython %u.%u: compile it with %u.%u", version >> 8, version & 255, target->version >> 8,
      target->version & 255);
}

// Of an import that was not followed to its end: what ended it.
static bool
tell_end (StaticMemory *self, const TargetSum *sum, const MfMachine *machine)
{
  const MfDoubtNote *last = machine->n_notes ? &machine->notes[machine->n_notes - 1] : NULL;
  for (uint32_t i = 0; i < machine->n_notes; i++)
    if (machine->notes[i].why == MF_DOUBT_STEPS || machine->notes[i].why == MF_DOUBT_CODE || machine->notes[i].why == MF_DOUBT_RAISE)
      last = &machine->notes[i];
  uint32_t line = last ? last->line : 1;
  if (machine->heap.exhausted)
    return refuse (self, sum, line, "the analysis needs more memory than one module may have");
  return refuse (self, sum, line, "%s", last ? last->what : "the analysis was ended there");
}

static bool
take_for (StaticMemory *self, TargetSum *sum, const MfPyModule *module, const MfMpyModule *mpy)
{
  const MfTarget *target = sum->facts->model;
  if (!fits (target, module, mpy))
    return refuse_other_python (self, sum, module, mpy);
  const MfModuleQuestion question = { .target = target,
    .mpy = mpy,
    .pool = &sum->pool,
    .lowering = mpy ? NULL : lowering_for (self, module->header.version),
    .requested = self->bytes == MF_BYTES_REQUESTED,
    .name = mf_string_text (self, self->module),
    .origin = mf_string_text (self, self->origin),
    .file = self->total,
    .is_package = self->is_package,
    .flow = { self->bounds, self->bound.n },
    .most_steps = self->steps,
    .memory = PER_ANALYSIS,
    .library_used = sum->library_used };
  MfModuleCost *cost = &self->cost;
  Taking taking = { self, sum, module, question.name, cost };
  bool fine = mf_module_cost (cost, &question, module);
  sum->library_used = cost->run.machine.library_used;
  bool on = fine ? publish_module (&taking) : refuse (self, sum, 0, "there is no memory for its analysis");
  on = on && (!fine || cost->whole || tell_end (self, sum, &cost->run.machine));
  mf_module_cost_end (cost);
  return on;
}

static bool
take_for_all (StaticMemory *self, const MfPyModule *module, const MfMpyModule *mpy, const MfCodeError *error)
{
  bool on = true;
  self->n_broken += !module;
  for (uint32_t i = 0; i < self->n_sums && on; i++)
    on = module ? take_for (self, &self->sums[i], module, mpy) : refuse (self, &self->sums[i], 0, "it cannot be read: %s", error->text);
  return on;
}

static bool
take_mpy (StaticMemory *self, const MfCodeMemory *memory)
{
  MfCodeError error = { .text = "there is no memory for it" };
  MfArena arena;
  MfMpyModule *mpy = mf_mpy_read (self->content, self->total, memory, &error);
  mf_arena_init (&arena, memory);
  bool on = take_for_all (self, mpy ? mf_mpy_as_py (mpy, &arena) : NULL, mpy, &error);
  mf_arena_free (&arena);
  mf_mpy_module_free (mpy);
  return on;
}

bool
mf_static_take (StaticMemory *self)
{
  const MfCodeMemory memory = { self, resize, PER_MODULE };
  MfCodeError error = { .text = "it is no compiled module" };
  if (mf_mpy_probe (self->content, self->total))
    return take_mpy (self, &memory);
  MfPyModule *module = mf_pyc_probe (self->content, self->total) ? mf_pyc_read (self->content, self->total, &memory, &error) : NULL;
  bool on = take_for_all (self, module, NULL, &error);
  mf_py_module_free (module);
  return on;
}
