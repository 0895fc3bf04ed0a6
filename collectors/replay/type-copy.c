// SPDX-License-Identifier: Apache-2.0
// The types of a capture, kept for the whole run: one for each name, the one with the most fields.
#include "replay.h"

#include "schema.h"

static bool
same_fields (const MfField *a, const MfField *b)
{
  return !strcmp (a->name, b->name) && a->offset == b->offset && a->kind == b->kind
         && a->width == b->width;
}

static bool
is_prefix (const MfType *shorter, const MfType *longer)
{
  if (strcmp (shorter->name, longer->name) || shorter->major != longer->major
      || shorter->n_fields > longer->n_fields)
    return false;
  for (uint32_t i = 0; i < shorter->n_fields; i++)
    if (!same_fields (&shorter->fields[i], &longer->fields[i]))
      return false;
  return true;
}

Output *
replay_output_for (Replay *replay, const MfType *type)
{
  for (uint32_t i = 0; i < replay->n_outputs; i++)
    if (is_prefix (type, replay->outputs[i].type))
      return &replay->outputs[i];
  return NULL;
}

static Output *
output_called (Replay *replay, const char *name)
{
  for (uint32_t i = 0; i < replay->n_outputs; i++)
    if (!strcmp (replay->outputs[i].type->name, name))
      return &replay->outputs[i];
  return NULL;
}

// A copy of the type by way of its bytes; NULL = no memory.
static void *
copy_type (Replay *replay, const MfType *type)
{
  size_t n = mf_schema_bytes (type);
  uint8_t *bytes = mf_resize (replay, NULL, n);
  if (!bytes)
    return NULL;
  mf_schema_store (type, bytes);
  void *memory = mf_resize (replay, NULL, mf_schema_measure (bytes, n, false));
  if (memory)
    mf_schema_load (bytes, n, false, memory);
  mf_resize (replay, bytes, 0);
  return memory;
}

bool
replay_keep_type (Replay *replay, const MfType *type)
{
  Output *output = output_called (replay, type->name);
  if (!strncmp (type->name, "core.", 5) || (output && !is_prefix (output->type, type)))
    return true;
  if (output && output->type->n_fields == type->n_fields)
    return true;
  if (!output)
    output = &replay->outputs[replay->n_outputs++];
  else if (output->memory)
    mf_resize (replay, output->memory, 0);
  output->memory = copy_type (replay, type);
  output->type = output->memory;
  if (output->memory)
    return true;
  replay->n_outputs = (uint32_t) (output - replay->outputs);
  return mf_fail (replay, "cannot replay rows of %s: out of memory for their schema", type->name);
}
