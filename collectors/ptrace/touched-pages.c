// SPDX-License-Identifier: Apache-2.0
// A read from outside makes pages resident that the process has mapped and never touched: its C heap may have many. Which were
// touched is told by /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst of Linux).
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "process.h"

enum { AT_ONCE = 1024 };

typedef struct {
  const MfProcess *process;
  int pagemap;
  uint64_t page, at, end;  // bytes of a page; what is read
  uint64_t base;           // first page of the process's address 0
  uint8_t *to;
} Reader;

static bool
was_touched (uint64_t entry)
{
  return entry >> 63 & 1 || entry >> 62 & 1;  // present; swapped
}

// The part of the pages from `first` on that is wanted.
static bool
read_pages (const Reader *reader, uint64_t first, uint64_t n)
{
  uint64_t from = MAX (first * reader->page, reader->at), to = MIN ((first + n) * reader->page, reader->end);
  return !n || mf_process_read (reader->process, from, reader->to + (from - reader->at), to - from);
}

static bool
read_touched (const Reader *reader, const uint64_t *entries, uint64_t first, uint64_t n)
{
  uint64_t run = 0;
  for (uint64_t i = 0; i < n; i++) {
    if (was_touched (entries[i])) {
      run++;
      continue;
    }
    if (!read_pages (reader, first + i - run, run))
      return false;
    run = 0;
  }
  return read_pages (reader, first + n - run, run);
}

static bool
read_all (const Reader *reader)
{
  uint64_t entries[AT_ONCE], page = reader->at / reader->page, last = (reader->end - 1) / reader->page;
  while (page <= last) {
    uint64_t n = MIN (last - page + 1, AT_ONCE);
    if (pread (reader->pagemap, entries, n * 8, (off_t) ((reader->base + page) * 8)) != (ssize_t) (n * 8)
        || !read_touched (reader, entries, page, n))
      return false;
    page += n;
  }
  return true;
}

bool
mf_process_read_touched (const MfProcess *process, uint64_t at, void *to, size_t n)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/pagemap", mf_process_id (process));
  int pagemap = n && n <= UINT64_MAX - at && mf_process_is_live (process) ? open (path, O_RDONLY | O_CLOEXEC) : -1;
  if (pagemap < 0)
    return mf_process_read (process, at, to, n);
  uint64_t page = (uint64_t) sysconf (_SC_PAGESIZE);
  const Reader reader = { process, pagemap, page, at, at + n, mf_process_emulation (process).base / page, to };
  memset (to, 0, n);
  bool read = read_all (&reader);
  close (pagemap);
  return read;
}
