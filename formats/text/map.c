// SPDX-License-Identifier: Apache-2.0
// The view `map`: 64 cells a line, or one letter for a granule, or one dot of braille. The last map
// that is whole is drawn: a map is whole when a row without a part closes its key, or the next key
// begins.
#include "picture.h"

#include "map-area.h"

enum { CELLS = 64, LINES = 16, AREAS = 16, MARKS = MF_AREA_MARKS, DOTS_ACROSS = 2, DOTS_DOWN = 4 };

// Beyond it only cells are drawn, whose arithmetic reaches up to 2^64 bytes.
#define LARGEST (UINT64_C (1) << 52)

// The areas of one key.
typedef struct {
  uint64_t key;
  uint64_t rows, left_out; // rows of further areas
  uint32_t n;
  uint32_t epoch;
  MfMapArea *areas[AREAS]; // those beyond n wait to be used again
} Group;

typedef struct {
  MfPicture picture;
  Group groups[2];
  Group *open, *whole; // being filled; the last whole one. Rows of 0 = none
  bool closing;        // somebody closes keys: a group that was not closed is not whole
  char marks[MARKS];   // the letter of each label of the state that stands out; 0 = none
  MfBuffer drawn;      // maps = all: those before the last
} Map;

// ---- taking rows

// A small letter of the label that no other mark has.
static char
free_letter (const char *label, const char *taken)
{
  for (; *label; label++)
    if (g_ascii_isalpha (*label) && !memchr (taken, g_ascii_tolower (*label), MARKS))
      return g_ascii_tolower (*label);
  return '*';
}

// Where nothing else says what stands there, the states beyond free and used stand out.
static void
choose_marks (Map *map)
{
  const MfField *state = map->picture.roles[MF_ROLE_STATE];
  if (map->picture.roles[MF_ROLE_LABEL] || state->kind != MF_ENUM || !mf_field_label (state, 1))
    return;
  for (guint i = 2; i < MARKS && mf_field_label (state, i); i++)
    map->marks[i] = free_letter (mf_field_label (state, i), map->marks);
}

static void
map_open (MfPicture *picture)
{
  Map *map = (Map *) picture;
  map->open = &map->groups[0];
  map->whole = &map->groups[1];
  mf_buffer_init (&map->drawn, picture->memory);
  choose_marks (map);
}

static void
begin_group (Group *group, uint64_t key, uint32_t epoch)
{
  group->key = key;
  group->epoch = epoch;
  group->rows = group->left_out = 0;
  group->n = 0;
}

static void draw_group (const Map *map, const Group *group, MfPage *page);

// The open group is whole: it takes the place of the one before.
static void
complete_group (Map *map)
{
  Group *whole = map->open;
  if (map->picture.options->all_maps && map->whole->rows > 0) {
    MfPage page = *map->picture.page;
    page.out = &map->drawn;
    draw_group (map, map->whole, &page);
  }
  map->open = map->whole;
  map->whole = whole;
  begin_group (map->open, 0, 0);
}

// NULL with `*refused` = out of memory; NULL without = too many areas.
static MfMapArea *
area_for (Map *map, Group *group, uint64_t part, bool *refused)
{
  for (uint32_t i = 0; i < group->n; i++)
    if (group->areas[i]->part == part)
      return group->areas[i];
  if (group->n == AREAS)
    return NULL;
  MfMapArea **area = &group->areas[group->n];
  if (!*area)
    *area = map->picture.memory.resize (map->picture.memory.user, NULL, sizeof **area);
  *refused = *area == NULL;
  if (!*area)
    return NULL;
  group->n++;
  mf_map_area_init (*area, part);
  return *area;
}

static char
letter_of (const Map *map, const uint8_t *row)
{
  const MfField *label = map->picture.roles[MF_ROLE_LABEL];
  const char *text = "";
  if (label && label->kind == MF_STRING && !mf_field_unknown (label, row))
    text = mf_names_string (
        map->picture.page->names, (MfString){ (uint32_t) mf_field_bits (label, row) });
  return g_ascii_isalpha (*text) ? g_ascii_toupper (*text) : 'h';
}

static MfMapBlockKind
kind_of (const Map *map, const uint8_t *row)
{
  uint64_t state = mf_field_bits (map->picture.roles[MF_ROLE_STATE], row);
  bool marked = state < MARKS && map->marks[state];
  return (MfMapBlockKind){ state != 0, state != 0 ? letter_of (map, row) : '.',
    marked ? (uint8_t) state : 0 };
}

// Makes the open group the one that a row belongs to.
static void
turn_to_group (Map *map, uint64_t key, uint32_t epoch)
{
  bool same = map->open->rows > 0 && key == map->open->key && epoch == map->open->epoch;
  if (same)
    return;
  if (map->open->rows > 0 && !map->closing)
    complete_group (map);
  begin_group (map->open, key, epoch);
}

static bool
map_add (MfPicture *picture, const MfBatch *batch, const uint8_t *row)
{
  Map *map = (Map *) picture;
  const MfField *at = picture->roles[MF_ROLE_AT], *extent = picture->roles[MF_ROLE_EXTENT];
  bool refused = false;
  turn_to_group (map, mf_picture_bits (picture->roles[MF_ROLE_KEY], row), batch->epoch);
  map->open->rows++;
  if (mf_field_unknown (at, row) || mf_field_unknown (extent, row))
    return true;
  uint64_t part = mf_picture_bits (picture->roles[MF_ROLE_PART], row);
  MfMapArea *area = area_for (map, map->open, part, &refused);
  if (area)
    mf_map_area_add (
        area, mf_field_bits (at, row), mf_field_bits (extent, row), kind_of (map, row));
  map->open->left_out += !area;
  return !refused;
}

static void
map_close_key (MfPicture *picture, uint64_t key)
{
  Map *map = (Map *) picture;
  map->closing = true;
  if (map->open->rows > 0 && map->open->key == key)
    complete_group (map);
}

// ---- lines of cells

typedef struct {
  const MfMapArea *area;
  MfPage *page;
  const char *marks;
  unsigned shift;  // a cell, or a dot, is 2^shift bytes
  unsigned across; // cells of a line
  unsigned digits; // of the offset in front
} Raster;

static unsigned
digits_of (uint64_t offset)
{
  unsigned digits = (67 - (unsigned) __builtin_clzll (offset | 1)) / 4;
  return MAX (digits, 6);
}

static unsigned
cells_across (const MfPage *page, unsigned digits)
{
  unsigned across = CELLS;
  while (across > 8 && across + digits + 1 > page->width)
    across /= 2;
  return across;
}

static char
cell_at (const Raster *raster, uint64_t offset)
{
  const MfMapArea *area = raster->area;
  uint64_t size = MIN (UINT64_C (1) << raster->shift, area->extent - offset);
  MfMapSum sum = mf_map_area_sum (area, offset, raster->shift);
  if (sum.covered == 0)
    return '?';
  if (sum.mark)
    return sum.marked >= size - size / 2 ? g_ascii_toupper (raster->marks[sum.mark])
                                         : raster->marks[sum.mark];
  if (sum.used >= size)
    return '#';
  if (sum.used > 0)
    return (char) ('0' + CLAMP ((int) ((double) sum.used / (double) size * 10 + 0.999999), 1, 9));
  bool largest = offset >= area->largest_at && offset - area->largest_at < area->largest_bytes;
  return largest ? '_' : '.';
}

static void
put_cells (const Raster *raster, uint64_t offset, GString *line)
{
  for (unsigned i = 0; i < raster->across && offset < raster->area->extent; i++) {
    g_string_append_c (line, cell_at (raster, offset));
    if (__builtin_add_overflow (offset, UINT64_C (1) << raster->shift, &offset))
      return;
  }
}

static void
put_letters (const Raster *raster, uint64_t offset, GString *line)
{
  const MfMapArea *area = raster->area;
  for (unsigned i = 0; i < raster->across && offset < area->extent; i++, offset += area->granule) {
    char letter = area->letters[offset >> area->shift];
    g_string_append_c (line, letter ? letter : '?');
  }
}

// Dots of braille by column and line: Unicode 15 chapter 21.1, U+2800 and a bit for each dot.
static void
put_braille (const Raster *raster, uint64_t offset, GString *line)
{
  static const uint8_t dots[DOTS_ACROSS][DOTS_DOWN] = { { 1, 2, 4, 64 }, { 8, 16, 32, 128 } };
  for (unsigned i = 0; i < raster->across; i++) {
    gunichar c = 0x2800;
    for (unsigned x = 0; x < DOTS_ACROSS; x++)
      for (unsigned y = 0; y < DOTS_DOWN; y++) {
        uint64_t dot = (uint64_t) y * raster->across * DOTS_ACROSS + i * DOTS_ACROSS + x;
        uint64_t at = offset + (dot << raster->shift);
        if (at < raster->area->extent && mf_map_area_sum (raster->area, at, raster->shift).used > 0)
          c += dots[x][y];
      }
    g_string_append_unichar (line, c);
  }
}

// A line that holds nothing in use, as one that can be folded with others.
static bool
is_free (const char *line)
{
  return strspn (line, "._") == strlen (line) || strspn (line, "\xe2\xa0\x80") == strlen (line);
}

static void
fold_lines (MfPage *page, GPtrArray *lines, gsize starts, guint first, guint n)
{
  if (n > 1)
    mf_page_printf (page, "%*s(%u lines all free)", (int) starts, "", n);
  else if (n == 1)
    mf_page_line (page, g_ptr_array_index (lines, first));
}

// Each line is "offset cells"; `starts` is where the cells begin.
static void
put_folded (MfPage *page, GPtrArray *lines, gsize starts)
{
  guint free_lines = 0;
  for (guint i = 0; i < lines->len; i++) {
    const char *line = g_ptr_array_index (lines, i);
    if (is_free (line + starts)) {
      free_lines++;
      continue;
    }
    fold_lines (page, lines, starts, i - free_lines, free_lines);
    free_lines = 0;
    mf_page_line (page, line);
  }
  fold_lines (page, lines, starts, lines->len - free_lines, free_lines);
}

static void
draw_raster (
    const Raster *raster, uint64_t line_bytes, void (*put) (const Raster *, uint64_t, GString *))
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  uint64_t n = (raster->area->extent - 1) / line_bytes + 1;
  for (uint64_t i = 0; i < n; i++) {
    GString *line = g_string_new (NULL);
    g_string_append_printf (
        line, "%0*" G_GINT64_MODIFIER "x ", (int) raster->digits, i * line_bytes);
    put (raster, i * line_bytes, line);
    g_ptr_array_add (lines, g_string_free (line, FALSE));
  }
  put_folded (raster->page, lines, raster->digits + 1);
}

// ---- the three ways to draw an area

static void
draw_title (
    const Raster *raster, const char *part, uint64_t cell, const char *what, const char *legend)
{
  g_autoptr (GString) line = g_string_new (part);
  g_string_append_printf (line, "%s1 %s = ", *part ? ", " : "", what);
  mf_put_grouped (line, cell);
  g_string_append_printf (line, " B: %s", legend);
  mf_page_wrap (raster->page, line->str, 2);
}

static void
draw_cells (const Map *map, Raster *raster, const char *part)
{
  g_autoptr (GString) legend = g_string_new ("# full, 1-9 tenths used, . free, _ largest free");
  raster->shift = mf_map_area_cell (raster->area, raster->across * LINES);
  uint64_t cell = UINT64_C (1) << raster->shift, line;
  if (__builtin_mul_overflow (cell, raster->across, &line))
    line = UINT64_MAX;
  for (guint i = 0; i < MARKS; i++) {
    const char *label = map->marks[i] ? mf_field_label (map->picture.roles[MF_ROLE_STATE], i) : "";
    g_autofree char *clean = mf_page_clean (raster->page, label, strlen (label), 40);
    if (*clean)
      g_string_append_printf (legend, ", %c %s", map->marks[i], clean);
  }
  if (map->marks[2])
    g_string_append (legend, ", capital: half or more");
  draw_title (raster, part, cell, "cell", legend->str);
  draw_raster (raster, line, put_cells);
}

static void
draw_braille (Raster *raster, const char *part)
{
  raster->shift = mf_map_area_cell (raster->area, raster->across * DOTS_ACROSS * DOTS_DOWN * LINES);
  uint64_t dot = UINT64_C (1) << raster->shift,
           line = dot * raster->across * DOTS_ACROSS * DOTS_DOWN;
  draw_title (raster, part, dot, "dot", "set where something is in use, four rows of dots a line");
  draw_raster (raster, line, put_braille);
}

static void
draw_letters (Raster *raster, const char *part)
{
  draw_title (raster, part, raster->area->granule, "letter",
      "first letter of what begins there, = its rest, . free");
  draw_raster (raster, raster->area->granule * raster->across, put_letters);
}

// Letters need a unit of the area for each granule.
static bool
letters_fit (const MfMapArea *area)
{
  return area->granule % (UINT64_C (1) << area->shift) == 0
         && area->extent / area->granule <= MF_AREA_UNITS;
}

static void
draw_picture (const Map *map, Raster *raster, const char *part)
{
  MfMapStyle style = map->picture.options->map;
  if (raster->area->extent > LARGEST)
    style = MF_MAP_CELLS;
  if (style == MF_MAP_LETTERS && letters_fit (raster->area))
    draw_letters (raster, part);
  else if (style == MF_MAP_BRAILLE && !raster->page->ascii)
    draw_braille (raster, part);
  else
    draw_cells (map, raster, part);
}

static void
draw_notes (const MfMapArea *area, MfPage *page)
{
  g_autoptr (GString) line = g_string_new (NULL);
  if (area->largest_bytes > 0) {
    g_string_append (line, "largest free run ");
    mf_put_size_both (line, area->largest_bytes);
    g_string_append_printf (line, " at 0x%" G_GINT64_MODIFIER "x", area->largest_at);
    mf_page_line (page, line->str);
  }
  if (mf_map_area_has_holes (area))
    mf_page_line (page, "? = no block describes these bytes");
  if (mf_map_area_overlaps (area))
    mf_page_line (page, "some blocks overlap: the map is not exact");
  if (area->refused > 0)
    mf_page_printf (page, "%" G_GUINT64_FORMAT " blocks end beyond 2^64 bytes and are not drawn",
        area->refused);
}

// "region 1", or the name of the area; "" for the only one.
static char *
part_text (const Map *map, const MfMapArea *area, const MfPage *page, bool several)
{
  const MfField *field = map->picture.roles[MF_ROLE_PART];
  if (!field || !several)
    return g_strdup ("");
  if (field->kind == MF_STRING)
    return mf_page_clean_name (page, (MfString){ (uint32_t) area->part });
  g_autofree char *name = mf_page_clean (page, field->name, strlen (field->name), 40);
  return g_strdup_printf ("%s %" G_GUINT64_FORMAT, name, area->part);
}

// "region 1 at 0x20000c10": which area, and where it begins in the studied machine.
static char *
place_text (const Map *map, const Group *group, const MfMapArea *area, const MfPage *page)
{
  const MfPicture *picture = &map->picture;
  g_autofree char *part = part_text (map, area, page, group->n > 1);
  MfPlace wanted
      = { picture->roles[MF_ROLE_KEY], group->key, area->part, 0, picture->stage, picture->input };
  uint64_t address;
  if (!mf_places_find (picture->places, &wanted, &address))
    return g_steal_pointer (&part);
  return g_strdup_printf (
      "%s%sat 0x%08" G_GINT64_MODIFIER "x", part, *part ? " " : "", (guint64) address);
}

static void
draw_area (const Map *map, const Group *group, const MfMapArea *area, MfPage *page)
{
  g_autofree char *part = place_text (map, group, area, page);
  if (area->extent == 0) {
    mf_page_printf (page, "%s%sempty: no block with a size", part, *part ? ", " : "");
    return;
  }
  unsigned digits = digits_of (area->extent - 1);
  Raster raster = { area, page, map->marks, 0, cells_across (page, digits), digits };
  draw_picture (map, &raster, part);
  draw_notes (area, page);
}

static void
draw_group (const Map *map, const Group *group, MfPage *page)
{
  g_autofree char *key = mf_picture_key_text (&map->picture, page, group->key);
  mf_picture_heading (&map->picture, page, key);
  for (uint32_t i = 0; i < group->n; i++)
    draw_area (map, group, group->areas[i], page);
  if (group->n == 0)
    mf_page_line (page, "empty: no block with a size");
  if (group->left_out > 0)
    mf_page_printf (page, "%s %" G_GUINT64_FORMAT " blocks of further areas",
        mf_page_sign (page, "…", "..."), group->left_out);
}

static void
map_draw (MfPicture *picture, MfPage *page)
{
  Map *map = (Map *) picture;
  if (map->open->rows > 0 && !map->closing)
    complete_group (map);
  mf_buffer_put (page->out, map->drawn.bytes, map->drawn.length);
  page->out->failed |= map->drawn.failed;
  if (map->whole->rows > 0)
    draw_group (map, map->whole, page);
  if (map->open->rows > 0)
    mf_page_printf (page,
        "the last map is not whole and was not drawn: %" G_GUINT64_FORMAT " blocks of it "
        "were seen",
        map->open->rows);
}

static void
map_free (MfPicture *picture)
{
  Map *map = (Map *) picture;
  for (guint g = 0; g < 2; g++)
    for (guint i = 0; i < AREAS; i++)
      if (map->groups[g].areas[i])
        picture->memory.resize (picture->memory.user, map->groups[g].areas[i], 0);
  mf_buffer_free (&map->drawn);
}

const MfPictureClass mf_picture_map
    = { sizeof (Map), map_open, map_add, map_close_key, map_draw, map_free };
