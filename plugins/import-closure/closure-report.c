// SPDX-License-Identifier: Apache-2.0
// The tree of imports, the savings, and the sentences in front of them, for each target.
#include "import-closure.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SENTENCE = 512, MOST_NAMED = 5, FIRST_ORDER = 2000 };

typedef struct {
  ImportClosure *self;
  MfString target; // 0: no costs are known
  const MfTargetFacts *facts;
  bool several; // targets
  uint64_t *own, *with, *saved;
  MfSize *resident, *allocated, *file; // of each node, where known
  uint32_t *ranking;                   // nodes by what they save
} View;

// ---- figures of a target

static void
take_costs (View *view)
{
  ImportClosure *self = view->self;
  const CostRow *rows = self->costs.rows;
  for (uint32_t i = 0; i < self->costs.n; i++) {
    uint32_t node = mf_import_graph_find (&self->graph, rows[i].module.id);
    if (rows[i].target.id != view->target.id || node == MF_NO_NODE)
      continue;
    MfSize *to = rows[i].quantity == MF_COST_RESIDENT ? view->resident
                 : rows[i].quantity == MF_COST_IMPORT ? view->allocated
                                                      : view->file;
    to[node] = rows[i].bytes;
  }
}

// What is loaded already costs nothing more.
static void
fill (View *view)
{
  ImportClosure *self = view->self;
  for (uint32_t i = 0; i < self->graph.n_nodes; i++)
    view->resident[i] = view->allocated[i] = view->file[i] = MF_SIZE_NONE;
  take_costs (view);
  for (uint32_t i = 0; i < self->graph.n_nodes; i++) {
    if (closure_origin (self, i, view->facts) == MF_ORIGIN_LOADED)
      view->resident[i] = view->allocated[i] = (MfSize){ 0 };
    view->own[i] = view->resident[i].bytes == MF_SIZE_NONE.bytes ? 0 : view->resident[i].bytes;
  }
  mf_import_graph_sum (&self->graph, view->own, view->with, view->saved);
}

static bool
is_priced (const View *view)
{
  return view->target.id != 0;
}

static MfSize
sum (const View *view, uint64_t bytes)
{
  return is_priced (view) ? (MfSize){ bytes } : MF_SIZE_NONE;
}

// ---- the tree

static MfString
name_id (const View *view, uint32_t node)
{
  return (MfString){ node == MF_NO_NODE ? 0 : view->self->graph.nodes[node].key };
}

// "app.net, in a call", "json (built in)", "b (imports a while that is loaded)".
static MfString
label_of (const View *view, uint32_t node, uint32_t origin)
{
  ImportClosure *self = view->self;
  const MfImportNode *at = &self->graph.nodes[node];
  const char *note = closure_origin_note (origin);
  const char *back = at->returns == MF_NO_NODE ? "" : closure_name (self, at->returns);
  bool later = at->reached == MF_REACHED_IN_A_CALL
               && self->graph.nodes[at->loader].reached == MF_REACHED_AT_ONCE;
  const char *where
      = view->several && at->loader == MF_NO_NODE ? mf_string_text (self, view->target) : "";
  char text[SENTENCE];
  int n = snprintf (text, sizeof text, "%.200s%s%s%s%s%s%s%s%.100s%s", closure_name (self, node),
      *where ? " on " : "", where, later ? ", in a call" : "", *note ? " (" : "", note,
      *note ? ")" : "", *back ? " (circle: imports " : "", back, *back ? ")" : "");
  return mf_string_n (self, text, n < SENTENCE ? (size_t) n : SENTENCE - 1);
}

static bool
publish_node (const View *view, uint32_t node)
{
  ImportClosure *self = view->self;
  const MfImportNode *at = &self->graph.nodes[node];
  uint32_t origin = closure_origin (self, node, view->facts);
  const ImportedModule row = { .node = self->n_rows + at->order + 1,
    .parent = at->loader == MF_NO_NODE ? 0 : self->n_rows + self->graph.nodes[at->loader].order + 1,
    .label = label_of (view, node, origin),
    .module = name_id (view, node),
    .importer = name_id (view, at->loader),
    .target = view->target,
    .line = at->line,
    .when = at->reached == MF_REACHED_IN_A_CALL ? MF_LOADED_IN_A_CALL : MF_LOADED_AT_START,
    .origin = origin,
    .importers = at->importers,
    .with = sum (view, view->with[node]),
    .own = view->resident[node],
    .saved = sum (view, view->saved[node]),
    .allocated = view->allocated[node],
    .file = view->file[node] };
  return mf_emit (&self->modules, &row);
}

static bool
publish_tree (const View *view)
{
  const MfImportGraph *graph = &view->self->graph;
  for (uint32_t i = 0; i < graph->n_loaded; i++)
    if (!publish_node (view, graph->loaded[i]))
      return false;
  view->self->n_rows += graph->n_loaded;
  return true;
}

// ---- savings

static int
by_saving (const void *a, const void *b, void *user)
{
  const View *view = user;
  const uint32_t *x = a, *y = b;
  if (view->saved[*x] != view->saved[*y])
    return view->saved[*x] < view->saved[*y] ? 1 : -1;
  return *x < *y ? -1 : *x > *y;
}

static MfString
place_of (const View *view, uint32_t node)
{
  ImportClosure *self = view->self;
  const MfImportNode *at = &self->graph.nodes[node];
  char text[SENTENCE];
  if (!at->line)
    return name_id (view, at->loader);
  snprintf (text, sizeof text, "%.400s:%" PRIu32, closure_name (self, at->loader), at->line);
  return mf_string (self, text);
}

static bool
publish_saving (const View *view, uint32_t node)
{
  ImportClosure *self = view->self;
  const ImportSaving row = { .module = name_id (view, node),
    .from = place_of (view, node),
    .target = view->target,
    .importers = self->graph.nodes[node].importers,
    .saved = { view->saved[node] },
    .own = view->resident[node],
    .with = { view->with[node] } };
  return mf_emit (&self->savings, &row);
}

// Entries are what the program is; the others can go.
static bool
publish_savings (const View *view)
{
  const MfImportGraph *graph = &view->self->graph;
  uint32_t n = 0;
  for (uint32_t i = 0; i < graph->n_loaded; i++)
    if (graph->nodes[graph->loaded[i]].loader != MF_NO_NODE && view->saved[graph->loaded[i]])
      view->ranking[n++] = graph->loaded[i];
  qsort_r (view->ranking, n, sizeof *view->ranking, by_saving, (void *) view);
  for (uint32_t i = 0; i < n && i < view->self->most; i++)
    if (!publish_saving (view, view->ranking[i]))
      return false;
  return true;
}

// ---- sentences

typedef struct {
  char text[SENTENCE];
  size_t n;
} Sentence;

__attribute__ ((format (printf, 2, 3))) static void
say (Sentence *sentence, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  int n = vsnprintf (
      sentence->text + sentence->n, sizeof sentence->text - sentence->n, format, arguments);
  va_end (arguments);
  size_t left = sizeof sentence->text - sentence->n - 1;
  sentence->n += n < 0 ? 0 : (size_t) n < left ? (size_t) n : left;
}

static bool
publish_sentence (
    const View *view, uint32_t severity, const char *subject, const Sentence *sentence)
{
  ImportClosure *self = view->self;
  MfStatement row = {
    .order = FIRST_ORDER + self->order++, .severity = severity, .subject = mf_string (self, subject)
  };
  row.text = mf_text (&self->statements, sentence->text, sentence->n);
  return mf_emit (&self->statements, &row);
}

static const char *
digits (uint64_t number, char room[32])
{
  char plain[24];
  int n = snprintf (plain, sizeof plain, "%" PRIu64, number);
  char *to = room;
  for (int i = 0; i < n; i++) {
    if (i && (n - i) % 3 == 0)
      *to++ = ',';
    *to++ = plain[i];
  }
  *to = 0;
  return room;
}

// What a node is counted as.
typedef bool (*Counts) (const View *view, uint32_t node);

static bool
is_at_start (const View *view, uint32_t node)
{
  const MfImportNode *at = &view->self->graph.nodes[node];
  return at->reached == MF_REACHED_AT_ONCE && at->loader != MF_NO_NODE;
}

static bool
is_in_calls (const View *view, uint32_t node)
{
  return view->self->graph.nodes[node].reached == MF_REACHED_IN_A_CALL;
}

static bool
is_missing (const View *view, uint32_t node)
{
  return closure_origin (view->self, node, view->facts) == MF_ORIGIN_MISSING;
}

static bool
is_not_read (const View *view, uint32_t node)
{
  return closure_origin (view->self, node, view->facts) == MF_ORIGIN_STANDARD;
}

static bool
has_no_price (const View *view, uint32_t node)
{
  return is_priced (view) && view->resident[node].bytes == MF_SIZE_NONE.bytes
         && closure_origin (view->self, node, view->facts) == MF_ORIGIN_INPUT;
}

static uint32_t
count (const View *view, Counts counts, uint64_t *bytes)
{
  const MfImportGraph *graph = &view->self->graph;
  uint32_t n = 0;
  *bytes = 0;
  for (uint32_t i = 0; i < graph->n_loaded; i++)
    if (counts (view, graph->loaded[i])) {
      n++;
      *bytes += view->own[graph->loaded[i]];
    }
  return n;
}

static void
name_some (Sentence *sentence, const View *view, Counts counts)
{
  const MfImportGraph *graph = &view->self->graph;
  uint32_t n = 0;
  for (uint32_t i = 0; i < graph->n_loaded; i++)
    if (counts (view, graph->loaded[i]) && n++ < MOST_NAMED)
      say (sentence, "%s%.60s", n > 1 ? ", " : "", closure_name (view->self, graph->loaded[i]));
  if (n > MOST_NAMED)
    say (sentence, " and %" PRIu32 " more", n - MOST_NAMED);
}

// The packages of an entry are entries themselves, and not named.
static bool
is_entry (const View *view, uint32_t node)
{
  ImportClosure *self = view->self;
  const char *name = closure_name (self, node);
  size_t n = strlen (name);
  if (self->graph.nodes[node].loader != MF_NO_NODE)
    return false;
  for (uint32_t i = 0; i < self->n_entries; i++) {
    const char *other = closure_name (self, self->entries[i]);
    if (!strncmp (other, name, n) && other[n] == '.')
      return false;
  }
  return true;
}

static void
add_bytes (Sentence *sentence, const View *view, uint64_t bytes)
{
  char room[32];
  if (is_priced (view))
    say (sentence, " (%s B stay)", digits (bytes, room));
}

static bool
say_closure (const View *view)
{
  Sentence sentence = { .n = 0 };
  uint64_t at_start, in_calls;
  uint32_t n_start = count (view, is_at_start, &at_start),
           n_calls = count (view, is_in_calls, &in_calls);
  if (view->several)
    say (&sentence, "%s: ", mf_string_text (view->self, view->target));
  name_some (&sentence, view, is_entry);
  if (n_start)
    say (&sentence, ": %" PRIu32 " %s imported at the start", n_start,
        n_start == 1 ? "module is" : "modules are");
  else
    say (&sentence, ": nothing is imported at the start");
  if (n_start)
    add_bytes (&sentence, view, at_start);
  if (n_calls) {
    say (&sentence, ", %" PRIu32 " more when functions are called", n_calls);
    add_bytes (&sentence, view, in_calls);
  }
  return publish_sentence (view, MF_SAY_EVIDENCE, "imports", &sentence);
}

static bool
say_some (const View *view, uint32_t severity, const char *subject, Counts counts,
    const char *before, const char *behind)
{
  Sentence sentence = { .n = 0 };
  uint64_t bytes;
  if (!count (view, counts, &bytes))
    return true;
  say (&sentence, "%s", before);
  name_some (&sentence, view, counts);
  say (&sentence, "%s", behind);
  return publish_sentence (view, severity, subject, &sentence);
}

static bool
is_left (const View *view, uint32_t node)
{
  const ImportClosure *self = view->self;
  return node < self->read.n && self->is_read[node] && !self->of_library[node]
         && self->graph.nodes[node].reached == MF_REACHED_NEVER;
}

static bool
say_left (const View *view)
{
  Sentence sentence = { .n = 0 };
  uint32_t n = 0;
  for (uint32_t i = 0; i < view->self->graph.n_nodes; i++)
    if (is_left (view, i) && n++ < MOST_NAMED)
      say (&sentence, "%s%.60s", n > 1 ? ", " : "", closure_name (view->self, i));
  if (!n)
    return true;
  if (n > MOST_NAMED)
    say (&sentence, " and %" PRIu32 " more", n - MOST_NAMED);
  say (&sentence, n == 1 ? " is imported by none of these" : " are imported by none of these");
  return publish_sentence (view, MF_SAY_EVIDENCE, "not imported", &sentence);
}

static bool
say_all (const View *view)
{
  return say_closure (view) && say_left (view)
         && say_some (view, MF_SAY_EVIDENCE, "not found", is_missing, "",
             ": neither in the input nor part of the interpreter; what imports it fails unless it "
             "expects that")
         && say_some (view, MF_SAY_WARNING, "not counted", is_not_read,
             "what the standard library adds (", "): let the collector pyc read it with library =")
         && say_some (
             view, MF_SAY_WARNING, "not counted", has_no_price, "no cost is known of ", "");
}

// ---- targets

static const MfTargetFacts *
facts_of (ImportClosure *self, const char *name)
{
  for (uint32_t i = 0; i < self->target.n; i++)
    if (!strcmp (self->target.items[i]->name, name))
      return self->target.items[i];
  return NULL;
}

static bool
report_on (View *view)
{
  fill (view);
  return publish_tree (view) && (!is_priced (view) || publish_savings (view)) && say_all (view);
}

// Those that the option names; without it, all that have costs.
static bool
is_asked_for (ImportClosure *self, MfString target)
{
  return !self->target.n || facts_of (self, mf_string_text (self, target));
}

static uint32_t
targets_of (ImportClosure *self, MfString *targets, uint32_t most)
{
  const CostRow *rows = self->costs.rows;
  uint32_t n = 0;
  for (uint32_t i = 0; i < self->costs.n && n < most; i++) {
    bool known = i && rows[i - 1].target.id == rows[i].target.id;
    for (uint32_t k = 0; !known && k < n; k++)
      known = targets[k].id == rows[i].target.id;
    if (!known && is_asked_for (self, rows[i].target))
      targets[n++] = rows[i].target;
  }
  return n;
}

static bool
report_all (View *view)
{
  enum { MOST_TARGETS = 64 };
  MfString targets[MOST_TARGETS];
  ImportClosure *self = view->self;
  uint32_t n = targets_of (self, targets, MOST_TARGETS);
  view->several = n > 1;
  if (!n) {
    view->facts = self->target.n ? self->target.items[0] : NULL;
    return report_on (view);
  }
  for (uint32_t i = 0; i < n; i++) {
    view->target = targets[i];
    view->facts = facts_of (self, mf_string_text (self, targets[i]));
    if (!report_on (view))
      return false;
  }
  return true;
}

bool
closure_report (ImportClosure *self)
{
  size_t n = self->graph.n_nodes;
  size_t width = 3 * sizeof (uint64_t) + 3 * sizeof (MfSize) + sizeof (uint32_t);
  char *room = mf_resize (self, NULL, n * width);
  if (!room)
    return mf_fail (self, "no memory for the costs of %zu modules", n);
  uint64_t *sums = (uint64_t *) room;
  MfSize *sizes = (MfSize *) (sums + 3 * n);
  View view = { .self = self,
    .own = sums,
    .with = sums + n,
    .saved = sums + 2 * n,
    .resident = sizes,
    .allocated = sizes + n,
    .file = sizes + 2 * n,
    .ranking = (uint32_t *) (sizes + 3 * n) };
  bool fine = report_all (&view);
  mf_resize (self, room, 0);
  return fine;
}
