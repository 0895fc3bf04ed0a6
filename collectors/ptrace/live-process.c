// SPDX-License-Identifier: Apache-2.0
// A live process as a source: process_vm_readv where the kernel has it, /proc/PID/mem elsewhere; the rest from the text
// files of /proc.
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "emulated-process.h"
#include "process-source.h"

typedef struct {
  int32_t id;
  int memory;          // descriptor of /proc/PID/mem, -1 = process_vm_readv is used
  bool numbers_apart;  // its threads know themselves by other numbers: it has a namespace of its own
} Live;

enum { MOST_SPANS = 256 };

// ---- files of /proc

static char *
file_of (int32_t id, const char *name)
{
  return g_strdup_printf ("/proc/%d/%s", id, name);
}

// The contents of a file whose size is not known beforehand; NULL = it cannot be read.
static char *
read_file (int32_t id, const char *name)
{
  g_autofree char *path = file_of (id, name);
  char *text = NULL;
  return g_file_get_contents (path, &text, NULL, NULL) ? text : NULL;
}

static bool
refuse (int32_t id, const char *name, int why, GError **error)
{
  if (why == ENOENT || why == ESRCH)
    g_set_error (error, MF_PROCESS_ERROR, MF_PROCESS_ERROR_GONE, "there is no process %d", id);
  else if (why == EACCES || why == EPERM)
    g_set_error (error, MF_PROCESS_ERROR, MF_PROCESS_ERROR_FORBIDDEN,
        "may not read /proc/%d/%s: that takes CAP_SYS_PTRACE, or the user of the process where kernel.yama.ptrace_scope is 0",
        id, name);
  else
    g_set_error (error, MF_PROCESS_ERROR, MF_PROCESS_ERROR_UNREADABLE, "cannot read /proc/%d/%s: %s", id, name,
        g_strerror (why));
  return false;
}

// ---- memory

static bool
gather_from_file (const Live *live, const MfRemoteSpan *spans, unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    if (pread (live->memory, spans[i].to, spans[i].n, (off_t) spans[i].at) != (ssize_t) spans[i].n)
      return false;
  return true;
}

static bool
live_gather (const void *source, const MfRemoteSpan *spans, unsigned n)
{
  const Live *live = source;
  struct iovec into[MOST_SPANS], from[MOST_SPANS];
  if (live->memory >= 0)
    return gather_from_file (live, spans, n);
  for (unsigned done = 0; done < n;) {
    unsigned now = MIN (n - done, MOST_SPANS);
    ssize_t wanted = 0;
    for (unsigned i = 0; i < now; i++) {
      into[i] = (struct iovec) { spans[done + i].to, spans[done + i].n };
      from[i] = (struct iovec) { (void *) (uintptr_t) spans[done + i].at, spans[done + i].n };
      wanted += (ssize_t) spans[done + i].n;
    }
    if (process_vm_readv (live->id, into, now, from, now, 0) != wanted)
      return false;
    done += now;
  }
  return true;
}

// ---- mappings

// "7f30-7f40 r-xp 00001000 08:01 1234   /usr/lib/libc.so.6"
bool
mf_mapping_parse (const char *line, MfMapping *mapping)
{
  char flags[5] = "";
  int path_at = 0;
  *mapping = (MfMapping) { 0 };
  if (sscanf (line, "%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x %4s %" G_GINT64_MODIFIER "x %*x:%*x %" G_GINT64_MODIFIER "u %n",
          &mapping->from, &mapping->to, flags, &mapping->offset, &mapping->inode, &path_at) < 5)
    return false;
  mapping->flags = (flags[0] == 'r' ? MF_MAPPING_READ : 0) | (flags[1] == 'w' ? MF_MAPPING_WRITE : 0)
      | (flags[2] == 'x' ? MF_MAPPING_EXECUTE : 0) | (flags[3] == 's' ? MF_MAPPING_SHARED : 0);
  mapping->path = g_strdup (path_at ? line + path_at : "");
  return mapping->from < mapping->to;
}

static bool
live_mappings (const void *source, GArray *mappings, GError **error)
{
  const Live *live = source;
  g_autofree char *text = read_file (live->id, "maps");
  int why = errno;
  if (!text)
    return refuse (live->id, "maps", why, error);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line; line++) {
    MfMapping mapping;
    if (mf_mapping_parse (*line, &mapping))
      g_array_append_val (mappings, mapping);
  }
  return true;
}

static bool
is_file_of (const char *path, const MfMapping *mapping)
{
  struct stat about;
  return stat (path, &about) == 0 && (uint64_t) about.st_ino == mapping->inode;
}

// A path of another mount namespace or root is seen through /proc/PID/root, one of ours as it is; a file that was replaced
// or deleted only through the mapping.
static char *
live_open_path (const void *source, const MfMapping *mapping)
{
  const Live *live = source;
  char *paths[] = {
    g_strdup_printf ("/proc/%d/root%s", live->id, mapping->path), g_strdup (mapping->path),
    g_strdup_printf ("/proc/%d/map_files/%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x", live->id, mapping->from, mapping->to),
    g_strdup_printf ("/proc/%d/exe", live->id),
  };
  char *found = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS (paths); i++) {
    if (!found && is_file_of (paths[i], mapping))
      found = g_steal_pointer (&paths[i]);
    g_free (paths[i]);
  }
  return found;
}

static char *
live_program_path (const void *source)
{
  g_autofree char *link = file_of (((const Live *) source)->id, "exe");
  return g_file_read_link (link, NULL);
}

// ---- threads

// What a thread is called in the innermost namespace of numbers that it is in: the last word of a line of its status.
static int32_t
innermost_id (int32_t process, int32_t thread)
{
  g_autofree char *name = g_strdup_printf ("task/%d/status", thread), *text = read_file (process, name);
  char *line = text ? strstr (text, "\nNSpid:") : NULL;
  if (!line)
    return thread;
  line[1 + strcspn (line + 1, "\n")] = '\0';
  return (int32_t) g_ascii_strtoll (strrchr (line, '\t') + 1, NULL, 10);
}

static void
live_threads (const void *source, GArray *threads)
{
  const Live *live = source;
  g_autofree char *path = file_of (live->id, "task");
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  for (const char *name; folder && (name = g_dir_read_name (folder));) {
    int32_t id = (int32_t) g_ascii_strtoll (name, NULL, 10);
    const MfThreadId thread = { id, live->numbers_apart ? innermost_id (live->id, id) : id };
    g_array_append_val (threads, thread);
  }
}

// ---- opening

static void
live_free (void *source)
{
  Live *live = source;
  if (live->memory >= 0)
    close (live->memory);
  g_free (live);
}

static const MfProcessSource live_source = { true, live_gather, live_mappings, live_threads, live_open_path, live_program_path, live_free };

static unsigned
word_of_program (int32_t id, GError **error)
{
  unsigned char start[EI_NIDENT] = { 0 };
  g_autofree char *path = file_of (id, "exe");
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  int why = errno;
  ssize_t n = fd < 0 ? -1 : read (fd, start, sizeof start);
  if (fd >= 0)
    close (fd);
  else
    refuse (id, "exe", why, error);
  if (fd >= 0 && (n != sizeof start || memcmp (start, ELFMAG, SELFMAG) != 0))
    refuse (id, "exe", ENOEXEC, error);
  return fd < 0 || n != sizeof start ? 0 : start[EI_CLASS] == ELFCLASS32 ? 4 : 8;
}

static bool
uses_mem_file (int32_t id, uint64_t at)
{
  char byte;
  struct iovec into = { &byte, 1 }, from = { (void *) (uintptr_t) at, 1 };
  return process_vm_readv (id, &into, 1, &from, 1, 0) < 0 && errno == ENOSYS;
}

static const MfMapping *
first_readable (const GArray *mappings)
{
  for (guint i = 0; i < mappings->len; i++)
    if (g_array_index (mappings, MfMapping, i).flags & MF_MAPPING_READ)
      return &g_array_index (mappings, MfMapping, i);
  return NULL;
}

// Proves that memory can be read, by whichever way the kernel has.
static bool
open_memory (MfProcess *process, Live *live, GError **error)
{
  const GArray *mappings = mf_process_mappings (process, error);
  if (!mappings)
    return false;
  const MfMapping *mapping = first_readable (mappings);
  if (!mapping)
    return refuse (live->id, "maps", ESRCH, error);
  if (uses_mem_file (live->id, mapping->from)) {
    g_autofree char *path = file_of (live->id, "mem");
    live->memory = open (path, O_RDONLY | O_CLOEXEC);
    if (live->memory < 0)
      return refuse (live->id, "mem", errno, error);
  }
  char byte;
  return mf_process_read (process, mapping->from, &byte, 1) || refuse (live->id, "mem", errno, error);
}

static MfProcess *
new_process (int32_t id, unsigned word, Live **live)
{
  *live = g_new0 (Live, 1);
  **live = (Live) { .id = id, .memory = -1, .numbers_apart = innermost_id (id, id) != id };
  return mf_process_new (&live_source, *live, id, word);
}

MfProcess *
mf_process_open (int32_t id, GError **error)
{
  Live *live;
  unsigned word = word_of_program (id, error);
  g_autoptr (MfProcess) process = word ? new_process (id, word, &live) : NULL;
  return process && open_memory (process, live, error) ? mf_process_emulated (g_steal_pointer (&process), error) : NULL;
}

MfProcess *
mf_process_watch (int32_t id, GError **error)
{
  Live *live;
  g_autoptr (MfProcess) process = new_process (id, 0, &live);
  if (mf_process_birth (process))
    return g_steal_pointer (&process);
  refuse (id, "stat", ESRCH, error);
  return NULL;
}

// ---- sizes and life. Of a picture of a process none is known: its number may be another process's by now.

char *
mf_process_file (const MfProcess *process, const char *name)
{
  return mf_process_is_live (process) ? read_file (mf_process_id (process), name) : NULL;
}

// "1234 567 ..." of /proc/PID/statm: the second number counts pages.
static bool
rss_in (const char *text, uint64_t *bytes)
{
  char *end = NULL;
  const char *number = text ? strchr (text, ' ') : NULL;
  *bytes = number ? strtoull (number, &end, 10) * (uint64_t) sysconf (_SC_PAGESIZE) : 0;
  return end && *end == ' ';
}

bool
mf_process_rss (const MfProcess *process, uint64_t *bytes)
{
  g_autofree char *text = mf_process_file (process, "statm");
  return rss_in (text, bytes);
}

int
mf_process_open_sizes (const MfProcess *process)
{
  g_autofree char *path = file_of (mf_process_id (process), "statm");
  return mf_process_is_live (process) ? open (path, O_RDONLY | O_CLOEXEC) : -1;
}

bool
mf_process_rss_of (int sizes, uint64_t *bytes)
{
  char text[128];
  ssize_t n = pread (sizes, text, sizeof text - 1, 0);
  text[MAX (n, 0)] = 0;
  return rss_in (text, bytes);
}

int
mf_process_open_memory (MfProcess *process, uint64_t *at)
{
  const GArray *mappings = mf_process_is_live (process) ? mf_process_mappings (process, NULL) : NULL;
  const MfMapping *mapping = mappings ? first_readable (mappings) : NULL;
  g_autofree char *path = file_of (mf_process_id (process), "mem");
  *at = mapping ? mapping->from : 0;
  return mapping ? open (path, O_RDONLY | O_CLOEXEC) : -1;
}

// What cannot be read is an error while there is memory (mem_rw of Linux fs/proc/base.c), and the end of the file afterwards. Where
// nothing is mapped the kernel would lock all mappings, to see whether a stack is to grow.
bool
mf_process_memory_has_gone (int memory, uint64_t at)
{
  char byte;
  return memory >= 0 && pread (memory, &byte, 1, (off_t) at) == 0;
}

bool
mf_process_pss (const MfProcess *process, uint64_t *bytes)
{
  uint64_t kib = 0;
  g_autofree char *text = mf_process_file (process, "smaps_rollup");
  const char *line = text ? strstr (text, "\nPss:") : NULL;
  bool told = line && sscanf (line, "\nPss: %" G_GINT64_MODIFIER "u kB", &kib) == 1;
  *bytes = kib * 1024;
  return told;
}

// A word of /proc/PID/stat by its number in proc(5). The name of the program stands in brackets and may contain anything:
// what counts comes behind the last one.
static uint64_t
number_of_stat (const MfProcess *process, int number)
{
  enum { BEHIND_NAME = 2 };
  g_autofree char *text = mf_process_file (process, "stat");
  char *at = text ? strrchr (text, ')') : NULL;
  for (int i = BEHIND_NAME; at && i < number; i++)
    at = strchr (at + 1, ' ');
  return at ? g_ascii_strtoull (at + 1, NULL, 10) : 0;
}

uint64_t
mf_process_birth (const MfProcess *process)
{
  enum { START_TIME = 22 };
  return number_of_stat (process, START_TIME);
}

// The file alone does not tell when a program executes itself, as Python does for a new process of multiprocessing: the
// stack begins elsewhere then.
uint64_t
mf_process_program (const MfProcess *process)
{
  enum { START_STACK = 28 };
  struct stat about;
  g_autofree char *path = file_of (mf_process_id (process), "exe");
  uint64_t stack = number_of_stat (process, START_STACK);
  bool same = stack && stat (path, &about) == 0 && number_of_stat (process, START_STACK) == stack;
  return same ? stack ^ (uint64_t) about.st_ino : 0;
}
