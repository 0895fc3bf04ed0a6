// SPDX-License-Identifier: Apache-2.0
// The view `tree`: rows below the row that they name as parent, indented, with their values. A
// parent is found by key when the type has one, else by label. What has no parent, or is its own,
// is a root.
#include "picture.h"

enum { NODES = 1024, DEEPEST = 16, INDENT = 2 };

typedef struct {
  MfPicture picture;
  MfKeptRows *kept;
} Tree;

static void
tree_open (MfPicture *picture)
{
  ((Tree *) picture)->kept = mf_kept_rows_new (picture->type, NODES, false, picture->memory);
}

static bool
tree_add (MfPicture *picture, const MfBatch *batch, const uint8_t *row)
{
  return mf_kept_rows_add (((Tree *) picture)->kept, batch, row);
}

typedef struct {
  uint64_t name, parent;
  bool drawn, named;
} Node;

typedef struct {
  const Tree *tree;
  MfPage *page;
  Node nodes[NODES];
  uint32_t n, lines;
} Drawing;

static void
read_nodes (Drawing *drawing)
{
  const MfPicture *picture = &drawing->tree->picture;
  const MfField *key = picture->roles[MF_ROLE_KEY], *parent = picture->roles[MF_ROLE_PARENT];
  const MfField *name = key && key->kind == parent->kind ? key : picture->roles[MF_ROLE_LABEL];
  drawing->n = mf_kept_rows_n (drawing->tree->kept);
  for (uint32_t i = 0; i < drawing->n; i++) {
    MfBatch batch = mf_kept_rows_get (drawing->tree->kept, i);
    drawing->nodes[i] = (Node){ mf_field_bits (name, batch.rows),
      mf_field_bits (parent, batch.rows), false, !mf_field_unknown (parent, batch.rows) };
  }
}

static bool
is_root (const Drawing *drawing, const Node *node)
{
  if (!node->named || node->parent == node->name)
    return true;
  for (uint32_t i = 0; i < drawing->n; i++)
    if (drawing->nodes[i].name == node->parent)
      return false;
  return true;
}

static void
draw_node (Drawing *drawing, uint32_t i, unsigned depth)
{
  const MfPicture *picture = &drawing->tree->picture;
  MfPage *page = drawing->page;
  const MfField *bar = picture->roles[MF_ROLE_BAR];
  MfBatch batch = mf_kept_rows_get (drawing->tree->kept, i);
  g_autoptr (GString) line = g_string_new (NULL), name = g_string_new (NULL);
  g_autofree char *label = mf_cell_text (page, picture->roles[MF_ROLE_LABEL], &batch, batch.rows);
  g_autofree char *value = bar ? mf_cell_text (page, bar, &batch, batch.rows) : g_strdup ("");
  const char *unit = bar && *value ? mf_field_unit (bar) : "";
  unsigned room = page->width - 20;
  g_string_append_printf (
      name, "%*s%s", (int) (MIN (depth, (unsigned) DEEPEST) * INDENT), "", label);
  mf_put_padded (line, page, name->str, MIN (room, 56), false);
  g_string_append_c (line, ' ');
  mf_put_padded (line, page, value, 14, true);
  g_string_append_printf (line, "%s%s", *unit ? " " : "", unit);
  mf_page_line (page, line->str);
}

static void
draw_below (Drawing *drawing, uint32_t i, unsigned depth)
{
  Node *node = &drawing->nodes[i];
  if (node->drawn)
    return;
  node->drawn = true;
  if (drawing->lines++ < drawing->tree->picture.options->rows)
    draw_node (drawing, i, depth);
  for (uint32_t child = 0; child < drawing->n; child++)
    if (drawing->nodes[child].named && drawing->nodes[child].parent == node->name)
      draw_below (drawing, child, depth + 1);
}

static void
tree_draw (MfPicture *picture, MfPage *page)
{
  const Tree *tree = (const Tree *) picture;
  g_autofree Drawing *drawing = g_new0 (Drawing, 1);
  drawing->tree = tree;
  drawing->page = page;
  read_nodes (drawing);
  mf_picture_heading (picture, page, "");
  for (uint32_t i = 0; i < drawing->n; i++)
    if (is_root (drawing, &drawing->nodes[i]))
      draw_below (drawing, i, 0);
  for (uint32_t i = 0; i < drawing->n; i++) // rows that are each other's parents
    draw_below (drawing, i, 0);
  uint64_t shown = MIN (drawing->lines, picture->options->rows),
           seen = mf_kept_rows_seen (tree->kept);
  if (seen > shown)
    mf_page_printf (
        page, "%s %" G_GUINT64_FORMAT " more rows", mf_page_sign (page, "…", "..."), seen - shown);
}

static void
tree_free (MfPicture *picture)
{
  mf_kept_rows_free (((Tree *) picture)->kept);
}

const MfPictureClass mf_picture_tree
    = { sizeof (Tree), tree_open, tree_add, NULL, tree_draw, tree_free };
