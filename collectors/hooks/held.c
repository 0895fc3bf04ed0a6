// SPDX-License-Identifier: Apache-2.0
// A table of live blocks and one of sites. Who held what at the peak is found without looking at all sites at each peak: a site
// remembers what it held when it changes for the first time after one.
#include "held.h"

#include "program.h"

enum { PROCESSES = 64, NOBODY = 0, KEPT_SITES = 16 };
#define ADDRESS_BITS 48
#define SIZE_BITS 40

// An address is that of a process: its index stands in the upper bits. 0 = an empty place.
typedef struct {
  uint64_t address;
  uint64_t size : SIZE_BITS, site : 64 - SIZE_BITS;
} Block;
_Static_assert (sizeof (Block) == 16, "many blocks in little memory");

typedef struct {
  uint32_t process, stack, domain, next;  // process: index + 1, 0 = free; next: of the same hash, or free
  uint64_t peak;                          // number of the peak that at_peak is of
  uint64_t live_blocks, peak_blocks, live, at_peak, calls, failed, allocated;
} Site;

typedef struct {
  uint32_t process, sites;                // process id, 0 = free
  uint64_t peak;                          // number of the last peak
  int64_t peak_time;
  uint64_t live_blocks, live, most, allocated, calls, frees, unknown_frees, untracked;
} Process;

struct MfHeld {
  Block *blocks;
  Site *sites;                            // sites[0] is not used
  uint32_t *chains;
  uint32_t n_places, n_blocks, n_sites, n_chains, free, n_free, snapshot;
  uint64_t homeless;
  MfStack others;
  Process processes[PROCESSES];
};

MfHeld *
mf_held_init (void *memory, size_t bytes)
{
  MfHeld *held = memset (memory, 0, bytes);
  size_t left = bytes - sizeof *held, places = left / 4 * 3 / sizeof (Block), sites;
  held->n_places = (uint32_t) (places < UINT32_MAX / 2 ? places : UINT32_MAX / 2);
  held->blocks = (Block *) (held + 1);
  held->sites = (Site *) (held->blocks + held->n_places);
  sites = left / 4 / (sizeof (Site) + sizeof (uint32_t));
  held->n_sites = (uint32_t) (sites < 1u << (64 - SIZE_BITS) ? sites : 1u << (64 - SIZE_BITS));
  held->n_chains = held->n_sites;
  held->chains = (uint32_t *) (held->sites + held->n_sites);
  for (uint32_t i = held->n_sites - 1; i > 0; i--) {
    held->sites[i].next = held->free;
    held->free = i;
    held->n_free++;
  }
  return held;
}

void
mf_held_set_others (MfHeld *held, MfStack others)
{
  held->others = others;
}

// ---- processes

static Process *
process_of (MfHeld *held, uint32_t process)
{
  Process *empty = NULL;
  for (uint32_t i = 0; i < PROCESSES; i++) {
    if (held->processes[i].process == process)
      return &held->processes[i];
    if (!held->processes[i].process && !empty)
      empty = &held->processes[i];
  }
  if (!empty || !process)
    return NULL;
  *empty = (Process) { .process = process, .peak = 1 };
  return empty;
}

static uint32_t
index_of (const MfHeld *held, const Process *process)
{
  return (uint32_t) (process - held->processes);
}

uint32_t
mf_held_processes (const MfHeld *held, uint32_t *processes, uint32_t most)
{
  uint32_t n = 0;
  for (uint32_t i = 0; i < PROCESSES && n < most; i++)
    if (held->processes[i].process)
      processes[n++] = held->processes[i].process;
  return n;
}

// ---- sites

static uint32_t
scaled (uint64_t key, uint32_t n)
{
  uint64_t hash = key * UINT64_C (0x9e3779b97f4a7c15);
  hash ^= hash >> 29;
  return (uint32_t) ((hash * UINT64_C (0xbf58476d1ce4e5b9) >> 32) * n >> 32);
}

static uint32_t *
chain_of (const MfHeld *held, uint32_t process, uint32_t stack, uint32_t domain)
{
  return &held->chains[scaled ((uint64_t) stack << 32 | process << 8 | domain, held->n_chains)];
}

// NOBODY = there is none, and no room for it.
static uint32_t
find_site (MfHeld *held, Process *process, uint32_t stack, uint32_t domain)
{
  uint32_t owner = index_of (held, process) + 1, *chain = chain_of (held, owner, stack, domain), i;
  for (i = *chain; i; i = held->sites[i].next)
    if (held->sites[i].stack == stack && held->sites[i].process == owner && held->sites[i].domain == domain)
      return i;
  i = held->free;
  if (!i || (held->n_free <= KEPT_SITES && stack != held->others.id))
    return NOBODY;
  held->free = held->sites[i].next;
  held->n_free--;
  held->sites[i] = (Site) { .process = owner, .stack = stack, .domain = domain, .next = *chain, .peak = process->peak };
  *chain = i;
  process->sites++;
  return i;
}

// The last sites are kept for those that find no room.
static uint32_t
site_of (MfHeld *held, Process *process, uint32_t stack, uint32_t domain)
{
  uint32_t site = find_site (held, process, stack, domain);
  return site ? site : find_site (held, process, held->others.id, domain);
}

// What it held at the last peak, before that changes.
static void
remember_peak (const Process *process, Site *site)
{
  if (site->peak == process->peak)
    return;
  site->at_peak = site->live;
  site->peak_blocks = site->live_blocks;
  site->peak = process->peak;
}

// ---- blocks

static uint64_t
key_of (const MfHeld *held, const Process *process, uint64_t address)
{
  return address | (uint64_t) (index_of (held, process) + 1) << ADDRESS_BITS;
}

static bool
is_usable (MfAddress address)
{
  return address.at && address.at >> ADDRESS_BITS == 0;
}

// Where the block stands, or the empty place where it would.
static uint32_t
place_of (const MfHeld *held, uint64_t key)
{
  uint32_t i = scaled (key, held->n_places);
  while (held->blocks[i].address && held->blocks[i].address != key)
    i = i + 1 == held->n_places ? 0 : i + 1;
  return i;
}

static uint32_t
distance (const MfHeld *held, uint32_t from, uint32_t to)
{
  return to >= from ? to - from : to + held->n_places - from;
}

// Closes the gap, so that every block is found on the way from where it belongs.
static void
remove_block (MfHeld *held, uint32_t gap)
{
  uint32_t i = gap;
  for (;;) {
    i = i + 1 == held->n_places ? 0 : i + 1;
    if (!held->blocks[i].address)
      break;
    uint32_t home = scaled (held->blocks[i].address, held->n_places);
    if (distance (held, home, i) >= distance (held, gap, i)) {
      held->blocks[gap] = held->blocks[i];
      gap = i;
    }
  }
  held->blocks[gap] = (Block) { 0 };
  held->n_blocks--;
}

static void
drop (MfHeld *held, Process *process, uint32_t place)
{
  const Block *block = &held->blocks[place];
  Site *site = &held->sites[block->site];
  remember_peak (process, site);
  site->live -= block->size;
  site->live_blocks--;
  process->live -= block->size;
  process->live_blocks--;
  remove_block (held, place);
}

static void
hold (MfHeld *held, Process *process, uint32_t index, uint64_t address, uint64_t size, int64_t time)
{
  uint64_t key = key_of (held, process, address);
  uint32_t place = place_of (held, key);
  if (held->blocks[place].address) {  // its free was lost
    drop (held, process, place);
    place = place_of (held, key);
  }
  if (!index || held->n_blocks >= held->n_places / 8 * 7 || size >> SIZE_BITS) {
    process->untracked++;
    return;
  }
  Site *site = &held->sites[index];
  remember_peak (process, site);
  held->blocks[place] = (Block) { .address = key, .size = size, .site = index };
  held->n_blocks++;
  site->live += size;
  site->live_blocks++;
  process->live += size;
  process->live_blocks++;
  if (process->live > process->most) {
    process->most = process->live;
    process->peak_time = time;
    process->peak++;
  }
}

// ---- events

static void
take_free (MfHeld *held, Process *process, MfAddress address)
{
  uint32_t place = is_usable (address) ? place_of (held, key_of (held, process, address.at)) : 0;
  process->frees++;
  if (is_usable (address) && held->blocks[place].address)
    drop (held, process, place);
  else
    process->unknown_frees++;
}

static void
take_request (MfHeld *held, Process *process, const MfAlloc *event)
{
  uint32_t index = site_of (held, process, event->stack.id, event->domain);
  Site *site = &held->sites[index];  // sites[0] takes what nobody asks for
  if (event->op == MF_OP_FAILED) {
    site->failed++;
    return;
  }
  uint64_t size = event->size.bytes == MF_SIZE_NONE.bytes ? 0 : event->size.bytes;
  site->calls++;
  site->allocated += size;
  process->calls++;
  process->allocated += size;
  if (event->op == MF_OP_REALLOC && is_usable (event->old_address)) {
    uint32_t place = place_of (held, key_of (held, process, event->old_address.at));
    if (held->blocks[place].address)
      drop (held, process, place);
  }
  if (is_usable (event->address))
    hold (held, process, index, event->address.at, size, event->time.ns);
  else
    process->untracked++;
}

void
mf_held_take (MfHeld *held, const MfAlloc *event)
{
  Process *process = process_of (held, event->process);
  if (!process) {
    held->homeless++;
    return;
  }
  if (event->op == MF_OP_FREE)
    take_free (held, process, event->address);
  else
    take_request (held, process, event);
}

// ---- telling

static bool
publish_site (const MfHeld *held, const Process *process, Site *site, MfTime now, const MfHeldSink *sink)
{
  remember_peak (process, site);
  const MfAllocSite row = { .time = now, .live_blocks = site->live_blocks, .peak_blocks = site->peak_blocks,
    .calls = site->calls, .failed = site->failed, .live = { site->live }, .at_peak = { site->at_peak },
    .allocated = { site->allocated }, .stack = { site->stack }, .process = process->process, .snapshot = held->snapshot,
    .domain = site->domain };
  return sink->site (sink->user, &row);
}

static bool
publish_process (MfHeld *held, const Process *process, MfTime now, const MfHeldSink *sink)
{
  uint32_t owner = index_of (held, process) + 1;
  for (uint32_t i = 1; i < held->n_sites; i++)
    if (held->sites[i].process == owner && !publish_site (held, process, &held->sites[i], now, sink))
      return false;
  const MfAllocTotal row = { .time = now, .peak_time = process->most ? (MfTime) { process->peak_time } : MF_TIME_NONE,
    .live_blocks = process->live_blocks, .calls = process->calls, .frees = process->frees,
    .unknown_frees = process->unknown_frees, .untracked = process->untracked, .live = { process->live },
    .peak = { process->most }, .allocated = { process->allocated }, .process = process->process,
    .snapshot = held->snapshot, .sites = process->sites };
  return sink->total (sink->user, &row);
}

bool
mf_held_publish (MfHeld *held, MfTime now, const MfHeldSink *sink)
{
  held->snapshot++;
  for (uint32_t i = 0; i < PROCESSES; i++)
    if (held->processes[i].process && !publish_process (held, &held->processes[i], now, sink))
      return false;
  return true;
}

uint64_t
mf_held_take_homeless (MfHeld *held)
{
  uint64_t n = held->homeless;
  held->homeless = 0;
  return n;
}

// ---- making room

static void
forget_blocks (MfHeld *held, uint32_t owner)
{
  for (uint32_t i = 0; i < held->n_places;)
    if (held->blocks[i].address >> ADDRESS_BITS == owner)
      remove_block (held, i);  // another one may stand there now
    else
      i++;
}

static void
forget_sites (MfHeld *held, uint32_t owner)
{
  for (uint32_t i = 0; i < held->n_chains; i++)
    for (uint32_t *link = &held->chains[i]; *link;) {
      Site *site = &held->sites[*link];
      if (site->process != owner) {
        link = &site->next;
        continue;
      }
      uint32_t index = *link;
      *link = site->next;
      *site = (Site) { .next = held->free };
      held->free = index;
      held->n_free++;
    }
}

void
mf_held_forget (MfHeld *held, uint32_t process)
{
  for (uint32_t i = 0; i < PROCESSES; i++)
    if (process && held->processes[i].process == process) {
      forget_blocks (held, i + 1);
      forget_sites (held, i + 1);
      held->processes[i] = (Process) { 0 };
    }
}

void
mf_held_forget_gone (MfHeld *held, const MfRingReader *reader)
{
  uint32_t processes[PROCESSES], n = mf_held_processes (held, processes, PROCESSES);
  for (uint32_t i = 0; i < n; i++)
    if (mf_program_is_gone ((int32_t) processes[i]) && !mf_ring_reader_has (reader, (int32_t) processes[i]))
      mf_held_forget (held, processes[i]);
}

void
mf_held_visit (const MfHeld *held, void *user, void (*stack) (void *user, MfStack stack))
{
  for (uint32_t i = 1; i < held->n_sites; i++)
    if (held->sites[i].process)
      stack (user, (MfStack) { held->sites[i].stack });
}
