// SPDX-License-Identifier: Apache-2.0
// From the rows of the collector to a graph: names of modules, packages above them, entry points.
#include "import-closure.h"

#include <string.h>

static bool
fail_memory (ImportClosure *self)
{
  return mf_fail (self, "no memory for the imports of %u modules", self->read.n);
}

// ---- nodes

static uint32_t
node_of (ImportClosure *self, const char *name, size_t n)
{
  return mf_import_graph_node (&self->graph, mf_string_n (self, name, n).id);
}

uint32_t
closure_find_read (ImportClosure *self, const char *name, size_t n)
{
  uint32_t node = mf_import_graph_find (&self->graph, mf_string_n (self, name, n).id);
  return node < self->read.n && self->is_read[node] ? node : MF_NO_NODE;
}

// Modules that were read come first: their nodes are below the number of rows.
static bool
add_read (ImportClosure *self)
{
  const ReadRow *read = self->read.rows;
  self->is_read = mf_resize (self, NULL, 2 * (size_t) self->read.n * sizeof *self->is_read);
  if (!self->is_read)
    return fail_memory (self);
  memset (self->is_read, 0, 2 * (size_t) self->read.n * sizeof *self->is_read);
  self->of_library = self->is_read + self->read.n;
  for (uint32_t i = 0; i < self->read.n; i++) {
    uint32_t node
        = read[i].module.id ? mf_import_graph_node (&self->graph, read[i].module.id) : MF_NO_NODE;
    if (node == MF_NO_NODE)
      return fail_memory (self);
    self->is_read[node] = true;
    self->of_library[node] = read[i].of_library;
  }
  return true;
}

// ---- edges

static bool
add_edge (ImportClosure *self, const ImportRow *row, uint32_t from, const char *name, size_t n,
    bool implied)
{
  const MfImportEdge edge = { from, node_of (self, name, n), row->line, row->in_call, implied };
  return (edge.to != MF_NO_NODE && mf_import_graph_edge (&self->graph, &edge))
         || fail_memory (self);
}

// "a.b.c" loads a and a.b before.
static bool
add_packages (ImportClosure *self, const ImportRow *row, uint32_t from, const char *name)
{
  for (const char *dot = strchr (name, '.'); dot; dot = strchr (dot + 1, '.'))
    if (dot != name && !add_edge (self, row, from, name, (size_t) (dot - name), true))
      return false;
  return true;
}

typedef struct {
  char text[512];
  size_t n;
} Submodule;

// "a.b" of the package a and the name b; false when it was not read, and b is a thing inside of a.
static bool
read_submodule (
    ImportClosure *self, const char *package, const char *name, size_t n, Submodule *found)
{
  size_t length = strlen (package);
  if (!n || length + 1 + n > sizeof found->text)
    return false;
  memcpy (found->text, package, length);
  found->text[length] = '.';
  memcpy (found->text + length + 1, name, n);
  found->n = length + 1 + n;
  return closure_find_read (self, found->text, found->n) != MF_NO_NODE;
}

// `from package import names`; *found: one of them is a module.
static bool
add_submodules (
    ImportClosure *self, const ImportRow *row, uint32_t from, const char *package, bool *found)
{
  for (const char *name = mf_string_text (self, row->names); *name;) {
    size_t n = strcspn (name, ",");
    Submodule submodule;
    if (read_submodule (self, package, name, n, &submodule)) {
      *found = true;
      if (!add_edge (self, row, from, submodule.text, submodule.n, false))
        return false;
    }
    name += n + (name[n] == ',');
  }
  return true;
}

// What is there before the program begins has its own imports behind it.
static bool
is_loaded_already (ImportClosure *self, uint32_t node)
{
  const MfTargetFacts *facts = self->target.n ? self->target.items[0] : NULL;
  return closure_origin (self, node, facts) == MF_ORIGIN_LOADED;
}

// The package itself is loaded before its submodules.
static bool
add_import (ImportClosure *self, const ImportRow *row)
{
  const char *name = mf_string_text (self, row->module),
             *importer = mf_string_text (self, row->importer);
  uint32_t from = closure_find_read (self, importer, strlen (importer)), at = self->graph.n_edges;
  bool found = false;
  if (from == MF_NO_NODE || !*name || is_loaded_already (self, from))
    return true;
  if (row->in_call && self->of_library[from]) // not taken to be called
    return true;
  if (!add_packages (self, row, from, name))
    return false;
  at = self->graph.n_edges;
  if (!add_edge (self, row, from, name, strlen (name), false)
      || !add_submodules (self, row, from, name, &found))
    return false;
  self->graph.edges[at].implied = found;
  return true;
}

// What is imported of a package loads the package.
static bool
add_own_packages (ImportClosure *self)
{
  const ImportRow none = { 0 };
  for (uint32_t i = 0; i < self->read.n && i < self->graph.n_nodes; i++)
    if (self->is_read[i] && !add_packages (self, &none, i, closure_name (self, i)))
      return false;
  return true;
}

static bool
add_imports (ImportClosure *self)
{
  const ImportRow *rows = self->imports.rows;
  for (uint32_t i = 0; i < self->imports.n; i++)
    if (!add_import (self, &rows[i]))
      return false;
  return true;
}

// ---- entry points

// Its packages are loaded first, as entries of their own.
static bool
add_entry (ImportClosure *self, uint32_t node)
{
  const char *name = closure_name (self, node);
  for (const char *dot = strchr (name, '.'); dot; dot = strchr (dot + 1, '.')) {
    uint32_t package = closure_find_read (self, name, (size_t) (dot - name));
    if (package != MF_NO_NODE)
      self->entries[self->n_entries++] = package;
  }
  self->entries[self->n_entries++] = node;
  return true;
}

static bool
add_named (ImportClosure *self, const char *name)
{
  uint32_t node = closure_find_read (self, name, strlen (name));
  if (node != MF_NO_NODE)
    return add_entry (self, node);
  return mf_fail_option (self, "entry", "there is no module '%s' in what was read", name);
}

// "main", "app.__main__": where people begin.
static bool
is_main (ImportClosure *self, uint32_t node)
{
  const char *name = closure_name (self, node), *dot = strrchr (name, '.');
  const char *last = dot ? dot + 1 : name;
  return !strcmp (last, "main") || !strcmp (last, "__main__");
}

// Modules that nobody imports; of those that import each other in a circle, the main one or the
// first.
static bool
find_entries (ImportClosure *self)
{
  uint32_t n = 0, n_sources = 0;
  uint32_t *sources = mf_resize (self, NULL, 2 * self->read.n * sizeof *sources);
  if (!sources)
    return fail_memory (self);
  uint32_t *candidates = sources + self->read.n;
  for (int others = 0; others < 2; others++)
    for (uint32_t i = 0; i < self->read.n && i < self->graph.n_nodes; i++)
      if (self->is_read[i] && !self->of_library[i] && is_main (self, i) == !others)
        candidates[n++] = i;
  bool fine = mf_import_graph_sources (&self->graph, candidates, n, sources, &n_sources);
  for (uint32_t i = 0; i < n_sources; i++)
    add_entry (self, sources[i]);
  mf_resize (self, sources, 0);
  return fine || fail_memory (self);
}

// A name of n bytes has at most n / 2 packages above it.
static bool
make_room_for_entries (ImportClosure *self)
{
  size_t room = 1;
  for (uint32_t i = 0; i < self->entry.n; i++)
    room += strlen (self->entry.items[i]) + 1;
  for (uint32_t i = 0; !self->entry.n && i < self->graph.n_nodes; i++)
    room += strlen (closure_name (self, i)) + 1;
  self->entries = mf_resize (self, NULL, room * sizeof *self->entries);
  return self->entries || fail_memory (self);
}

static bool
choose_entries (ImportClosure *self)
{
  if (!make_room_for_entries (self))
    return false;
  for (uint32_t i = 0; i < self->entry.n; i++)
    if (!add_named (self, self->entry.items[i]))
      return false;
  return self->entry.n || find_entries (self);
}

bool
closure_build (ImportClosure *self)
{
  return add_read (self) && add_own_packages (self) && add_imports (self) && choose_entries (self)
         && (mf_import_graph_close (&self->graph, self->entries, self->n_entries)
             || fail_memory (self));
}
