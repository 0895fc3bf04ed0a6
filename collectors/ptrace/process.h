// SPDX-License-Identifier: Apache-2.0
// Another process, seen from outside: its memory, mappings and threads, whatever they are read from (process-source.h).
// Nothing here stops it. One thread at a time.
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
  MF_PROCESS_ERROR_GONE,       // there is no such process, or it has ended
  MF_PROCESS_ERROR_FORBIDDEN,  // it may not be read by this user
  MF_PROCESS_ERROR_UNREADABLE  // /proc does not say what is needed
} MfProcessErrorCode;
#define MF_PROCESS_ERROR (mf_process_error_quark ())
GQuark mf_process_error_quark (void);

enum { MF_MAPPING_READ = 1, MF_MAPPING_WRITE = 2, MF_MAPPING_EXECUTE = 4, MF_MAPPING_SHARED = 8 };

typedef struct {
  uint64_t from, to, offset;  // addresses of the process; offset in the file
  uint64_t inode;             // 0 = no file
  uint32_t flags;             // MF_MAPPING_*
  char *path;                 // as the process sees it; "" = none, "[heap]" and the like for special ones
} MfMapping;

// A thread has a number here and, in a container, another one that it knows itself.
typedef struct {
  int32_t here, inside;
} MfThreadId;

// A stretch of the other memory and where it is copied to.
typedef struct {
  uint64_t at;
  void *to;
  size_t n;
} MfRemoteSpan;

typedef struct MfProcess MfProcess;

// NULL = not possible, the error says why and what would help. Free with mf_process_close.
MfProcess *mf_process_open (int32_t id, GError **error);
// Without its memory, which takes no rights: only what /proc tells everybody.
MfProcess *mf_process_watch (int32_t id, GError **error);
void mf_process_close (MfProcess *process);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MfProcess, mf_process_close)

int32_t mf_process_id (const MfProcess *process);
// Bytes of a pointer in it: 4 or 8, by the file that it runs.
unsigned mf_process_word (const MfProcess *process);
// False = it is a picture of one that was.
bool mf_process_is_live (const MfProcess *process);

// Where the memory of a program that an emulator runs lies in the process that /proc tells of: its address 0 is at `base`.
typedef struct {
  uint64_t base, size;  // size 0 = no emulator runs it
} MfEmulation;
MfEmulation mf_process_emulation (const MfProcess *process);

// ---- memory. False = not all of it can be read.
bool mf_process_read (const MfProcess *process, uint64_t at, void *to, size_t n);
// The same for long stretches: pages that the process never touched are not read, but taken for zeros. Reading them would make them
// resident.
bool mf_process_read_touched (const MfProcess *process, uint64_t at, void *to, size_t n);
// Several spans in one call of the system: as close to one instant as can be had without stopping the process.
bool mf_process_gather (const MfProcess *process, const MfRemoteSpan *spans, unsigned n);
// A number of `width` bytes (at most 8), extended by zeros; pointers have the word's width.
bool mf_process_number (const MfProcess *process, uint64_t at, unsigned width, uint64_t *number);
bool mf_process_pointer (const MfProcess *process, uint64_t at, uint64_t *pointer);

// ---- what is loaded, and what runs

// The mappings now, in order of address. The array is the process's and lives until the next call.
const GArray *mf_process_mappings (MfProcess *process, GError **error);
// A path that opens a mapped file from here, whatever root the process has; NULL = there is none any more.
char *mf_process_open_path (const MfProcess *process, const MfMapping *mapping);
// The path of the program as the process sees it, free with g_free; NULL = not known.
char *mf_process_program_path (const MfProcess *process);
// Native thread ids, ascending. Free with g_array_unref; empty = it has gone.
GArray *mf_process_threads (const MfProcess *process);
// The same with the numbers that the threads know themselves, of MfThreadId.
GArray *mf_process_thread_ids (const MfProcess *process);

// ---- what /proc says of a live one

// The contents of a file of /proc/PID; NULL = it cannot be read. Free with g_free.
char *mf_process_file (const MfProcess *process, const char *name);
// A mapping from a line of /proc/PID/maps or smaps. False = it is none. The path is the caller's, then.
bool mf_mapping_parse (const char *line, MfMapping *mapping);
// Bytes of the resident set; of the proportional one, which costs about 0.7 ms. False = not told.
bool mf_process_rss (const MfProcess *process, uint64_t *bytes);
// The resident set by a descriptor that is kept, which takes less time: of the process whatever it executes. -1 = not told.
int mf_process_open_sizes (const MfProcess *process);
bool mf_process_rss_of (int sizes, uint64_t *bytes);
// The memory of the program that is executed now, by a descriptor that stays with it: when the process executes another one, or ends,
// that memory has gone. -1 = may not be opened.
// `at` is an address for the question.
int mf_process_open_memory (MfProcess *process, uint64_t *at);
bool mf_process_memory_has_gone (int memory, uint64_t at);
bool mf_process_pss (const MfProcess *process, uint64_t *bytes);
// When it was started, in ticks since the boot: with the id it names a process for ever. 0 = it has gone.
uint64_t mf_process_birth (const MfProcess *process);
// What tells one program of the process from the next that it executes; 0 = not known.
uint64_t mf_process_program (const MfProcess *process);
