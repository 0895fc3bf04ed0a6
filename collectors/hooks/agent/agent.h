// SPDX-License-Identifier: Apache-2.0
// What the files of the agent share. The agent lives inside the studied program: libc only, no heap of its own,
// bounded memory, no output.
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "ring.h"

#define MF_LIKELY(x) __builtin_expect (!!(x), 1)
#define MF_UNLIKELY(x) __builtin_expect (!!(x), 0)

// ---- the process (agent.c)

typedef struct {
  MfRingRegion *region;   // NULL = this process is not recorded
  uint32_t n_slots, ring_size, options;
  int32_t process;
  uint64_t patience;
  uint32_t version;       // of Python, 0 = none
  pthread_key_t at_exit;  // its destructor closes the ring of a thread
} MfAgent;
extern MfAgent mf_agent;

// ---- the thread (stream.c)

typedef struct { uint64_t hash; uint32_t slot, check; } MfStackEntry;
typedef struct { uintptr_t code; uint64_t at; } MfFrameKey;
enum { MF_STACK_ENTRIES = 2048, MF_MOST_FRAMES = 1 << 16 };

// What a thread knows to be defined in its ring. Mapped when it gets the ring; pages that are not used cost nothing.
typedef struct {
  uint32_t epoch;                          // of the code objects: see mf_code_epoch
  MfStackEntry stacks[MF_STACK_ENTRIES];   // by the hash from the innermost frame
  uint64_t nodes[MF_STACK_SLOTS];          // stack slot -> hash from the outermost frame; 0 = not taken
  uintptr_t codes[MF_CODE_SLOTS];          // code slot -> code object
  MfFrameKey frames[MF_MOST_FRAMES];       // of the walk that is being defined
} MfDefined;

typedef struct {
  bool inside;            // the thread is in an allocator already, or in the agent
  bool gave_up;           // waited in vain: do not wait again before there is room
  uint8_t closings;       // rounds of destructors
  MfRing *ring;           // NULL = none yet
  uint8_t *bytes;
  uint64_t head, tail;    // tail: as last seen
  uint64_t events, dropped, told;  // told: of the dropped ones, by records
  MfDefined *defined;
} MfThread;
extern __thread MfThread mf_thread __attribute__ ((tls_model ("initial-exec")));

uint64_t mf_now (void);
// Room for n bytes behind `head`, not yet published. NULL = none: the caller records nothing. False policy is
// none of the caller's business: this waits as long as the region allows.
void *mf_stream_room (MfThread *thread, uint32_t n);
static inline void mf_stream_add (MfThread *thread, uint32_t n) { thread->head += n; }
void mf_stream_drop (MfThread *thread);
bool mf_stream_ready (MfThread *thread);
void mf_stream_start (void);
void mf_stream_after_fork (void);
void mf_stream_close (void *unused);

// ---- events (events.c)
void mf_record_alloc (unsigned domain, uintptr_t address, uint64_t size);
void mf_record_free (unsigned domain, uintptr_t address);
void mf_record_realloc (unsigned domain, uintptr_t old, uintptr_t address, uint64_t size);

// ---- Python (python.c): its functions, found by name; NULL = not there

enum { MF_RAW, MF_MEM, MF_OBJ, MF_N_PYTHON_DOMAINS, MF_MALLOC = MF_N_PYTHON_DOMAINS };

bool mf_python_find (void);       // is this a Python?
void mf_python_hook (void);
void mf_python_hook_again (void); // until the interpreter is initialized: it resets allocators while it starts
extern bool mf_python_watching;

// ---- stacks (frames.c, stacks.c, code.c)

// The thread state to walk from, or NULL. Domain RAW and MALLOC may be called without the interpreter's lock.
const uint8_t *mf_python_thread_state (unsigned domain);
extern const uint8_t *(*mf_python_state) (void), *(*mf_python_own_state) (void);
void mf_frames_start (void *(*find) (const char *name));
uint32_t mf_frames_verdict (void);  // MF_STACKS_*
// Stack slot of the thread's Python stack now; its definition has been written. MF_NO_SLOT = none.
uint32_t mf_stack_slot (MfThread *thread, unsigned domain);

// Walks from a thread state. Returns the number of frames and the hash of their keys; fills `frames`, innermost first,
// when it is not NULL (at most `most`).
uint32_t mf_frames_walk (const uint8_t *state, uint64_t *hash, MfFrameKey *frames, uint32_t most);

// A code object that is freed makes the slots of all threads stale.
extern _Atomic uint32_t mf_code_epoch;
void mf_code_freed (uintptr_t address);
// Code slot, defined in the ring if it was not. MF_NO_SLOT = no room.
uint32_t mf_code_slot (MfThread *thread, uintptr_t code);
int32_t mf_code_instruction (const MfFrameKey *frame);

typedef struct {
  uint16_t version;
  int16_t top, current;             // thread state -> frame, or -> cframe -> frame (current >= 0)
  int16_t previous, code, at, owner, globals;  // of a frame; owner < 0 = none
  int16_t file, name, first_line, table, bytecode;  // of a code object; bytecode < 0: `at` is an offset
  uint8_t at_size, unit;            // bytes of `at`; bytes of its unit where it is an offset
  uint8_t ascii, compact;           // where the characters of a str begin
} MfLayout;
extern const MfLayout *mf_layout;   // NULL = stacks are not walked
