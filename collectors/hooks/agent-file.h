// SPDX-License-Identifier: Apache-2.0
// Which agent a program needs: the one for the machine and the C library of its executable.
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef enum { MF_LIBC_UNKNOWN, MF_LIBC_GNU, MF_LIBC_MUSL } MfLibc;

// What an ELF file is for.
typedef struct {
  uint16_t machine;   // EM_*
  uint8_t bits;       // 32, 64
  bool big_endian, soft_float;
  bool is_static;     // an executable into which nothing can be preloaded
  MfLibc libc;        // by the name of its loader
} MfElfKind;

// Reads what the file in `fd` is for. It may hold anything. NULL, or why it cannot be told.
const char *mf_elf_kind (int fd, MfElfKind *kind);

// "armhf" and the like as Debian names it: arm-linux-gnueabihf. NULL = a machine without a name here.
const char *mf_elf_triplet (const MfElfKind *kind);

typedef struct {
  char path[4096];
  bool is_there;       // it can be read; otherwise errno says why not
  bool same_counter;   // its machine has the counter (clock.h) of this one
  bool is_static;      // the program is
  const char *triplet; // of the program, NULL = not known
} MfAgentFile;

// The agent for a program, which is looked up like the shell does; scripts count as their interpreters. It is
// FOLDER/TRIPLET/libmemflow-agent.so; for programs like this one, and for those that cannot be read, also
// FOLDER/libmemflow-agent.so. False = a path is too long.
bool mf_agent_file (MfAgentFile *agent, const char *folder, const char *program);

// The same for an agent that the user has named.
bool mf_agent_file_named (MfAgentFile *agent, const char *path);
