// SPDX-License-Identifier: Apache-2.0
// Rows of process.sample are a thread each; a thread without Python code has no stack and is left out.
#include "sampled-stacks.h"

#include <memflow/events.h>

static void
free_program (void *pointer)
{
  MfSampledProgram *program = pointer;
  g_array_unref (program->stacks);
  g_hash_table_unref (program->places);
  g_free (program);
}

void
mf_sampled_stacks_init (MfSampledStacks *sampled)
{
  sampled->programs = g_ptr_array_new_with_free_func (free_program);
}

void
mf_sampled_stacks_clear (MfSampledStacks *sampled)
{
  g_clear_pointer (&sampled->programs, g_ptr_array_unref);
}

static MfSampledProgram *
program_of (MfSampledStacks *sampled, const MfBatch *batch)
{
  for (guint i = sampled->programs->len; i-- > 0;) {
    MfSampledProgram *program = g_ptr_array_index (sampled->programs, i);
    if (program->input.id == batch->input.id && program->epoch == batch->epoch)
      return program;
  }
  MfSampledProgram *program = g_new0 (MfSampledProgram, 1);
  *program = (MfSampledProgram) { .input = batch->input, .epoch = batch->epoch,
    .stacks = g_array_new (FALSE, TRUE, sizeof (MfSampledStack)), .places = g_hash_table_new (g_direct_hash, g_direct_equal) };
  g_ptr_array_add (sampled->programs, program);
  return program;
}

static void
add (MfSampledProgram *program, MfStack stack, MfSampledWeight weight, uint64_t n)
{
  guint place = GPOINTER_TO_UINT (g_hash_table_lookup (program->places, GUINT_TO_POINTER (stack.id)));
  if (!stack.id)
    return;
  if (!place) {
    const MfSampledStack fresh = { .stack = stack };
    g_array_append_val (program->stacks, fresh);
    g_hash_table_insert (program->places, GUINT_TO_POINTER (stack.id), GUINT_TO_POINTER (place = program->stacks->len));
  }
  g_array_index (program->stacks, MfSampledStack, place - 1).weights[weight] += n;
}

void
mf_sampled_stacks_take_looks (MfSampledStacks *sampled, const MfBatch *batch)
{
  MfSampledProgram *program = program_of (sampled, batch);
  MF_EACH (batch, MfProcessSample, row)
    add (program, row->stack, MF_SAMPLED_LOOKS, 1);
}

// ---- the other plugin's rows: its schema travels with them

static const MfField *
field_of (const MfType *type, const char *name, uint16_t kind)
{
  for (uint32_t i = 0; i < type->n_fields; i++)
    if (g_str_equal (type->fields[i].name, name) && type->fields[i].kind == kind)
      return &type->fields[i];
  return NULL;
}

bool
mf_sampled_stacks_take_growth (MfSampledStacks *sampled, const MfBatch *batch)
{
  const MfField *stack = field_of (batch->type, "stack", MF_STACK), *bytes = field_of (batch->type, "bytes", MF_SIZE);
  const MfField *running = field_of (batch->type, "running", MF_U64);
  if (!stack || !bytes || !running)
    return false;
  MfSampledProgram *program = program_of (sampled, batch);
  program->judged = true;
  for (uint32_t i = 0; i < batch->n_rows; i++) {
    const uint8_t *row = batch->rows + (size_t) i * batch->stride;
    MfStack at;
    MfSize grown;
    uint64_t looks;
    memcpy (&at, row + stack->offset, sizeof at);
    memcpy (&grown, row + bytes->offset, sizeof grown);
    memcpy (&looks, row + running->offset, sizeof looks);
    add (program, at, MF_SAMPLED_RUNNING, looks);
    add (program, at, MF_SAMPLED_GROWTH, grown.bytes);
  }
  return true;
}
