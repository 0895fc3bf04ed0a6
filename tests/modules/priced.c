// SPDX-License-Identifier: Apache-2.0
// An analyzer that prices what it is told to: "app.main resident 100 200 300, app.main/loop call-peak 1 2 -".
#include <memflow/plugin.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
  MfStage stage;
  MfTargets target;
  MfTexts costs;
  MF_OUT (MfCodeCost) out;
} Priced;

static bool
on_units (void *stage, const MfBatch *batch)
{
  (void) stage;
  (void) batch;
  return true;
}

static uint32_t
quantity_of (const char *word)
{
  for (uint32_t i = 0; i < MfCodeCost_type.n_fields; i++)
    for (uint32_t k = 0; MfCodeCost_type.fields[i].labels && MfCodeCost_type.fields[i].labels[k]; k++)
      if (!strcmp (MfCodeCost_type.fields[i].labels[k], word))
        return k;
  return UINT32_MAX;
}

static MfSize
bytes_of (const char *word)
{
  return *word == '-' ? MF_SIZE_NONE : (MfSize) { strtoull (word, NULL, 10) };
}

static bool
price (Priced *self, const char *target, const char *text)
{
  char what[100], quantity[20], low[24], likely[24], high[24];
  if (sscanf (text, "%99s %19s %23s %23s %23s", what, quantity, low, likely, high) != 5)
    return mf_fail_option (self, "costs", "'%s' is no cost", text);
  size_t n = strcspn (what, "/");
  MfString module = mf_string_n (self, what, n);
  MfCodeCost row = { .target = mf_string (self, target), .module = module,
    .name = what[n] ? mf_string (self, what + n + 1) : module, .basis = mf_string (self, "as told"), .line = 7,
    .quantity = quantity_of (quantity), .low = bytes_of (low), .likely = bytes_of (likely), .high = bytes_of (high) };
  return mf_emit (&self->out, &row);
}

static bool
finish (void *stage)
{
  Priced *self = stage;
  for (uint32_t i = 0; i < self->target.n; i++)
    for (uint32_t k = 0; k < self->costs.n; k++)
      if (!price (self, self->target.items[i]->name, self->costs.items[k]))
        return false;
  return true;
}

MF_PLUGIN (Priced, "priced", .kind = MF_ANALYZER, .summary = "prices what it is told to",
  MF_OPTIONS (MF_OPTION (Priced, target, NULL, "for which targets"), MF_OPTION (Priced, costs, "", "module[/function] quantity low likely high")),
  MF_CONSUMES (MF_INPUT (MfCodeUnit, on_units)), MF_PUBLISHES (MF_OUTPUT (Priced, out, MfCodeCost)), .finish = finish);
