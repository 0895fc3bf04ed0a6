// SPDX-License-Identifier: Apache-2.0
// Reads no more of an executable than its header and the name of its loader; the file may hold anything.
#include "agent-file.h"

#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_SEGMENTS = 64, LOADER_MOST = 256, MOST_SCRIPTS = 4 };

// ---- ELF files

// Numbers of either size and byte order, from a header that has been read.
typedef struct { const uint8_t *bytes; bool wide, swapped; } Header;

static uint64_t
number (const Header *header, size_t at, size_t n)
{
  uint64_t value = 0;
  for (size_t i = 0; i < n; i++)
    value |= (uint64_t) header->bytes[at + (header->swapped ? n - 1 - i : i)] << 8 * i;
  return value;
}

#define FIELD(header, Type, member) \
  ((header)->wide ? number (header, offsetof (Elf64_##Type, member), sizeof ((Elf64_##Type *) 0)->member) \
                  : number (header, offsetof (Elf32_##Type, member), sizeof ((Elf32_##Type *) 0)->member))

static MfLibc
libc_of_loader (const char *path)
{
  return strstr (path, "ld-musl") ? MF_LIBC_MUSL : strstr (path, "/ld") ? MF_LIBC_GNU : MF_LIBC_UNKNOWN;
}

static void
read_loader (int fd, const Header *segment, MfElfKind *kind)
{
  char path[LOADER_MOST] = "";
  size_t n = FIELD (segment, Phdr, p_filesz) < sizeof path ? FIELD (segment, Phdr, p_filesz) : sizeof path - 1;
  if (pread (fd, path, n, (off_t) FIELD (segment, Phdr, p_offset)) > 0)
    kind->libc = libc_of_loader (path);
}

static void
read_segments (int fd, const Header *file, MfElfKind *kind)
{
  uint8_t bytes[sizeof (Elf64_Phdr)];
  size_t size = file->wide ? sizeof (Elf64_Phdr) : sizeof (Elf32_Phdr), n = FIELD (file, Ehdr, e_phnum);
  uint64_t at = FIELD (file, Ehdr, e_phoff);
  bool has_loader = false;
  for (size_t i = 0; i < n && i < MOST_SEGMENTS && !has_loader; i++, at += size) {
    Header segment = { bytes, file->wide, file->swapped };
    if (pread (fd, bytes, size, (off_t) at) != (ssize_t) size)
      break;
    has_loader = FIELD (&segment, Phdr, p_type) == PT_INTERP;
    if (has_loader)
      read_loader (fd, &segment, kind);
  }
  kind->is_static = FIELD (file, Ehdr, e_type) == ET_EXEC && !has_loader;
}

const char *
mf_elf_kind (int fd, MfElfKind *kind)
{
  uint8_t bytes[sizeof (Elf64_Ehdr)] = { 0 };
  *kind = (MfElfKind) { 0 };
  if (pread (fd, bytes, sizeof bytes, 0) < (ssize_t) sizeof (Elf32_Ehdr) || memcmp (bytes, ELFMAG, SELFMAG))
    return "it is not an ELF file";
  uint8_t class = bytes[EI_CLASS], order = bytes[EI_DATA];
  if ((class != ELFCLASS32 && class != ELFCLASS64) || (order != ELFDATA2LSB && order != ELFDATA2MSB))
    return "it is an ELF file of an unknown kind";
  Header file = { bytes, class == ELFCLASS64, order == ELFDATA2MSB };
  kind->bits = class == ELFCLASS64 ? 64 : 32;
  kind->big_endian = file.swapped;
  kind->machine = (uint16_t) FIELD (&file, Ehdr, e_machine);
  kind->soft_float = kind->machine == EM_ARM && FIELD (&file, Ehdr, e_flags) & EF_ARM_ABI_FLOAT_SOFT;
  read_segments (fd, &file, kind);
  return NULL;
}

static const struct { uint16_t machine; uint8_t bits; bool big_endian, soft_float; const char *gnu, *musl; } triplets[] = {
  { EM_X86_64, 64, false, false, "x86_64-linux-gnu", "x86_64-linux-musl" },
  { EM_386, 32, false, false, "i386-linux-gnu", "i386-linux-musl" },
  { EM_AARCH64, 64, false, false, "aarch64-linux-gnu", "aarch64-linux-musl" },
  { EM_ARM, 32, false, false, "arm-linux-gnueabihf", "arm-linux-musleabihf" },
  { EM_ARM, 32, false, true, "arm-linux-gnueabi", "arm-linux-musleabi" },
  { EM_RISCV, 64, false, false, "riscv64-linux-gnu", "riscv64-linux-musl" },
  { EM_PPC64, 64, false, false, "powerpc64le-linux-gnu", "powerpc64le-linux-musl" },
  { EM_S390, 64, true, false, "s390x-linux-gnu", "s390x-linux-musl" },
};

const char *
mf_elf_triplet (const MfElfKind *kind)
{
  for (size_t i = 0; i < sizeof triplets / sizeof triplets[0]; i++)
    if (triplets[i].machine == kind->machine && triplets[i].bits == kind->bits
        && triplets[i].big_endian == kind->big_endian && triplets[i].soft_float == kind->soft_float)
      return kind->libc == MF_LIBC_MUSL ? triplets[i].musl : triplets[i].gnu;
  return NULL;
}

// ---- finding the program

static int
open_program (const char *path)
{
  struct stat about;
  int fd = access (path, X_OK) ? -1 : open (path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0 && (fstat (fd, &about) || !S_ISREG (about.st_mode))) {
    close (fd);
    return -1;
  }
  return fd;
}

static int
open_in_path (const char *name)
{
  const char *folders = getenv ("PATH");
  char path[4096];
  if (strchr (name, '/'))
    return open_program (name);
  for (const char *folder = folders ? folders : "/bin:/usr/bin"; folder; folder = strchr (folder, ':')) {
    folder += *folder == ':';
    int n = snprintf (path, sizeof path, "%.*s/%s", (int) strcspn (folder, ":"), folder, name);
    int fd = n < (int) sizeof path ? open_program (*path == '/' ? path : name) : -1;
    if (fd >= 0)
      return fd;
  }
  return -1;
}

// The interpreter that the first line of a script names. False = it names none.
static bool
script_interpreter (int fd, char *path, size_t size)
{
  ssize_t n = pread (fd, path, size - 1, 0);
  path[n > 0 ? n : 0] = 0;
  if (strncmp (path, "#!", 2))
    return false;
  const char *name = path + 2 + strspn (path + 2, " \t");
  size_t length = strcspn (name, " \t\n");
  memmove (path, name, length);
  path[length] = 0;
  return length > 0;
}

static bool
kind_of_program (const char *program, MfElfKind *kind)
{
  char interpreter[LOADER_MOST];
  int fd = open_in_path (program);
  for (int i = 0; fd >= 0 && i < MOST_SCRIPTS && script_interpreter (fd, interpreter, sizeof interpreter); i++) {
    close (fd);
    fd = open_program (interpreter);
  }
  bool is_known = fd >= 0 && !mf_elf_kind (fd, kind);
  if (fd >= 0)
    close (fd);
  return is_known;
}

// ---- finding the agent

static bool
kind_of_file (const char *path, MfElfKind *kind)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  bool is_known = fd >= 0 && !mf_elf_kind (fd, kind);
  if (fd >= 0)
    close (fd);
  return is_known;
}

static bool
is_x86 (uint16_t machine)
{
  return machine == EM_X86_64 || machine == EM_386;
}

bool
mf_agent_file_named (MfAgentFile *agent, const char *path)
{
  MfElfKind own = { 0 }, its = { 0 };
  size_t n = strlen (path);
  if (n >= sizeof agent->path)
    return false;
  memmove (agent->path, path, n + 1);
  bool are_known = kind_of_file ("/proc/self/exe", &own) && kind_of_file (agent->path, &its);
  agent->same_counter = are_known && (own.machine == its.machine || (is_x86 (own.machine) && is_x86 (its.machine)));
  agent->is_there = access (agent->path, R_OK) == 0;
  return true;
}

// Whether the agent without a triplet, which was built with this program, is for that kind, too.
static bool
is_own_kind (const MfElfKind *kind)
{
  MfElfKind own;
  if (!kind_of_file ("/proc/self/exe", &own))
    return true;
  const char *triplet = mf_elf_triplet (kind);
  if (own.is_static || own.libc == MF_LIBC_UNKNOWN || kind->libc == MF_LIBC_UNKNOWN)
    own.libc = kind->libc;
  return triplet && triplet == mf_elf_triplet (&own);
}

static bool
agent_in (MfAgentFile *agent, const char *folder, const char *triplet)
{
  char path[sizeof agent->path];
  int n = snprintf (path, sizeof path, "%s/%s%slibmemflow-agent.so", folder, triplet ? triplet : "", triplet ? "/" : "");
  return n > 0 && (size_t) n < sizeof path && mf_agent_file_named (agent, path);
}

bool
mf_agent_file (MfAgentFile *agent, const char *folder, const char *program)
{
  MfElfKind kind = { 0 };
  *agent = (MfAgentFile) { 0 };
  bool is_known = kind_of_program (program, &kind);
  agent->triplet = is_known ? mf_elf_triplet (&kind) : NULL;
  agent->is_static = is_known && kind.is_static;
  if (agent->triplet && !agent_in (agent, folder, agent->triplet))
    return false;
  if (agent->triplet && (agent->is_there || !is_own_kind (&kind)))
    return true;
  return agent_in (agent, folder, NULL);
}
