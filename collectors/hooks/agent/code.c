// SPDX-License-Identifier: Apache-2.0
// Code objects: told once to each ring that needs them, with their line tables; forgotten when they are freed.
#include "agent.h"

enum { KNOWN = 1 << 14, MOST_KNOWN = KNOWN / 2, FREED = 1, NAME_MOST = 1024, FILE_MOST = 4096 };

_Atomic uint32_t mf_code_epoch;
static _Atomic uintptr_t known[KNOWN];  // addresses of code objects that some ring has a slot of, or FREED
static _Atomic uint32_t n_known;        // places taken, those of freed ones included
// The pages in which they lie, by a hash: most frees need to look no further, and this little stays in the cache.
enum { PAGE_BITS = 13, WORD = 64 };
static _Atomic uint64_t pages[(1 << PAGE_BITS) / WORD];

static uint32_t
place_of (uintptr_t code)
{
  return (uint32_t) ((code >> 4) * UINT64_C (0x9e3779b97f4a7c15) >> 50);
}

static inline uint32_t
page_of (uintptr_t code)
{
  return (uint32_t) ((code >> 12) * UINT64_C (0x9e3779b97f4a7c15) >> (64 - PAGE_BITS));
}

static inline bool
may_be_known (uintptr_t address)
{
  uint32_t page = page_of (address);
  return atomic_load_explicit (&pages[page / WORD], memory_order_relaxed) >> page % WORD & 1;
}

// Called for each block that is freed. The address may next be that of any block, so it is not known any more.
void
mf_code_freed (uintptr_t address)
{
  if (MF_LIKELY (!may_be_known (address)))
    return;
  uint32_t place = place_of (address);
  for (uintptr_t at; (at = atomic_load_explicit (&known[place], memory_order_relaxed)); place = (place + 1) % KNOWN)
    if (at == address) {
      atomic_store_explicit (&known[place], FREED, memory_order_relaxed);
      atomic_fetch_add (&mf_code_epoch, 1);
      return;
    }
}

static void
know (uintptr_t code)
{
  if (atomic_load (&n_known) >= MOST_KNOWN) {
    for (uint32_t i = 0; i < KNOWN; i++)
      atomic_store_explicit (&known[i], 0, memory_order_relaxed);
    for (uint32_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
      atomic_store_explicit (&pages[i], 0, memory_order_relaxed);
    atomic_store (&n_known, 0);
    atomic_fetch_add (&mf_code_epoch, 1);
  }
  uint32_t page = page_of (code);
  atomic_fetch_or (&pages[page / WORD], UINT64_C (1) << page % WORD);
  for (uint32_t place = place_of (code);; place = (place + 1) % KNOWN) {
    uintptr_t nobody = 0;
    if (atomic_compare_exchange_strong (&known[place], &nobody, code)) {
      atomic_fetch_add (&n_known, 1);
      return;
    }
    if (nobody == code)
      return;
  }
}

// ---- reading objects of the interpreter: words, but for the state of a str

static uintptr_t
pointer_at (uintptr_t object, int offset)
{
  return *(const uintptr_t *) (object + (uintptr_t) offset);
}

typedef struct { const uint8_t *characters; size_t n; unsigned width; } Text;

// A str: CPython Include/cpython/unicodeobject.h, PyASCIIObject. Only compact ones are read, as names are.
static Text
text_of (uintptr_t str, size_t most)
{
  Text text = { NULL, 0, 1 };
  if (!str)
    return text;
  uint32_t state = *(const uint32_t *) (str + STATE_AT);
  bool compact = state >> 5 & 1, ascii = state >> 6 & 1;
  if (!compact)
    return text;
  text.width = state >> 2 & 7;
  text.n = *(const size_t *) (str + SIZE_AT);
  text.n = text.n < most ? text.n : most;
  text.characters = (const uint8_t *) str + (ascii ? mf_layout->ascii : mf_layout->compact);
  return text;
}

static uint32_t
character (const Text *text, size_t i)
{
  if (text->width == 1)
    return text->characters[i];
  return text->width == 2 ? ((const uint16_t *) text->characters)[i] : ((const uint32_t *) text->characters)[i];
}

// Lengths of the UTF-8 form by the highest character; lone surrogates become '?'.
static size_t
put_utf8 (uint8_t *to, uint32_t c)
{
  static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
  if (c >= 0xd800 && c < 0xe000)
    c = '?';
  size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  if (to && n == 1)
    to[0] = (uint8_t) c;
  for (size_t i = n; to && n > 1 && i-- > 0; c >>= 6)
    to[i] = (uint8_t) (i ? 0x80 | (c & 0x3f) : lead[n] | c);
  return n;
}

static size_t
put_text (uint8_t *to, const Text *text)
{
  size_t n = 0;
  for (size_t i = 0; i < text->n; i++)
    n += put_utf8 (to ? to + n : NULL, character (text, i));
  return n;
}

// Bytes of the UTF-8 form, which are taken from those that are left. A text that does not fit loses its end.
static size_t
fit_text (Text *text, size_t *left)
{
  size_t n = put_text (NULL, text);
  if (n > *left) {
    text->n = *left / 4;  // a character has at most four bytes
    n = put_text (NULL, text);
  }
  *left -= n;
  return n;
}

// ---- telling the ring

static uint32_t
rounded (size_t n)
{
  return (uint32_t) ((n + 7) & ~(size_t) 7);
}

// Since 3.13 a frame may run what is no code object (Include/internal/pycore_frame.h, f_executable).
static bool
define_foreign (MfThread *thread, uint32_t slot)
{
  static const char name[] = "[not Python code]";
  uint32_t whole = rounded (sizeof (MfCodeRecord) + sizeof name - 1);
  MfCodeRecord *record = mf_stream_room (thread, whole);
  if (!record)
    return false;
  *record = (MfCodeRecord) { .head = { .kind = MF_RECORD_CODE, .value = whole }, .slot = slot,
    .version = mf_layout->version, .no_lines = 1, .name_length = sizeof name - 1 };
  memcpy (record + 1, name, sizeof name - 1);
  mf_stream_add (thread, whole);
  atomic_store_explicit (&thread->ring->head, thread->head, memory_order_release);
  return true;
}

static bool
define (MfThread *thread, uint32_t slot, uintptr_t code)
{
  if (!code || pointer_at (code, TYPE_AT) != mf_code_type)
    return define_foreign (thread, slot);
  Text name = text_of (pointer_at (code, mf_layout->name), NAME_MOST);
  Text file = text_of (pointer_at (code, mf_layout->file), FILE_MOST);
  uintptr_t table = pointer_at (code, mf_layout->table);
  size_t most = mf_ring_longest (mf_agent.ring_size) - sizeof (MfCodeRecord);
  size_t n_name = fit_text (&name, &most), n_file = fit_text (&file, &most);
  size_t n_table = table ? *(const size_t *) (table + SIZE_AT) : 0;
  bool fits = table && n_table <= most;
  if (!fits)
    n_table = 0;
  uint32_t whole = rounded (sizeof (MfCodeRecord) + n_name + n_file + n_table);
  MfCodeRecord *record = mf_stream_room (thread, whole);
  if (!record)
    return false;
  *record = (MfCodeRecord) { .head = { .kind = MF_RECORD_CODE, .value = whole }, .slot = slot,
    .first_line = *(const uint32_t *) (code + (uintptr_t) mf_layout->first_line), .version = mf_layout->version,
    .no_lines = !fits,
    .name_length = (uint16_t) n_name, .file_length = (uint16_t) n_file, .table_length = (uint32_t) n_table };
  uint8_t *to = (uint8_t *) (record + 1);
  to += put_text (to, &name);
  to += put_text (to, &file);
  memcpy (to, (const void *) (table + BYTES_AT), n_table);
  mf_stream_add (thread, whole);
  atomic_store_explicit (&thread->ring->head, thread->head, memory_order_release);
  return true;
}

uint32_t
mf_code_slot (MfThread *thread, uintptr_t code)
{
  uint32_t slot = place_of (code) % MF_CODE_SLOTS;
  uintptr_t *codes = thread->defined->codes;
  if (codes[slot] == code)
    return slot;
  know (code);
  if (!define (thread, slot, code))
    return MF_NO_SLOT;
  codes[slot] = code;
  return slot;
}

int32_t
mf_code_instruction (const MfSeenFrame *frame)
{
  const MfLayout *layout = mf_layout;
  if (layout->bytecode < 0)
    return (int32_t) frame->at * layout->unit;
  return (int32_t) (frame->at - frame->code - (uint64_t) layout->bytecode);
}
