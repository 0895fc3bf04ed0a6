// SPDX-License-Identifier: Apache-2.0
// What the files of the agent share. The agent lives inside the studied program: libc only, no heap of its own,
// bounded memory, no output.
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "clock.h"
#include "old-libc.h"
#include "ring.h"
#include "native-unwind.h"

#define MF_LIKELY(x) __builtin_expect (!!(x), 1)
#define MF_UNLIKELY(x) __builtin_expect (!!(x), 0)
#define MF_COLD __attribute__ ((cold, noinline))  // leaves the way of each event short
#define MF_HOT __attribute__ ((always_inline)) inline

// ---- the process (agent.c)

typedef struct {
  MfRingRegion *region;   // NULL = this process is not recorded
  uint32_t n_slots, ring_size;
  uint32_t options;       // MF_RING_PAUSED changes while the program runs
  uint32_t stack_mask;    // of slots of stacks
  int32_t process, parent;
  bool forked;
  bool foreign;           // the reader knows its processes by other numbers: all events are counted as lost
  uint64_t began;         // when this program did in this process
  uint64_t start_up;      // ns
  uint64_t sampling;      // mean bytes between points; 0 = each call is recorded
  uint32_t own;           // bytes of its static memory
  uint16_t file_length;
  char file[MF_FILE_MOST];
  uint64_t patience;
  uint32_t version;       // of Python, 0 = none
  pthread_key_t at_exit;  // its destructor closes the ring of a thread
  bool has_key;
  _Atomic uint32_t recording;          // number of this recording, when memflow attaches again and again; 0 = from the start
  const _Atomic uint32_t *life;        // of the reader, when it has attached; otherwise NULL
} MfAgent;
extern MfAgent mf_agent;

MfRingRegion *mf_agent_map (int fd);       // NULL = it is no region
// Takes over what a region says. The agent records once `region` is set.
bool mf_agent_set (const MfRingRegion *region, int32_t process);

// ---- the stack of a thread (walk.c)

// A frame as it was at the last event: where it lies, what tells that it has not moved on, and the hash of it and all
// that is below it.
typedef struct { const uint8_t *frame; uintptr_t code; uint64_t at, hash; } MfSeenFrame;
enum { MF_MOST_FRAMES = 1 << 16, MF_FRAME_PLACES = 256 };

typedef struct {
  uint32_t n;                              // index of the innermost frame of the last event; 0 = none
  uint16_t places[MF_FRAME_PLACES];        // by address: index of a frame
  MfSeenFrame frames[MF_MOST_FRAMES];      // from the outermost one at 1; code 0 = no function, an entry from C
} MfWalk;

// Brings `walk` up to date from a thread state; every frame is compared. Returns the innermost frame, whose hash is
// that of the whole stack; 0 = no function is running.
const MfSeenFrame *mf_walk (MfWalk *walk, const uint8_t *state);
// Nothing is known any more: code objects have gone, or what was seen could not be told.
void mf_walk_forget (MfWalk *walk);
enum { MF_HASH_CUT = 1 };                  // hash of frames[0] when outer frames were left out; otherwise 0

// ---- the thread (stream.c)

typedef struct { uintptr_t type; uint32_t generation; } MfToldType;
typedef struct { uintptr_t start, size, bias; } MfToldModule;
enum { MF_MOST_NATIVE = 256 };

// What a thread knows to be defined in its ring. Mapped when it gets the ring; pages that are not used cost nothing.
typedef struct {
  uint32_t epoch;                          // of the code objects: see mf_code_epoch
  uint64_t nodes[MF_STACK_SLOTS];          // stack slot -> hash of the stack; 0 = not taken
  uintptr_t codes[MF_CODE_SLOTS];          // code slot -> code object
  MfToldType types[MF_TYPE_SLOTS];         // type slot -> type
  MfToldModule modules[MF_MODULE_SLOTS];   // module slot -> module
  uint32_t modules_epoch;                  // of these and of the rows: see mf_modules_epoch
  MfUnwindRows rows;
  uintptr_t native[MF_MOST_NATIVE];        // of the walk at hand, innermost first
  uint64_t native_hashes[MF_MOST_NATIVE];
  MfWalk walk;
} MfDefined;

typedef struct {
  _Alignas (64) bool inside;  // the thread is in an allocator already, or in the agent
  bool gave_up;               // waited in vain: do not wait again before there is room
  uint8_t closings;           // rounds of destructors
  uint32_t era;               // upper half of the time that the ring knows
  uint64_t head, limit;       // written up to; may be written up to without asking anybody
  uint8_t *bytes, *origin;    // of the ring; moved so that origin + head is where to write
  uint64_t events;
  MfRing *ring;               // NULL = none yet
  MfDefined *defined;
  uint64_t tail;              // as last seen
  uint64_t dropped, told;     // told: of the dropped ones, by records
  int64_t left;               // sampling: requested bytes up to the next point; below 0 = it was reached
  uint64_t random;            // state; 0 = no distance has been drawn yet
  uintptr_t inner;            // block that the domain RAW returned below the call that is going on
  uint32_t recording;         // that its ring belongs to: see MfAgent
  bool is_listed;             // in attach.c
  _Atomic uint32_t busy;      // calls of allocators that are going on, if memflow has attached
} MfThread;
extern __thread MfThread mf_thread __attribute__ ((tls_model ("initial-exec")));

static inline uint64_t
mf_now (void)
{
  return MF_LIKELY (mf_agent.options & MF_RING_TSC) ? mf_clock_counter () : mf_clock_ns ();
}

// Room for n bytes behind `head`, not yet published. NULL = none: the caller records nothing. All that a thread has to
// look at now and then (is there a ring, does anybody read, what was dropped, has the lap ended) is looked at when the
// limit is reached; this waits as long as the region allows.
MF_COLD void *mf_stream_make_room (MfThread *thread, uint32_t n);

static inline void *mf_stream_at (const MfThread *thread) { return thread->origin + thread->head; }
static inline void mf_stream_add (MfThread *thread, uint32_t n) { thread->head += n; }

static inline bool
mf_stream_has_room (const MfThread *thread, uint32_t n)
{
  return thread->limit - thread->head >= n;
}

static inline void *
mf_stream_room (MfThread *thread, uint32_t n)
{
  return mf_stream_has_room (thread, n) ? mf_stream_at (thread) : mf_stream_make_room (thread, n);
}

static inline void
mf_stream_publish (const MfThread *thread)
{
  atomic_store_explicit (&thread->ring->head, thread->head, memory_order_release);
}

MF_COLD void mf_stream_drop (MfThread *thread);  // an event that found no room
bool mf_stream_is_foreign (void);
void mf_stream_start (void);
void mf_stream_after_fork (void);
// The record of this program, as MF_RECORD_PROGRAM; published with what comes next.
void mf_stream_introduce (MfThread *thread);
void mf_stream_close (void *unused);
void mf_stream_renew (MfThread *thread);  // what it had belonged to an earlier recording
bool mf_stream_reader_died (void);

// ---- events (events.c)
void mf_record_alloc (unsigned domain, uintptr_t address, uint64_t size);
void mf_record_free (unsigned domain, uintptr_t address);
void mf_record_realloc (unsigned domain, uintptr_t old, uintptr_t address, uint64_t size);
void mf_record_typed_free (uintptr_t address, uint32_t type);
void mf_record_unmap (unsigned domain, uintptr_t address, uint64_t size);
void mf_record_remap (unsigned domain, uintptr_t old, uint64_t old_size, uintptr_t address, uint64_t size);
// ---- one event in 1,024 is timed (cost.c)
void mf_cost_start (void);
MF_COLD void mf_cost_alloc (unsigned domain, uintptr_t address, uint64_t size);
MF_COLD void mf_cost_free (unsigned domain, uintptr_t address);
MF_COLD uint32_t mf_cost_type (uintptr_t block, uint32_t (*read_type) (MfThread *thread, uintptr_t block));
MF_COLD void mf_cost_realloc (unsigned domain, uintptr_t old, uintptr_t address, uint64_t size);

static inline bool
mf_cost_is_due (void)
{
  return MF_UNLIKELY (mf_thread.events % MF_TIMED_EACH == 0);
}

static inline void
mf_tell_alloc (unsigned domain, uintptr_t address, uint64_t size)
{
  if (mf_cost_is_due ())
    mf_cost_alloc (domain, address, size);
  else
    mf_record_alloc (domain, address, size);
}

static inline void
mf_tell_free (unsigned domain, uintptr_t address)
{
  if (mf_cost_is_due ())
    mf_cost_free (domain, address);
  else
    mf_record_free (domain, address);
}

static inline void
mf_tell_realloc (unsigned domain, uintptr_t old, uintptr_t address, uint64_t size)
{
  if (mf_cost_is_due ())
    mf_cost_realloc (domain, old, address, size);
  else
    mf_record_realloc (domain, old, address, size);
}

bool mf_record_mark (MfThread *thread, unsigned kind, const char *name, uint32_t n);

// ---- memory of the kernel (maps.c)
void *mf_own_map (size_t size);   // zeroed pages for the agent itself; NULL = none
void mf_own_unmap (void *pages, size_t size);
void mf_maps_after_fork (void);

// ---- Python (python.c): its functions, found by name; NULL = not there

enum { MF_RAW, MF_MEM, MF_OBJ, MF_N_PYTHON_DOMAINS, MF_MALLOC = MF_N_PYTHON_DOMAINS, MF_MAP, MF_BREAK };

typedef struct {  // PyMemAllocatorEx
  void *context;
  void *(*malloc) (void *context, size_t size);
  void *(*calloc) (void *context, size_t n, size_t size);
  void *(*realloc) (void *context, void *block, size_t size);
  void (*free) (void *context, void *block);
} MfAllocator;

typedef struct {
  unsigned domain;
  bool watched;     // sampling: each of its frees is looked at
  MfAllocator real;
} MfDomain;

bool mf_python_find (void);       // is this a Python?
bool mf_python_is_running (void);
void mf_python_get (int domain, MfAllocator *allocator);
void mf_python_set (int domain, MfAllocator *allocator);
MfAllocator mf_python_hooked (MfDomain *domain);  // as the options say
void mf_python_hook (void);
void mf_python_watch (void);      // what the hooks do not see
void mf_python_hook_domain (int domain);
bool mf_python_is_own (const void *function);  // does it belong to the interpreter?
void mf_python_hook_again (void); // until the interpreter is initialized: it resets allocators while it starts
extern bool mf_python_watching;

// ---- a program that was running already (attach.c)
void mf_attach_hook_again (int domain);  // a domain is to be hooked in another way
void mf_attach_after_fork (void);
// Around the end of a thread. False: the recording that it was in has ended, and its ring may be gone. A thread that memflow did not
// attach to is in none that ends before it.
bool mf_attach_enter (MfThread *thread);
void mf_attach_leave (MfThread *thread);

// ---- sampling (sample.c)
bool mf_sample_start (void);
void mf_sample_after_fork (void);
bool mf_sample_takes (MfThread *thread, uint64_t size);  // whether the next point lies in this request
void mf_sample_record (unsigned domain, uintptr_t address, uint64_t size);  // of a request that was taken
void mf_sample_alloc (unsigned domain, uintptr_t address, uint64_t size);
void mf_sample_free (uintptr_t address);
void mf_sample_realloc (unsigned domain, uintptr_t old, uintptr_t address, uint64_t size, bool taken);

// ---- Python's allocators, sampled (python-sample.c): those of the domains by number, wrapped into `hooked`
// Domains that are looked at only until the frames of the interpreter are verified (python-probe.c).
void mf_python_probe (MfDomain *domain, MfAllocator *hooked);
bool mf_python_is_probed (const MfAllocator *allocator);
void mf_python_unhook (const MfDomain *domain);
void mf_python_sample (MfDomain *domain, MfAllocator *hooked);
MfDomain *mf_python_sampled (const MfAllocator *hooked);  // whose it is; NULL = it is none of them
void mf_python_watch_code (void *(*find) (const char *name));
void mf_python_unwatch_code (void);

// ---- types of objects (types.c)
void mf_types_start (void *(*find) (const char *name));
void mf_types_free (uintptr_t block);  // records the free of a block of the domain OBJ

// ---- stacks (frames.c, stacks.c, code.c)

// The thread state to walk from, or NULL. Domain RAW and MALLOC may be called without the interpreter's lock.
const uint8_t *mf_python_thread_state (unsigned domain);
extern const uint8_t *(*mf_python_state) (void), *(*mf_python_own_state) (void);
void mf_frames_start (void *(*find) (const char *name));
uint32_t mf_frames_verdict (void);  // MF_STACKS_*
bool mf_frames_are_settled (void);  // verified, or never to be
bool mf_safe_load (uintptr_t address, void *to, size_t n);  // false = there is nothing to read
// Stack slot of the thread's Python stack now; its definition has been written. MF_NO_STACK = there
// is none, MF_NO_SLOT = it could not be defined.
__attribute__ ((noinline)) uint32_t mf_stack_slot (MfThread *thread, unsigned domain);

// By its hash: the slot that a stack has, MF_NO_SLOT = none; the one that it gets.
static inline uint32_t
mf_stack_home (uint64_t hash)
{
  return (uint32_t) (hash >> 32) & mf_agent.stack_mask;
}

static inline uint32_t
mf_stack_known_slot (const uint64_t *nodes, uint64_t hash)
{
  uint32_t slot = mf_stack_home (hash);
  if (MF_LIKELY (nodes[slot] == hash))
    return slot;
  return nodes[slot ^ 1] == hash ? slot ^ 1 : MF_NO_SLOT;
}

static inline uint32_t
mf_stack_new_slot (const uint64_t *nodes, uint64_t hash)
{
  uint32_t slot = mf_stack_home (hash);
  return nodes[slot] && !nodes[slot ^ 1] ? slot ^ 1 : slot;
}

// ---- native frames (native.c)
void mf_native_start (void);
// Slot of the stack with the native frames above Python's, which has slot `python` (MF_NO_STACK = none) and that hash.
MF_COLD uint32_t mf_native_slot (MfThread *thread, uint32_t python, uint64_t hash);
// A module that is unloaded makes what is known of modules stale.
extern _Atomic uint32_t mf_modules_epoch;

// A code object that is freed makes the slots of all threads stale.
extern _Atomic uint32_t mf_code_epoch;
void mf_code_freed (uintptr_t address);
// Code slot, defined in the ring if it was not. MF_NO_SLOT = no room.
uint32_t mf_code_slot (MfThread *thread, uintptr_t code);
int32_t mf_code_instruction (const MfSeenFrame *frame);

// Of each object, in words: reference count, type; then the size (of a str, its length), then a hash.
enum { TYPE_AT = sizeof (void *), SIZE_AT = 2 * sizeof (void *), STATE_AT = 4 * sizeof (void *), BYTES_AT = STATE_AT };

typedef struct {
  uint16_t version;
  int16_t top, current;             // thread state -> frame, or -> cframe -> frame (current >= 0)
  int16_t previous, code, at, owner, globals;  // of a frame; owner < 0 = none
  int16_t file, name, first_line, table, bytecode;  // of a code object; bytecode < 0: `at` is an offset
  uint8_t at_size, unit;            // bytes of `at`; bytes of its unit where it is an offset
  uint8_t ascii, compact;           // where the characters of a str begin
} MfLayout;
// FRAME_OWNED_BY_CSTACK and, since 3.14, _INTERPRETER: no Python function. And the low bits of the pointer to a code
// object, of 3.14: they tell who counts the reference.
enum { MF_OWNED_BY_C = 3, MF_CODE_TAGS = 3 };
extern const MfLayout *const mf_layout;
extern uintptr_t mf_code_type;  // PyCode_Type

// Chooses the layout of an interpreter (layouts.c): `text` is what Py_GetVersion says, `runtime` its _PyRuntime, both may be
// NULL. MF_STACKS_ON, or why its frames are not to be read; `force` asks to try with a version that is not known.
uint32_t mf_layout_choose (MfLayout *layout, const char *text, const uint8_t *runtime, bool force);
