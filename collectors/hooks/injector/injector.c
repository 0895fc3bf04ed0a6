// SPDX-License-Identifier: Apache-2.0
// A thread in a safe place is made to call memfd_create, dlopen, and the agent's memflow_attach.
#include "injector.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent-image.h"
#include "hijack.h"
#include "ring.h"
#include "safe-place.h"
#include "target-state.h"

enum { NAME_MOST = 64, TEXT_MOST = 256, PAUSE_US = 2000, THREAD_LIMIT_MS = 1000 };

typedef struct {
  MfProcess *process;
  const MfInjectorRegion *region;
  MfInjection *told;
  MfAgentImage agent;
  uint64_t entry, system_call, open, open_flags, error_text, error_number, close;  // functions in the process
  int64_t deadline;
} Injector;

static bool
refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static bool
refuse (GError **error, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  if (error)
    *error = g_error_new_valist (MF_HIJACK_ERROR, MF_HIJACK_ERROR_FAILED, format, arguments);
  va_end (arguments);
  return false;
}

// ---- functions of the process

static const MfMapping *
mapping_named (const Injector *injector, const char *words)
{
  const GArray *mappings = mf_process_mappings (injector->process, NULL);
  for (guint i = 0; mappings && i < mappings->len; i++) {
    const MfMapping *mapping = &g_array_index (mappings, MfMapping, i);
    g_autofree char *name = g_path_get_basename (mapping->path);
    if (!mapping->offset && mapping->inode && g_str_has_prefix (name, words))
      return mapping;
  }
  return NULL;
}

static uint64_t
function_in (const Injector *injector, const char *library, const char *name)
{
  const MfMapping *mapping = mapping_named (injector, library);
  MfElfPart part;
  g_autofree char *path = mapping ? mf_process_open_path (injector->process, mapping) : NULL;
  g_autoptr (MfElfImage) image = path ? mf_elf_image_open (path, mapping->from, NULL) : NULL;
  return image && mf_elf_image_symbol (image, name, &part) ? part.at : 0;
}

static uint64_t
libc_function (const Injector *injector, const char *name)
{
  static const char *const libraries[] = { "libc.so", "libc-", "libdl.so", "libdl-" };
  uint64_t at = 0;
  for (size_t i = 0; !at && i < G_N_ELEMENTS (libraries); i++)
    at = function_in (injector, libraries[i], name);
  return at;
}

// Before glibc 2.34 it is in a library of its own, which not every program has; what is used within libc then will do.
static void
find_open (Injector *injector)
{
  enum { WITHIN_LIBC = 0x80000000 };  // __RTLD_DLOPEN, glibc include/dlfcn.h
  injector->open = libc_function (injector, "dlopen");
  injector->open_flags = RTLD_NOW;
  if (injector->open)
    return;
  injector->open = libc_function (injector, "__libc_dlopen_mode");
  injector->open_flags = RTLD_NOW | WITHIN_LIBC;
}

static uint64_t
find_entry (const Injector *injector)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/auxv", mf_process_id (injector->process)), *bytes = NULL;
  gsize n = 0;
  unsigned long pair[2] = { 0 };
  g_file_get_contents (path, &bytes, &n, NULL);
  for (gsize at = 0; at + sizeof pair <= n; at += sizeof pair) {
    memcpy (pair, bytes + at, sizeof pair);
    if (pair[0] == AT_ENTRY)
      return pair[1];
  }
  return 0;
}

static bool
find_functions (Injector *injector, GError **error)
{
  injector->entry = find_entry (injector);
  injector->system_call = libc_function (injector, "syscall");
  injector->close = libc_function (injector, "close");
  injector->error_number = libc_function (injector, "__errno_location");
  injector->error_text = libc_function (injector, "dlerror");
  find_open (injector);
  return (injector->entry && injector->system_call && injector->close && injector->error_number && injector->open)
      || refuse (error, "the C library of process %d has no dlopen that can be found", mf_process_id (injector->process));
}

// ---- files in memory

// A descriptor of the process, opened here. The process may do with its descriptors what it likes, so it is made sure that
// this one is a file in memory of that name before anything is done with it. -1 = errno says why not.
static int
open_theirs (const Injector *injector, int theirs, const char *name)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/fd/%d", mf_process_id (injector->process), theirs);
  g_autofree char *expected = g_strdup_printf ("/memfd:%s (deleted)", name);
  int fd = open (path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0)
    return -1;
  g_autofree char *own = g_strdup_printf ("/proc/self/fd/%d", fd), *target = g_file_read_link (own, NULL);
  if (!g_strcmp0 (target, expected) && fcntl (fd, F_GET_SEALS) == 0)
    return fd;
  close (fd);
  errno = EINVAL;
  return -1;
}

static bool
write_all (int fd, const char *bytes, size_t n)
{
  for (size_t done = 0; done < n;) {
    ssize_t now = write (fd, bytes + done, n - done);
    if (now <= 0)
      return false;
    done += (size_t) now;
  }
  return true;
}

// ---- calls in the process

static bool
call (MfHijack *hijack, uint64_t function, const uint64_t *arguments, unsigned n, int64_t *result, GError **error)
{
  uint64_t word = 0;
  bool called = mf_hijack_call (hijack, function, arguments, n, &word, error);
  *result = (int64_t) word;
  return called;
}

// Makes a file in memory: its descriptor there and here. A name has to be on the stack of the thread.
static bool
make_file (Injector *injector, MfHijack *hijack, const char *name, int *theirs, int *ours, GError **error)
{
  int64_t fd;
  uint64_t at = mf_hijack_put (hijack, name, strlen (name) + 1);
  const uint64_t arguments[] = { SYS_memfd_create, at, MFD_CLOEXEC | MFD_ALLOW_SEALING };
  if (!at || !call (hijack, injector->system_call, arguments, G_N_ELEMENTS (arguments), &fd, error))
    return false;
  *theirs = (int) fd;
  if (fd < 0)
    return refuse (error, "process %d could not make a file in memory (memfd_create): too many open files, or a filter of system calls",
        mf_process_id (injector->process));
  *ours = open_theirs (injector, *theirs, name);
  return *ours >= 0 || refuse (error, "cannot open descriptor %d of process %d: %s", *theirs, mf_process_id (injector->process),
      g_strerror (errno));
}

static void
close_theirs (Injector *injector, MfHijack *hijack, int theirs)
{
  int64_t ignored;
  const uint64_t arguments[] = { (uint64_t) theirs };
  if (theirs >= 0)
    call (hijack, injector->close, arguments, 1, &ignored, NULL);
}

static bool
tell_load_error (Injector *injector, MfHijack *hijack, GError **error)
{
  char text[TEXT_MOST] = "it gives no reason";
  int64_t at = 0;
  if (injector->error_text && call (hijack, injector->error_text, NULL, 0, &at, NULL) && at
      && !mf_process_read (injector->process, (uint64_t) at, text, sizeof text - 1))
    for (size_t i = 0; i < sizeof text - 1 && mf_process_read (injector->process, (uint64_t) at + i, text + i, 1) && text[i]; i++)
      text[i + 1] = '\0';
  g_autofree char *shown = g_utf8_make_valid (text, -1);
  return refuse (error, "the loader of process %d refuses the agent: %s", mf_process_id (injector->process), shown);
}

static bool
open_library (Injector *injector, MfHijack *hijack, int theirs, GError **error)
{
  char path[NAME_MOST];
  int64_t handle;
  int n = snprintf (path, sizeof path, "/proc/self/fd/%d", theirs);
  const uint64_t arguments[] = { mf_hijack_put (hijack, path, (size_t) n + 1), injector->open_flags };
  if (!arguments[0] || !call (hijack, injector->open, arguments, 2, &handle, error))
    return false;
  return handle ? mf_agent_image_find (&injector->agent, injector->process) || refuse (error, "the agent was loaded, but cannot be found in memory")
      : tell_load_error (injector, hijack, error);
}

static bool
load (Injector *injector, MfHijack *hijack, GError **error)
{
  int theirs = -1, ours = -1;
  if (mf_agent_image_find (&injector->agent, injector->process))
    return true;
  bool loaded = make_file (injector, hijack, injector->agent.name, &theirs, &ours, error)
      && (write_all (ours, injector->agent.bytes, injector->agent.n) || refuse (error, "cannot write the agent: %s", g_strerror (errno)))
      && open_library (injector, hijack, theirs, error);
  close_theirs (injector, hijack, theirs);
  if (ours >= 0)
    close (ours);
  return loaded;
}

// ---- starting the agent

static bool
start_agent (Injector *injector, MfHijack *hijack, int64_t *answer, GError **error)
{
  int theirs = -1, ours = -1;
  uint64_t function = mf_agent_image_attach (&injector->agent);
  if (!function)
    return refuse (error, "%s is no agent that can be attached", injector->agent.path);
  if (!make_file (injector, hijack, "memflow-rings", &theirs, &ours, error)) {
    close_theirs (injector, hijack, theirs);
    return false;
  }
  const uint64_t arguments[] = { (uint64_t) theirs, (uint64_t) mf_process_id (injector->process) };
  const char *failed = injector->region->make_region (injector->region->user, ours);
  if (failed) {
    int why = errno;
    close_theirs (injector, hijack, theirs);
    return refuse (error, "%s: %s", failed, g_strerror (why));
  }
  return call (hijack, function, arguments, 2, answer, error);
}

// errno of the thread is what it was: the code that was interrupted may be about to read it.
static bool
save_errno (Injector *injector, MfHijack *hijack, uint64_t *at, int *value, GError **error)
{
  int64_t place;
  if (!call (hijack, injector->error_number, NULL, 0, &place, error))
    return false;
  *at = (uint64_t) place;
  return mf_process_read (injector->process, *at, value, sizeof *value) || refuse (error, "cannot read errno of the thread");
}

static void
restore_errno (Injector *injector, MfHijack *hijack, uint64_t at, int value)
{
  uint64_t word;
  if (!mf_process_read (injector->process, at, &word, sizeof word))
    return;
  memcpy (&word, &value, sizeof value);
  mf_hijack_write (hijack, at, &word, sizeof word);
}

static bool
use_thread (Injector *injector, MfHijack *hijack, int64_t *answer, GError **error)
{
  uint64_t at = 0;
  int value = 0;
  if (!mf_hijack_prepare (hijack, injector->entry, error) || !save_errno (injector, hijack, &at, &value, error))
    return false;
  bool done = load (injector, hijack, error) && start_agent (injector, hijack, answer, error);
  restore_errno (injector, hijack, at, value);
  return done;
}

// ---- choosing a thread

// 'S' = it waits, 'R' = it runs; 0 = gone. The number of the system call that it waits in, -1 = not known.
static char
state_of (const Injector *injector, int32_t thread, long *system_call)
{
  int32_t id = mf_process_id (injector->process);
  g_autofree char *path = g_strdup_printf ("/proc/%d/task/%d/stat", id, thread), *text = NULL, *number = NULL;
  g_autofree char *other = g_strdup_printf ("/proc/%d/task/%d/syscall", id, thread);
  g_file_get_contents (path, &text, NULL, NULL);
  const char *name_end = text ? strrchr (text, ')') : NULL;
  *system_call = -1;
  if (g_file_get_contents (other, &number, NULL, NULL))
    sscanf (number, "%ld", system_call);
  return name_end && name_end[1] == ' ' ? name_end[2] : 0;
}

static bool
is_candidate (const Injector *injector, int32_t thread, bool running)
{
  long system_call;
  char state = state_of (injector, thread, &system_call);
  return running ? state == 'R' : state == 'S' && (system_call < 0 || mf_safe_places_is_wait (system_call));
}

typedef enum { DONE, AGAIN, FAILED } Outcome;

static Outcome
outcome_of (bool done, int64_t answer, GError **why, GError **error)
{
  if (!done && (*why)->code == MF_HIJACK_ERROR_BUSY)
    return AGAIN;
  if (!done) {
    g_propagate_error (error, g_steal_pointer (why));
    return FAILED;
  }
  if (answer == MF_ATTACHED)
    return DONE;
  refuse (answer == MF_ATTACH_UNFINISHED ? why : error, "%s", mf_agent_answer (answer));
  return answer == MF_ATTACH_UNFINISHED ? AGAIN : FAILED;
}

static Outcome
try_thread (Injector *injector, const MfSafePlaces *places, int32_t thread, GError **why, GError **error)
{
  int64_t limit = MIN (injector->deadline, (g_get_monotonic_time () + THREAD_LIMIT_MS * 1000) * 1000), answer = -1;
  g_clear_error (why);
  injector->told->tries++;
  injector->told->thread = thread;
  MfHijack *hijack = mf_hijack_begin (injector->process, thread, limit, why);
  if (!hijack)
    return outcome_of (false, answer, why, error);
  const char *place = mf_safe_places_refuse (places, hijack);
  bool done = !place && use_thread (injector, hijack, &answer, why);
  if (place)
    g_set_error (why, MF_HIJACK_ERROR, MF_HIJACK_ERROR_BUSY, "thread %d is in %s", thread, place);
  injector->told->held_ns = mf_hijack_end (hijack);
  return outcome_of (done, answer, why, error);
}

static Outcome
try_threads (Injector *injector, const MfSafePlaces *places, bool running, GError **why, GError **error)
{
  Outcome outcome = AGAIN;
  g_autoptr (GArray) threads = mf_process_threads (injector->process);
  for (guint i = 0; outcome == AGAIN && i < threads->len; i++)
    if (is_candidate (injector, g_array_index (threads, int32_t, i), running))
      outcome = try_thread (injector, places, g_array_index (threads, int32_t, i), why, error);
  return outcome;
}

static bool
is_late (const Injector *injector)
{
  return g_get_monotonic_time () * 1000 > injector->deadline;
}

// Threads that wait first: those that compute are interrupted anywhere, and have to be tried again and again. What is loaded
// is looked at anew now and then.
static Outcome
try_for_a_while (Injector *injector, GError **why, GError **error)
{
  enum { TIMES = 50 };
  g_autoptr (MfSafePlaces) places = mf_safe_places_new (injector->process);
  Outcome outcome = AGAIN;
  for (int i = 0; i < TIMES && outcome == AGAIN && !is_late (injector); i++) {
    if (i)
      g_usleep (PAUSE_US);
    outcome = try_threads (injector, places, false, why, error);
    if (outcome == AGAIN)
      outcome = try_threads (injector, places, true, why, error);
  }
  return outcome;
}

static bool
find_thread (Injector *injector, GError **error)
{
  g_autoptr (GError) why = NULL;
  Outcome outcome = AGAIN;
  while (outcome == AGAIN && !is_late (injector))
    outcome = try_for_a_while (injector, &why, error);
  return outcome == DONE || (outcome == AGAIN && refuse (error, "no thread of process %d could be interrupted in time%s%s",
      mf_process_id (injector->process), why ? ": " : "", why ? why->message : ""));
}

bool
mf_inject (MfProcess *process, const char *agent, int64_t limit, const MfInjectorRegion *region, MfInjection *injection,
    GError **error)
{
  Injector injector = { .process = process, .region = region, .told = injection,
    .deadline = g_get_monotonic_time () * 1000 + limit };
  *injection = (MfInjection) { 0 };
  bool done = mf_agent_image_read (&injector.agent, agent, error) && find_functions (&injector, error) && find_thread (&injector, error);
  mf_agent_image_clear (&injector.agent);
  return done;
}
