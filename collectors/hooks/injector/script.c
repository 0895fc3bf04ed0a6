// SPDX-License-Identifier: Apache-2.0
// What sys.remote_exec of CPython 3.14 does (PEP 768): the path of a script and two flags are written into the state of the
// main thread, which runs the script at the next place where it would look for signals.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent-image.h"
#include "hijack.h"
#include "injector.h"
#include "python-runtime.h"
#include "ring.h"

enum { PLEASE_STOP = 1 << 5, PAUSE_US = 1000, PATH_LEAST = 64, PATH_MOST = 4096, FARTHEST = 1 << 22 };

// The last group of the debug offsets of 3.14: Include/internal/pycore_debug_offsets.h, debugger_support.
typedef struct { uint64_t eval_breaker, support, is_enabled, pending, path, path_size; } Support;
enum { SUPPORT_AT = 712, MAIN_THREAD_AT = 80, VERSION = 0x030e };

typedef struct {
  MfProcess *process;
  MfAgentImage agent;
  Support support;
  uint64_t thread;          // state of the main thread
  char *folder, *inside;    // of the script, as seen from here and from the process
  int64_t deadline;
} Script;

static bool
refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static bool
refuse (GError **error, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  if (error && !*error)
    *error = g_error_new_valist (MF_HIJACK_ERROR, MF_HIJACK_ERROR_FAILED, format, arguments);
  va_end (arguments);
  return false;
}

// ---- the state of the main thread

static bool
are_sane (const Support *support)
{
  return support->eval_breaker < FARTHEST && support->support < FARTHEST && support->is_enabled < FARTHEST
      && support->pending < FARTHEST && support->path < FARTHEST && support->path_size >= PATH_LEAST && support->path_size <= PATH_MOST;
}

static bool
find_support (Script *script, const MfPythonRuntime *runtime, GError **error)
{
  uint64_t interpreter = mf_python_next_interpreter (script->process, runtime, 0), main_thread_at = 0, enabled = 0;
  if (runtime->version >> 16 != VERSION || !runtime->told)
    return refuse (error, "Python %u.%u runs no scripts from outside, 3.14 does", runtime->version >> 24, runtime->version >> 16 & 0xff);
  if (!mf_process_read (script->process, runtime->state + SUPPORT_AT, &script->support, sizeof script->support)
      || !mf_process_number (script->process, runtime->state + MAIN_THREAD_AT, 8, &main_thread_at) || main_thread_at > FARTHEST
      || !are_sane (&script->support))
    return refuse (error, "what its Python says of scripts from outside cannot be true");
  if (!mf_process_number (script->process, interpreter + script->support.is_enabled, 4, &enabled) || enabled != 1)
    return refuse (error, "its Python was told to run no scripts from outside (PYTHON_DISABLE_REMOTE_DEBUG, -X disable-remote-debug)");
  return (mf_process_pointer (script->process, interpreter + main_thread_at, &script->thread) && script->thread)
      || refuse (error, "its Python has no main thread");
}

static bool
find_thread (Script *script, GError **error)
{
  MfPythonRuntime runtime;
  bool found = mf_python_runtime_find (script->process, &runtime, error) && find_support (script, &runtime, error);
  mf_python_runtime_clear (&runtime);
  return found;
}

static bool
write_to (const Script *script, uint64_t at, const void *bytes, size_t n)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/mem", mf_process_id (script->process));
  int fd = open (path, O_WRONLY | O_CLOEXEC);
  bool written = fd >= 0 && pwrite (fd, bytes, n, (off_t) at) == (ssize_t) n;
  if (fd >= 0)
    close (fd);
  return written;
}

static bool
set_pending (const Script *script, uint32_t pending)
{
  return write_to (script, script->thread + script->support.support + script->support.pending, &pending, sizeof pending);
}

static bool
ask (const Script *script, GError **error)
{
  g_autofree char *path = g_strdup_printf ("%s/attach.py", script->inside);
  uint64_t breaker_at = script->thread + script->support.eval_breaker, breaker = 0;
  size_t n = strlen (path) + 1;
  bool asked = n <= script->support.path_size
      && write_to (script, script->thread + script->support.support + script->support.path, path, n) && set_pending (script, 1)
      && mf_process_number (script->process, breaker_at, 8, &breaker);
  breaker |= PLEASE_STOP;
  return (asked && write_to (script, breaker_at, &breaker, sizeof breaker))
      || refuse (error, "cannot write to process %d: %s", mf_process_id (script->process), g_strerror (errno));
}

// ---- its files

// It runs among the names of the program's own main module.
static const char text[] =
  "def _memflow_attach(folder, address, process):\n"
  "    import ctypes, os, time\n"
  "    rings = os.memfd_create('memflow-rings', os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)\n"
  "    end = time.monotonic() + 1\n"
  "    while not os.path.exists(folder + '/ready'):\n"
  "        if time.monotonic() > end or not os.path.exists(folder):\n"
  "            return os.close(rings)\n"
  "        time.sleep(0.001)\n"
  "    kind = ctypes.PYFUNCTYPE(ctypes.c_long, ctypes.c_int, ctypes.c_int)\n"
  "    function = kind(address) if address else kind(('memflow_attach', ctypes.CDLL(folder + '/%s.so')))\n"
  "    function(rings, process)\n"
  "_memflow_attach('%s', %" G_GUINT64_FORMAT ", %d)\n"
  "del _memflow_attach\n";

static bool
write_file (const Script *script, const char *name, const char *bytes, size_t n)
{
  g_autofree char *path = g_build_filename (script->folder, name, NULL);
  int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
  bool written = fd >= 0 && write (fd, bytes, n) == (ssize_t) n && !fchmod (fd, 0644);
  if (fd >= 0)
    close (fd);
  return written;
}

static bool
make_files (Script *script, GError **error)
{
  int32_t process = mf_process_id (script->process);
  g_autofree char *root = g_strdup_printf ("/proc/%d/root", process), *library = g_strdup_printf ("%s.so", script->agent.name);
  uint64_t address = mf_agent_image_find (&script->agent, script->process) ? mf_agent_image_attach (&script->agent) : 0;
  script->folder = g_strdup_printf ("%s/tmp/memflow-XXXXXX", root);
  if (!g_mkdtemp_full (script->folder, 0755) || chmod (script->folder, 0755)) {
    int why = errno;
    g_clear_pointer (&script->folder, g_free);
    return refuse (error, "cannot make a folder in /tmp of process %d: %s", process, g_strerror (why));
  }
  script->inside = g_strdup (script->folder + strlen (root));
  g_autofree char *lines = g_strdup_printf (text, script->agent.name, script->inside, address, process);
  return (write_file (script, "attach.py", lines, strlen (lines))
             && (address || write_file (script, library, script->agent.bytes, script->agent.n)))
      || refuse (error, "cannot write to /tmp of process %d: %s", process, g_strerror (errno));
}

static void
remove_files (Script *script)
{
  g_autofree char *library = g_strdup_printf ("%s.so", script->agent.name);
  const char *const names[] = { "attach.py", "ready", library };
  for (size_t i = 0; script->folder && i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = g_build_filename (script->folder, names[i], NULL);
    unlink (path);
  }
  if (script->folder)
    rmdir (script->folder);
  g_free (script->folder);
  g_free (script->inside);
}

// ---- meeting the script

// The empty file in memory that the script has made, opened here; -1 = not yet.
static int
open_rings (const Script *script)
{
  g_autofree char *folder = g_strdup_printf ("/proc/%d/fd", mf_process_id (script->process));
  g_autoptr (GDir) entries = g_dir_open (folder, 0, NULL);
  struct stat about;
  for (const char *name; entries && (name = g_dir_read_name (entries));) {
    g_autofree char *path = g_build_filename (folder, name, NULL), *target = g_file_read_link (path, NULL);
    int fd = g_strcmp0 (target, "/memfd:memflow-rings (deleted)") ? -1 : open (path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && fcntl (fd, F_GET_SEALS) == 0 && !fstat (fd, &about) && about.st_size == 0)
      return fd;
    if (fd >= 0)
      close (fd);
  }
  return -1;
}

static bool
is_late (const Script *script)
{
  return g_get_monotonic_time () * 1000 > script->deadline;
}

static int
await_rings (const Script *script, GError **error)
{
  int fd = -1;
  while ((fd = open_rings (script)) < 0 && !is_late (script))
    g_usleep (PAUSE_US);
  if (fd < 0)
    refuse (error, "the main thread of process %d did not come to run a script in time: it may wait in a call", mf_process_id (script->process));
  return fd;
}

static bool
await_answer (const Script *script, int fd, GError **error)
{
  uint32_t answer = 0;
  while (!answer && !is_late (script) && mf_process_birth (script->process)) {
    if (pread (fd, &answer, sizeof answer, offsetof (MfRingRegion, answer)) != sizeof answer)
      answer = 0;
    if (!answer)
      g_usleep (PAUSE_US);
  }
  if (!answer)
    return refuse (error, "the agent did not answer: its Python may lack ctypes, or its loader refuses the agent (see what the process "
        "prints)");
  return answer == MF_ATTACHED + 1 || refuse (error, "%s", mf_agent_answer ((int64_t) answer - 1));
}

static bool
meet (Script *script, const MfInjectorRegion *region, GError **error)
{
  int fd = await_rings (script, error), own = fd < 0 ? -1 : fcntl (fd, F_DUPFD_CLOEXEC, 0);
  if (fd < 0)
    return false;
  const char *failed = region->make_region (region->user, fd);
  bool done = (!failed || refuse (error, "%s: %s", failed, g_strerror (errno)))
      && (write_file (script, "ready", "", 0) || refuse (error, "cannot write to /tmp of the process: %s", g_strerror (errno)))
      && await_answer (script, own, error);
  if (own >= 0)
    close (own);
  return done;
}

bool
mf_inject_by_script (MfProcess *process, const char *agent, int64_t limit, const MfInjectorRegion *region, GError **error)
{
  Script script = { .process = process, .deadline = g_get_monotonic_time () * 1000 + limit };
  bool asked = mf_agent_image_read (&script.agent, agent, error) && find_thread (&script, error) && make_files (&script, error)
      && ask (&script, error);
  bool done = asked && meet (&script, region, error);
  if (asked && !done)
    set_pending (&script, 0);
  remove_files (&script);
  mf_agent_image_clear (&script.agent);
  return done;
}
