// SPDX-License-Identifier: Apache-2.0
// The rooms of memflow-record that know no rings: names, what is held, greetings, files.
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "greeting.h"
#include "held.h"
#include "interner.h"
#include "outlet.h"
#include "sha256.h"

// ---- names

static void
test_names_are_found_again (void)
{
  g_autofree void *memory = g_malloc (MF_INTERNER_LEAST);
  MfInterner *names = mf_interner_init (memory, MF_INTERNER_LEAST);
  MfString f = mf_interner_string (names, "f", 1), g = mf_interner_string (names, "g", 1);
  MfStack outer = mf_interner_stack (names, (MfStack) { 0 }, (MfFrame) { f, g, 7, 0 });
  MfStack inner = mf_interner_stack (names, outer, (MfFrame) { g, g, 8, 0 });
  MfFrame frame;
  MfStack caller;
  size_t n;

  g_assert_cmpuint (f.id, !=, g.id);
  g_assert_cmpuint (mf_interner_string (names, "f", 1).id, ==, f.id);
  g_assert_cmpuint (mf_interner_stack (names, outer, (MfFrame) { g, g, 8, 0 }).id, ==, inner.id);
  g_assert_true (mf_interner_frame (names, inner, &frame, &caller));
  g_assert_cmpuint (caller.id, ==, outer.id);
  g_assert_cmpuint (frame.line, ==, 8);
  g_assert_cmpmem (mf_interner_text (names, g, &n), 1, "g", 1);
  g_assert_null (mf_interner_text (names, (MfString) { 99 }, &n));
  g_assert_false (mf_interner_frame (names, (MfStack) { 0 }, &frame, &caller));
}

static void
check_kept (const MfInterner *names, const MfStack *kept, uint32_t n)
{
  char text[64];
  for (uint32_t i = 0; i < n; i++) {
    MfFrame frame;
    MfStack caller;
    size_t length;
    g_assert_true (mf_interner_frame (names, kept[i], &frame, &caller));
    const char *name = mf_interner_text (names, frame.function, &length);
    int expected = snprintf (text, sizeof text, "function %u of a long name", frame.line);
    g_assert_cmpmem (name, length, text, (size_t) expected);
  }
}

// Fills the tables, keeps some stacks, and sees that exactly these are left, with their names.
static void
test_collected_names (void)
{
  g_autofree void *memory = g_malloc (MF_INTERNER_LEAST);
  MfInterner *names = mf_interner_init (memory, MF_INTERNER_LEAST);
  MfStack kept[4], stack = { 0 };
  char text[64];
  uint32_t n = 0;
  for (int i = 0;; i++) {
    int length = snprintf (text, sizeof text, "function %d of a long name", i);
    MfString name = mf_interner_string (names, text, (size_t) length);
    stack = name.id ? mf_interner_stack (names, (MfStack) { i % 3 ? stack.id : 0 }, (MfFrame) { name, name, (uint32_t) i, 0 })
                    : (MfStack) { 0 };
    if (!stack.id)
      break;
    if (i % 20 == 0 && n < 4)
      kept[n++] = stack;
  }
  g_assert_cmpuint (n, ==, 4);
  for (uint32_t i = 0; i < n; i++)
    mf_interner_keep_stack (names, kept[i]);
  g_assert_true (mf_interner_sweep (names));
  check_kept (names, kept, n);
  for (int i = 0; i < 50; i++) {
    int length = snprintf (text, sizeof text, "another %d", i);
    g_assert_cmpuint (mf_interner_string (names, text, (size_t) length).id, !=, 0);
  }
  check_kept (names, kept, n);
}

static void
test_touched_stacks_stay (void)
{
  g_autofree void *memory = g_malloc (MF_INTERNER_LEAST);
  MfInterner *names = mf_interner_init (memory, MF_INTERNER_LEAST);
  MfStack outer = mf_interner_stack (names, (MfStack) { 0 }, (MfFrame) { .line = 1 });
  MfStack inner = mf_interner_stack (names, outer, (MfFrame) { .line = 2 });
  MfStack other = mf_interner_stack (names, outer, (MfFrame) { .line = 3 });
  mf_interner_touch (names, inner);
  mf_interner_keep_touched (names);
  g_assert_true (mf_interner_is_kept (names, inner) && mf_interner_is_kept (names, outer));
  g_assert_false (mf_interner_is_kept (names, other));
  mf_interner_sweep (names);
  mf_interner_keep_touched (names);  // once is not for ever
  g_assert_false (mf_interner_is_kept (names, inner));
}

// ---- what is held, against tables without a limit

typedef struct { uint64_t size; uint32_t stack; } Block;
typedef struct { uint64_t live, at_peak, calls; } Site;
typedef struct { GHashTable *blocks; Site sites[16]; uint64_t live, most; } Truth;

static void
truth_change (Truth *truth, uint32_t stack, uint64_t size, int sign)
{
  truth->sites[stack].live += sign > 0 ? size : 0 - size;
  truth->live += sign > 0 ? size : 0 - size;
  if (truth->live <= truth->most)
    return;
  truth->most = truth->live;
  for (int i = 0; i < 16; i++)
    truth->sites[i].at_peak = truth->sites[i].live;
}

static void
truth_take (Truth *truth, const MfAlloc *event)
{
  uint64_t old = event->op == MF_OP_FREE ? event->address.at : event->op == MF_OP_REALLOC ? event->old_address.at : 0;
  Block *block = old ? g_hash_table_lookup (truth->blocks, GSIZE_TO_POINTER (old)) : NULL;
  if (block) {
    truth_change (truth, block->stack, block->size, -1);
    g_hash_table_remove (truth->blocks, GSIZE_TO_POINTER (old));
  }
  if (event->op == MF_OP_FREE)
    return;
  block = g_new (Block, 1);
  *block = (Block) { event->size.bytes, event->stack.id };
  truth->sites[event->stack.id].calls++;
  g_hash_table_insert (truth->blocks, GSIZE_TO_POINTER (event->address.at), block);
  truth_change (truth, block->stack, block->size, 1);
}

typedef struct { const Truth *truth; uint32_t sites, totals; uint64_t untracked, live_blocks, unknown; } Told;

static bool
compare_site (void *user, const MfAllocSite *row)
{
  Told *told = user;
  const Site *site = &told->truth->sites[row->stack.id];
  told->sites++;
  g_assert_cmpuint (row->calls, ==, site->calls);
  g_assert_cmpuint (row->live.bytes, ==, site->live);
  g_assert_cmpuint (row->at_peak.bytes, ==, site->at_peak);
  return true;
}

static bool
compare_total (void *user, const MfAllocTotal *row)
{
  Told *told = user;
  told->totals++;
  told->untracked = row->untracked;
  g_assert_cmpuint (row->live.bytes, ==, told->truth->live);
  g_assert_cmpuint (row->peak.bytes, ==, told->truth->most);
  g_assert_cmpuint (row->live_blocks, ==, g_hash_table_size (told->truth->blocks));
  return true;
}

static MfAlloc
random_event (GRand *random, Truth *truth)
{
  enum { ADDRESSES = 400 };
  MfAlloc event = { .time.ns = 1, .process = 7, .stack.id = (uint32_t) g_rand_int_range (random, 1, 16),
    .size.bytes = (uint64_t) g_rand_int_range (random, 0, 1000), .old_address = MF_ADDRESS_NONE, .domain = MF_DOMAIN_OBJ };
  event.address.at = 16 * (uint64_t) g_rand_int_range (random, 1, ADDRESSES);
  bool live = g_hash_table_contains (truth->blocks, GSIZE_TO_POINTER (event.address.at));
  event.op = live ? MF_OP_FREE : MF_OP_ALLOC;
  if (live && g_rand_int (random) % 4 == 0) {
    event.op = MF_OP_REALLOC;
    event.old_address = event.address;
  }
  return event;
}

static void
test_held (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  g_autoptr (GHashTable) blocks = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  g_autofree void *memory = g_malloc (64 * 1024);
  Truth truth = { .blocks = blocks };
  MfHeld *held = mf_held_init (memory, 64 * 1024);
  for (int i = 0; i < 20000; i++) {
    MfAlloc event = random_event (random, &truth);
    mf_held_take (held, &event);
    truth_take (&truth, &event);
    if (i % 1000)
      continue;
    Told told = { .truth = &truth };
    g_assert_true (mf_held_publish (held, (MfTime) { i }, &(MfHeldSink) { &told, compare_site, compare_total }));
    g_assert_cmpuint (told.totals, ==, 1);
    g_assert_cmpuint (told.untracked, ==, 0);
  }
  mf_held_forget (held, 7);
  uint32_t process;
  g_assert_cmpuint (mf_held_processes (held, &process, 1), ==, 0);
}

static bool
add_site (void *user, const MfAllocSite *row)
{
  Told *told = user;
  told->sites++;
  told->live_blocks += row->live_blocks;
  return true;
}

static bool
add_total (void *user, const MfAllocTotal *row)
{
  Told *told = user;
  g_assert_cmpuint (row->live_blocks, ==, told->live_blocks);
  told->untracked = row->untracked;
  told->unknown = row->unknown_frees;
  g_assert_cmpuint (row->sites, ==, told->sites);
  return true;
}

// More blocks and more sites than there is room for: each call is in one figure.
static void
test_held_in_too_little_memory (void)
{
  enum { CALLS = 5000 };
  g_autofree void *memory = g_malloc (MF_HELD_LEAST);
  MfHeld *held = mf_held_init (memory, MF_HELD_LEAST);
  mf_held_set_others (held, (MfStack) { 1 });
  MfAlloc event = { .process = 7, .op = MF_OP_ALLOC, .old_address = MF_ADDRESS_NONE, .size.bytes = 10 };
  for (uint32_t i = 1; i <= CALLS; i++) {
    event.address.at = i * 32;
    event.stack.id = 1 + i % 300;
    mf_held_take (held, &event);
  }
  Told told = { 0 };
  mf_held_publish (held, (MfTime) { 0 }, &(MfHeldSink) { &told, add_site, add_total });
  g_assert_cmpuint (told.untracked, >, 0);
  g_assert_cmpuint (told.live_blocks + told.untracked, ==, CALLS);
  event.op = MF_OP_FREE;
  for (uint32_t i = 1; i <= CALLS; i++) {
    event.address.at = i * 32;
    mf_held_take (held, &event);
  }
  uint64_t untracked = told.untracked;
  told = (Told) { 0 };
  mf_held_publish (held, (MfTime) { 0 }, &(MfHeldSink) { &told, add_site, add_total });
  g_assert_cmpuint (told.live_blocks, ==, 0);
  g_assert_cmpuint (told.unknown, ==, untracked);
}

// ---- greetings

// FIPS 180-4 examples and RFC 4231, test cases 2 and 6.
static void
test_digests (void)
{
  static const struct { const char *text, *digest; } known[] = {
    { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (known); i++) {
    uint8_t digest[MF_SHA256_BYTES];
    char text[2 * MF_SHA256_BYTES + 1];
    MfSha256 sha;
    mf_sha256_init (&sha);
    mf_sha256_add (&sha, known[i].text, strlen (known[i].text));
    mf_sha256_end (&sha, digest);
    for (int k = 0; k < MF_SHA256_BYTES; k++)
      sprintf (text + 2 * k, "%02x", digest[k]);
    g_assert_cmpstr (text, ==, known[i].digest);
  }
}

static void
test_hmac (void)
{
  static const char *const question = "what do ya want for nothing?", *const larger
      = "Test Using Larger Than Block-Size Key - Hash Key First";
  static const uint8_t first[] = { 0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e }, second[] = { 0x60, 0xe4, 0x31, 0x59,
    0x1e, 0xe0, 0xb6, 0x7f };
  uint8_t digest[MF_SHA256_BYTES], key[131];
  mf_hmac_sha256 ("Jefe", 4, question, strlen (question), digest);
  g_assert_cmpmem (digest, sizeof first, first, sizeof first);
  memset (key, 0xaa, sizeof key);
  mf_hmac_sha256 (key, sizeof key, larger, strlen (larger), digest);
  g_assert_cmpmem (digest, sizeof second, second, sizeof second);
}

static void
test_greetings (void)
{
  const MfSecret ours = { "a secret", 8 }, theirs = { "another", 7 };
  MfHello hello = { .wants_proof = 1 }, heard;
  MfClaim claim = { .oldest = 5, .end = 9 }, claimed;
  MfAnswer answer = { MF_ANSWER_WELCOME, 7 }, answered;
  uint8_t said[MF_GREETING_MOST];
  bool proven;
  g_assert_true (mf_nonce (hello.nonce) && mf_nonce (claim.nonce) && mf_nonce (claim.recording));

  mf_hello_store (&hello, said);
  g_assert_true (mf_hello_load (&heard, said));
  g_assert_cmpmem (&heard, sizeof heard, &hello, sizeof hello);

  mf_claim_store (&claim, &hello, &ours, said);
  g_assert_true (mf_claim_load (&claimed, &hello, &ours, said, &proven) && proven);
  g_assert_cmpmem (&claimed, sizeof claimed, &claim, sizeof claim);
  g_assert_true (mf_claim_load (&claimed, &hello, &theirs, said, &proven) && !proven);
  hello.nonce[0] ^= 1;  // heard before, by another receiver
  g_assert_true (mf_claim_load (&claimed, &hello, &ours, said, &proven) && !proven);

  mf_answer_store (&answer, &hello, &claim, &ours, said);
  g_assert_true (mf_answer_load (&answered, &hello, &claim, &ours, said, &proven) && proven);
  g_assert_cmpuint (answered.has, ==, 7);
  claim.end++;
  g_assert_true (mf_answer_load (&answered, &hello, &claim, &ours, said, &proven) && !proven);
}

static void
test_starts (void)
{
  static const struct { uint64_t has; MfStart start; bool good; } starts[] = {
    { 0, { 0, 0 }, true }, { 0, { 100, 32 }, true }, { 0, { 100, 0 }, false }, { 0, { 0, 32 }, false },
    { 0, { 100, 5000 }, false }, { 70, { 70, 0 }, true }, { 70, { 71, 0 }, false }, { 70, { 70, 32 }, false },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (starts); i++) {
    uint8_t said[MF_START_BYTES];
    MfStart start;
    mf_start_store (&starts[i].start, said);
    g_assert_cmpint (mf_start_load (&start, &(MfAnswer) { MF_ANSWER_WELCOME, starts[i].has }, said), ==, starts[i].good);
  }
}

// ---- files

// A disk that is full when a capture begins, and then is not.
static void
test_header_that_comes_late (void)
{
  static const uint8_t header[32] = "header", head[4] = "head", body[4] = "body";
  g_autofree char *folder = g_dir_make_tmp ("memflow-XXXXXX", NULL), *path = g_build_filename (folder, "x.mfc", NULL);
  g_autofree char *text = NULL;
  gsize n;
  struct rlimit limit, full;
  MfFileOutlet file;

  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  full = (struct rlimit) { 0, limit.rlim_max };
  g_assert_true (mf_file_outlet_open (&file, path));
  setrlimit (RLIMIT_FSIZE, &full);
  g_assert_false (file.outlet.kind->put (&file.outlet, header, sizeof header, NULL, 0));
  setrlimit (RLIMIT_FSIZE, &limit);
  file.retry = 0;
  g_assert_true (file.outlet.kind->put (&file.outlet, head, sizeof head, body, sizeof body));
  file.outlet.kind->close (&file.outlet);
  g_assert_true (g_file_get_contents (path, &text, &n, NULL));
  g_assert_cmpmem (text, n, "header\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0headbody", 40);
  g_unlink (path);
  g_rmdir (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/recorder/names-are-found-again", test_names_are_found_again);
  g_test_add_func ("/recorder/collected-names", test_collected_names);
  g_test_add_func ("/recorder/touched-stacks-stay", test_touched_stacks_stay);
  g_test_add_func ("/recorder/held", test_held);
  g_test_add_func ("/recorder/held-in-too-little-memory", test_held_in_too_little_memory);
  g_test_add_func ("/recorder/digests", test_digests);
  g_test_add_func ("/recorder/hmac", test_hmac);
  g_test_add_func ("/recorder/greetings", test_greetings);
  g_test_add_func ("/recorder/starts", test_starts);
  g_test_add_func ("/recorder/header-that-comes-late", test_header_that_comes_late);
  return g_test_run ();
}
