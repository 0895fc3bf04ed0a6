// SPDX-License-Identifier: Apache-2.0
// Maps that are cut: against a model of single pages, on calls of a generator.
#include "map-ledger.h"

#include <glib.h>
#include <stdlib.h>

enum { PAGE = 4096, PAGES = 64 };

// What a reader of the calls knows: blocks by their first page. Stack 0 = none stands there.
typedef struct {
  MfMapBlock blocks[PAGES];
  uint32_t calls;
  bool refuse;
} Model;

static void *
resize (void *user, void *old, size_t bytes)
{
  if (!bytes)
    free (old);
  return bytes && !((Model *) user)->refuse ? realloc (old, bytes) : NULL;
}

static MfMapBlock *
block_at (Model *model, MfAddress address)
{
  g_assert_cmpuint (address.at / PAGE, <, PAGES);
  return &model->blocks[address.at / PAGE];
}

static bool
tell (void *user, const MfAlloc *call)
{
  Model *model = user;
  model->calls++;
  if (call->op == MF_OP_FREE) {
    g_assert_cmpuint (block_at (model, call->address)->size, ==, call->size.bytes);
    *block_at (model, call->address) = (MfMapBlock){ 0 };
    return true;
  }
  if (call->op == MF_OP_REALLOC) {
    g_assert_cmpuint (block_at (model, call->old_address)->size, !=, 0);
    *block_at (model, call->old_address) = (MfMapBlock){ 0 };
  }
  g_assert_cmpuint (block_at (model, call->address)->size, ==, 0);
  *block_at (model, call->address)
      = (MfMapBlock){ call->address.at, call->size.bytes, call->stack, 0 };
  return true;
}

static uint64_t
pages_of (const MfMapBlock *block)
{
  return (block->size + PAGE - 1) / PAGE;
}

// The blocks that were told cover exactly the pages that are mapped, each by the stack that mapped
// it.
static void
compare (const Model *model, const uint32_t *mapped)
{
  uint32_t covered[PAGES] = { 0 };
  for (uint32_t i = 0; i < PAGES; i++)
    for (uint64_t k = 0; k < pages_of (&model->blocks[i]); k++) {
      g_assert_cmpuint (covered[i + k], ==, 0);
      covered[i + k] = model->blocks[i].stack.id;
    }
  for (uint32_t i = 0; i < PAGES; i++)
    g_assert_cmpuint (covered[i], ==, mapped[i]);
}

static void
fill (uint32_t *mapped, uint32_t from, uint32_t n, uint32_t stack)
{
  for (uint32_t i = 0; i < n; i++)
    mapped[from + i] = stack;
}

static uint32_t
count (const uint32_t *mapped, uint32_t from, uint32_t n)
{
  uint32_t sum = 0;
  for (uint32_t i = 0; i < n; i++)
    sum += mapped[from + i] != 0;
  return sum;
}

static void
test_against_pages (void)
{
  Model model = { 0 };
  uint32_t mapped[PAGES] = { 0 };
  MfMapLedger ledger = { .granule = PAGE };
  const MfMapListener listener = { &model, resize, tell };
  for (uint32_t i = 1; i < 200000; i++) {
    uint32_t n = (uint32_t) g_random_int_range (1, 9),
             at = (uint32_t) g_random_int_range (0, PAGES - 8);
    uint32_t to = (uint32_t) g_random_int_range (0, PAGES - 8),
             n_to = (uint32_t) g_random_int_range (1, 9);
    uint64_t less = (uint64_t) g_random_int_range (0, PAGE);
    MfMapBlock block = { (uint64_t) at * PAGE, (uint64_t) n * PAGE - less, { i }, 0 };
    uint32_t action = (uint32_t) g_random_int_range (0, 4);
    if (action < 2) {
      g_assert_true (mf_map_ledger_map (&ledger, block, &listener));
      fill (mapped, at, n, i);
    } else if (action == 2 && count (mapped, at, n)) {
      g_assert_true (mf_map_ledger_unmap (&ledger, block, &listener));
      fill (mapped, at, n, 0);
    } else if (count (mapped, at, n) && (to + n_to <= at || at + n <= to)) {
      MfMapBlock moved = { (uint64_t) to * PAGE, (uint64_t) n_to * PAGE - less, { i }, 0 };
      g_assert_true (mf_map_ledger_remap (&ledger, block.address, block.size, moved, &listener));
      fill (mapped, at, n, 0);
      fill (mapped, to, n_to, i);
    }
    compare (&model, mapped);
  }
  mf_map_ledger_clear (&ledger, &listener);
}

static void
test_unknown (void)
{
  Model model = { .blocks = { [3] = { 3 * PAGE, 100, { 1 }, 0 } } };
  MfMapLedger ledger = { .granule = PAGE };
  const MfMapListener listener = { &model, resize, tell };
  mf_map_ledger_unmap (&ledger, (MfMapBlock){ 3 * PAGE, 100, { 2 }, 0 }, &listener);
  g_assert_cmpuint (model.calls, ==, 1);
  model.refuse = true; // not remembered, but told
  mf_map_ledger_map (&ledger, (MfMapBlock){ 4 * PAGE, 1, { 3 }, 0 }, &listener);
  mf_map_ledger_unmap (&ledger, (MfMapBlock){ 4 * PAGE, 1, { 3 }, 0 }, &listener);
  g_assert_cmpuint (model.calls, ==, 3);
}

static bool
count_call (void *user, const MfAlloc *call)
{
  ((Model *) user)->calls += call->op <= MF_OP_FAILED;
  return true;
}

static void
test_ranges_that_wrap_around (void)
{
  Model model = { 0 };
  MfMapLedger ledger = { .granule = PAGE };
  const MfMapListener listener = { &model, resize, count_call };
  const uint64_t edges[] = { 0, 1, PAGE, UINT64_MAX / 2, UINT64_MAX - PAGE, UINT64_MAX };
  for (uint32_t i = 0; i < 6 * 6 * 6 * 6; i++) {
    MfMapBlock block = { edges[i % 6], edges[i / 6 % 6], { 1 }, 0 };
    mf_map_ledger_map (&ledger, block, &listener);
    mf_map_ledger_remap (&ledger, edges[i / 36 % 6], edges[i / 216], block, &listener);
    mf_map_ledger_unmap (
        &ledger, (MfMapBlock){ edges[i / 36 % 6], edges[i / 216], { 1 }, 0 }, &listener);
    g_assert_cmpuint (ledger.n, <, 16);
  }
  mf_map_ledger_clear (&ledger, &listener);
}

static void
test_last_page (void)
{
  Model model = { 0 };
  MfMapLedger ledger = { .granule = PAGE };
  const MfMapListener listener = { &model, resize, count_call };
  const uint64_t last = UINT64_MAX - PAGE + 1;
  mf_map_ledger_map (&ledger, (MfMapBlock){ last, PAGE, { 1 }, 0 }, &listener);
  mf_map_ledger_map (&ledger, (MfMapBlock){ last, 1, { 1 }, 0 }, &listener);
  g_assert_cmpuint (ledger.n, ==, 0);
  mf_map_ledger_map (&ledger, (MfMapBlock){ last - 2 * PAGE, PAGE, { 1 }, 0 }, &listener);
  g_assert_cmpuint (ledger.n, ==, 1);
  mf_map_ledger_clear (&ledger, &listener);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/map-ledger/pages", test_against_pages);
  g_test_add_func ("/map-ledger/unknown", test_unknown);
  g_test_add_func ("/map-ledger/wrap", test_ranges_that_wrap_around);
  g_test_add_func ("/map-ledger/last-page", test_last_page);
  return g_test_run ();
}
