// SPDX-License-Identifier: Apache-2.0
// Fields of smaps: proc(5). Bits of pagemap: Documentation/admin-guide/mm/pagemap.rst of Linux.
#include "memory-map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PRESENT = 1, OWN = 2, SWAPPED = 4 };
// Of a mapping with more pages than these a 64th has to be there, or a share has to do: it costs time to read them.
enum { FEW_PAGES = 1 << 18, SPARSE = 64, MOST_PAGES = 1 << 28, AT_ONCE = 4096 };

// ---- mappings

static bool
is_shared_memory (const char *path)
{
  static const char *const names[] = { "/dev/zero", "/dev/shm/", "/memfd:", "/SYSV" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_str_has_prefix (path, names[i]))
      return true;
  return false;
}

static MfMappedKind
kind_of (const MfMapping *mapping)
{
  if (strcmp (mapping->path, "[heap]") == 0)
    return MF_MAPPED_BREAK;
  if (strcmp (mapping->path, "[stack]") == 0)
    return MF_MAPPED_STACK;
  if (mapping->inode == 0 && (!*mapping->path || g_str_has_prefix (mapping->path, "[anon")))
    return MF_MAPPED_NOTHING;
  return is_shared_memory (mapping->path) && mapping->flags & MF_MAPPING_SHARED ? MF_MAPPED_SHARED : MF_MAPPED_FILE;
}

static void
add_mapping (MfMemoryMap *map, MfMapping *mapping)
{
  const MfMemoryMapping row = { .from = mapping->from, .to = mapping->to, .kind = kind_of (mapping), .flags = mapping->flags,
    .page = UINT64_MAX, .sum = { .size = mapping->to - mapping->from } };
  g_array_append_val (map->mappings, row);
  g_free (mapping->path);
}

// "Rss:    1234 kB"
static void
add_field (MfMemorySum *sum, const char *line)
{
  static const struct { const char *name; size_t member; } fields[] = {
    { "Rss: %" G_GINT64_MODIFIER "u kB", offsetof (MfMemorySum, resident) },
    { "Swap: %" G_GINT64_MODIFIER "u kB", offsetof (MfMemorySum, swapped) },
    { "Private_Clean: %" G_GINT64_MODIFIER "u kB", offsetof (MfMemorySum, own) },
    { "Private_Dirty: %" G_GINT64_MODIFIER "u kB", offsetof (MfMemorySum, own) },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (fields); i++) {
    uint64_t kib;
    if (sscanf (line, fields[i].name, &kib) == 1)
      *(uint64_t *) (void *) ((char *) sum + fields[i].member) += kib * 1024;
  }
}

static void
read_mappings (MfMemoryMap *map, char *text)
{
  for (char *line = text, *end; line && *line; line = end) {
    MfMapping mapping;
    end = strchr (line, '\n');
    if (end)
      *end++ = '\0';
    if (mf_mapping_parse (line, &mapping))
      add_mapping (map, &mapping);
    else if (map->mappings->len)
      add_field (&g_array_index (map->mappings, MfMemoryMapping, map->mappings->len - 1).sum, line);
  }
}

// ---- pages

static uint8_t
flags_of (uint64_t entry)
{
  return (uint8_t) ((entry >> 63 & 1 ? PRESENT | (entry >> 56 & 1 ? OWN : 0) : 0) | (entry >> 62 & 1 ? SWAPPED : 0));
}

static bool
is_worth_reading (const MfMemoryMap *map, const MfMemoryMapping *mapping)
{
  uint64_t n = mapping->sum.size / map->page_size, there = (mapping->sum.resident + mapping->sum.swapped) / map->page_size;
  return (n <= FEW_PAGES || n / SPARSE <= there) && n <= MOST_PAGES - map->pages->len;
}

static uint64_t
count_pages (const uint8_t *pages, uint64_t n, uint8_t mask, uint8_t flags)
{
  uint64_t count = 0;
  for (uint64_t i = 0; i < n; i++)
    count += (pages[i] & mask) == flags;
  return count;
}

// What is read before it is written is the page of zeros that all processes have: it is present, and not counted as resident. It
// looks like one that is shared with a process that was forked. False = there are both, and it is not known which is which.
static bool
leave_out_zeros (uint8_t *pages, uint64_t n, uint64_t resident)
{
  uint64_t present = count_pages (pages, n, PRESENT, PRESENT), shared = count_pages (pages, n, PRESENT | OWN, PRESENT);
  if (present <= resident || !shared)
    return true;
  for (uint64_t i = 0; i < n; i++)
    if ((pages[i] & (PRESENT | OWN)) == PRESENT)
      pages[i] = 0;
  return shared <= present - resident;
}

static bool
read_pages (MfMemoryMap *map, MfMemoryMapping *mapping, int pagemap)
{
  uint64_t entries[AT_ONCE], first = mapping->from / map->page_size, n = (mapping->to - mapping->from) / map->page_size;
  guint at = map->pages->len;
  if (!is_worth_reading (map, mapping))
    return false;
  g_byte_array_set_size (map->pages, at + (guint) n);
  for (uint64_t done = 0; done < n;) {
    size_t now = MIN (n - done, AT_ONCE);
    if (pread (pagemap, entries, now * 8, (off_t) ((first + done) * 8)) != (ssize_t) (now * 8))
      return false;
    for (size_t i = 0; i < now; i++)
      map->pages->data[at + done + i] = flags_of (entries[i]);
    done += now;
  }
  if (!leave_out_zeros (map->pages->data + at, n, mapping->sum.resident / map->page_size))
    return false;
  mapping->page = at;
  return true;
}

static bool
is_read_by_pages (const MfMemoryMapping *mapping)
{
  return (mapping->kind == MF_MAPPED_NOTHING || mapping->kind == MF_MAPPED_BREAK)
      && mapping->sum.resident + mapping->sum.swapped > 0;
}

static void
read_all_pages (const MfProcess *process, MfMemoryMap *map)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/pagemap", mf_process_id (process));
  int pagemap = open (path, O_RDONLY | O_CLOEXEC);
  map->by_pages = true;
  for (guint i = 0; i < map->mappings->len; i++) {
    MfMemoryMapping *mapping = &g_array_index (map->mappings, MfMemoryMapping, i);
    if (is_read_by_pages (mapping) && (pagemap < 0 || !read_pages (map, mapping, pagemap)))
      map->by_pages = false;
  }
  if (pagemap >= 0)
    close (pagemap);
}

static int
by_address (const void *a, const void *b)
{
  uint64_t x = ((const MfMemoryMapping *) a)->from, y = ((const MfMemoryMapping *) b)->from;
  return (x > y) - (x < y);
}

// To the addresses that the program in an emulator knows; what is the emulator's own is put behind all of them.
static void
move_to_program (MfMemoryMap *map, MfEmulation place)
{
  static const uint64_t behind = UINT64_C (1) << 63;
  for (guint i = 0; place.size && i < map->mappings->len; i++) {
    MfMemoryMapping *mapping = &g_array_index (map->mappings, MfMemoryMapping, i);
    bool within = mapping->from >= place.base && mapping->from - place.base < place.size;
    mapping->from += within ? -place.base : behind;
    mapping->to += within ? -place.base : behind;
  }
  g_array_sort (map->mappings, by_address);
}

bool
mf_memory_map_read (const MfProcess *process, MfMemoryMap *map, GError **error)
{
  *map = (MfMemoryMap) { .mappings = g_array_new (FALSE, FALSE, sizeof (MfMemoryMapping)), .pages = g_byte_array_new (),
    .page_size = (uint64_t) sysconf (_SC_PAGESIZE) };
  g_autofree char *text = mf_process_file (process, "smaps");
  if (text && mf_process_rss (process, &map->resident)) {
    read_mappings (map, text);
    read_all_pages (process, map);
    move_to_program (map, mf_process_emulation (process));
  }
  if (map->mappings->len)
    return true;
  mf_memory_map_clear (map);
  g_set_error (error, MF_PROCESS_ERROR, MF_PROCESS_ERROR_UNREADABLE,
      "cannot tell which memory of process %d is resident: /proc/%d/smaps says nothing", mf_process_id (process),
      mf_process_id (process));
  return false;
}

void
mf_memory_map_clear (MfMemoryMap *map)
{
  g_clear_pointer (&map->mappings, g_array_unref);
  g_clear_pointer (&map->pages, g_byte_array_unref);
}

// ---- parts of it

MfMemoryMapping *
mf_memory_map_at (const MfMemoryMap *map, uint64_t address)
{
  guint low = 0, high = map->mappings->len;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    if (g_array_index (map->mappings, MfMemoryMapping, middle).to <= address)
      low = middle + 1;
    else
      high = middle;
  }
  return low < map->mappings->len ? &g_array_index (map->mappings, MfMemoryMapping, low) : NULL;
}

static uint8_t
page_at (const MfMemoryMap *map, const MfMemoryMapping *mapping, uint64_t address)
{
  return map->pages->data[mapping->page + (address - mapping->from) / map->page_size];
}

bool
mf_memory_map_was_used (const MfMemoryMap *map, const MfMemoryMapping *mapping, uint64_t address)
{
  return mapping->page == UINT64_MAX || page_at (map, mapping, address) & (PRESENT | SWAPPED);
}

static void
add_pages (const MfMemoryMap *map, const MfMemoryMapping *mapping, uint64_t from, uint64_t to, MfMemorySum *sum)
{
  for (uint64_t end; from < to; from = end) {
    uint8_t page = page_at (map, mapping, from);
    end = MIN (to, (from / map->page_size + 1) * map->page_size);
    sum->resident += page & PRESENT ? end - from : 0;
    sum->own += page & OWN ? end - from : 0;
    sum->swapped += page & SWAPPED ? end - from : 0;
  }
}

static void
add_share (const MfMemoryMapping *mapping, uint64_t bytes, MfMemorySum *sum)
{
  double share = (double) bytes / (double) mapping->sum.size;
  sum->resident += (uint64_t) (share * (double) mapping->sum.resident);
  sum->own += (uint64_t) (share * (double) mapping->sum.own);
  sum->swapped += (uint64_t) (share * (double) mapping->sum.swapped);
}

static void
add (MfMemorySum *to, const MfMemorySum *sum)
{
  to->size += sum->size;
  to->resident += sum->resident;
  to->own += sum->own;
  to->swapped += sum->swapped;
}

void
mf_memory_map_take (MfMemoryMap *map, uint64_t from, uint64_t size, MfMemorySum *sum)
{
  uint64_t to = size > UINT64_MAX - from ? UINT64_MAX : from + size;
  for (MfMemoryMapping *mapping; from < to && (mapping = mf_memory_map_at (map, from)) && mapping->from < to;) {
    uint64_t begin = MAX (from, mapping->from), end = MIN (to, mapping->to);
    MfMemorySum part = { .size = end - begin };
    if (mapping->page != UINT64_MAX)
      add_pages (map, mapping, begin, end, &part);
    else
      add_share (mapping, end - begin, &part);
    add (&mapping->taken, &part);
    add (sum, &part);
    from = end;
  }
}

static uint64_t
rest (uint64_t all, uint64_t taken)
{
  return all > taken ? all - taken : 0;
}

void
mf_memory_map_take_rest (MfMemoryMapping *mapping, MfMemorySum *sum)
{
  const MfMemorySum *all = &mapping->sum, *taken = &mapping->taken;
  const MfMemorySum left = { rest (all->size, taken->size), rest (all->resident, taken->resident),
    rest (all->swapped, taken->swapped), rest (all->own, taken->own) };
  add (sum, &left);
  mapping->taken = mapping->sum;
}
