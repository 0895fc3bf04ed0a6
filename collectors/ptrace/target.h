// SPDX-License-Identifier: Apache-2.0
// One process that the collector looks at: its Python, its stacks, its heaps.
#pragma once

#include "ptrace.h"
#include "python-stacks.h"
#include "thread-clocks.h"

typedef struct {
  Ptrace *ptrace;
  uint32_t pid;
  bool child;               // followed from its parent, not asked for
  MfProcess *process;
  bool readable;            // its memory is
  bool runs_on;             // it was said that it cannot be stopped
  MfPythonRuntime runtime;
  MfThreadClocks *clocks;   // of its threads
  MfStackCounts counts;     // of the stack readers before
  MfStackReader *stacks;    // NULL = there is no Python in it, or it is not known
  MfRemoteTypes *types;     // of its objects
  int exit_fd, sizes_fd;
  int memory_fd;            // of the program that is executed; -1 = may not be opened
  uint64_t memory_at;       // an address in it
  bool program_left;        // it has gone
  MfString input;           // what its rows are about
  uint32_t epoch;           // programs that the process has run, seen from the first one
  uint64_t birth, program, samples;
  int64_t program_ns;       // when the program is asked for next, without memory_fd
  int64_t left_ns;          // when it was seen first that there is another one; 0 = that is done
  uint64_t pss;
  int64_t pss_ns, longest_stop_ns;
  int64_t search_ns, pause_ns;  // when a Python is looked for again, and the pause after that
  char *no_python;          // why there is none, as it was said
  int64_t heap_ns;          // when the heap is walked next
  uint32_t moments;         // at which it was
  int32_t signal, first_thread;  // of a core: that ended it, and the thread that got it
} MfTarget;

// NULL = it cannot be watched; for the process that was asked for, the stage has failed. Free with mf_target_free.
MfTarget *mf_target_new (Ptrace *ptrace, uint32_t pid, bool child);
// The process of a core file.
MfTarget *mf_target_new_core (Ptrace *ptrace, const char *path, const char *root);
void mf_target_free (MfTarget *target);

// One look at its heaps, when that is due, then at its threads and its memory. False = the run is to stop.
bool mf_target_look (MfTarget *target);
bool mf_target_take_heaps (MfTarget *target, int64_t now_ns);
// The only look at one of a core file. False = the run is to stop, or nothing of it can be read.
bool mf_target_look_at_core (MfTarget *target);

// Parts of a look: what is not there is told once; NULL = a row without a thread. False = the run is to stop.
void mf_target_look_for_python (MfTarget *target, int64_t now_ns);
bool mf_target_publish (MfTarget *target, const MfThreadStack *thread, MfTime now, MfSize rss, MfSize pss);

// Whether what was read since the last look may be another program's.
bool mf_target_has_left_program (MfTarget *target);

bool mf_target_has_ended (const MfTarget *target);
void mf_target_tell_end (MfTarget *target, bool ended);
