// SPDX-License-Identifier: Apache-2.0
// Any bytes as a core file: its mappings are read as far as they go, its Python and its C heap are looked for. Of the files that it
// names there is none.
#include <sys/mman.h>
#include <unistd.h>

#include "core-process.h"
#include "glibc-heap.h"
#include "python-runtime.h"

int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n);

static void
read_all (MfProcess *process)
{
  uint8_t page[4096];
  const GArray *mappings = mf_process_mappings (process, NULL);
  for (guint i = 0; i < mappings->len; i++) {
    const MfMapping *mapping = &g_array_index (mappings, MfMapping, i);
    uint64_t size = mapping->to - mapping->from;
    mf_process_read (process, mapping->from, page, MIN (size, sizeof page));
    mf_process_read (process, mapping->to - 1, page, 2);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n)
{
  static int fd = -1;
  MfCoreSummary summary;
  MfPythonRuntime runtime;
  MfGlibcPlace place;
  if (fd < 0)
    fd = memfd_create ("core", 0);
  if (ftruncate (fd, 0) || pwrite (fd, bytes, n, 0) != (ssize_t) n)
    return 0;
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autoptr (MfProcess) process = mf_process_open_core (path, "/nonexistent", &summary, NULL);
  if (process) {
    read_all (process);
    mf_python_runtime_find (process, &runtime, NULL);
    mf_python_runtime_clear (&runtime);
    mf_glibc_find (process, &place, NULL);
  }
  mf_core_summary_clear (&summary);
  return 0;
}
