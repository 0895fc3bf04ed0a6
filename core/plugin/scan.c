// SPDX-License-Identifier: Apache-2.0
// The scan of all modules, each opened in a child process that reports over a pipe.
#include "plugin/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugin/module.h"

enum { SCAN_SECONDS = 5, REPORT_MAX = 1 << 20 };

void
mf_found_free (MfFound *found)
{
  g_free (found->id);
  g_free (found->version);
  g_free (found->licence);
  g_free (found->summary);
  g_free (found->path);
  g_free (found->reason);
  g_free (found);
}

static MfFound *
found_new (MfFoundState state, const char *path, unsigned kind, const char *const texts[4],
    const char *reason)
{
  MfFound *found = g_new0 (MfFound, 1);
  *found = (MfFound){
    .state = state,
    .kind = kind,
    .path = g_strdup (path),
    .reason = g_strdup (reason),
    .id = g_utf8_make_valid (texts[0], -1),
    .version = g_utf8_make_valid (texts[1], -1),
    .licence = g_utf8_make_valid (texts[2], -1),
    .summary = g_utf8_make_valid (texts[3], -1),
  };
  return found;
}

// The child's report: a record of NUL-terminated texts for each plugin, or one "!" and the reason.
static void
report (FILE *out, const char *path)
{
  g_autoptr (GString) why = g_string_new (NULL);
  const MfModule *module = mf_module_open (path, why);
  if (!module)
    fprintf (out, "!%s%c", why->str, 0);
  for (uint32_t i = 0; module && module->descriptors[i]; i++) {
    const MfDescriptor *plugin = module->descriptors[i];
    fprintf (out, "%s%c%s%c%s%c%s%c%s%c", mf_stage_kind_name (plugin->kind), 0, plugin->id, 0,
        module->version, 0, module->licence, 0, plugin->summary, 0);
  }
  fflush (out);
}

static pid_t
start_child (const char *path, int *from)
{
  int ends[2];
  if (pipe (ends) != 0)
    return -1;
  pid_t child = mf_module_fork ();
  if (child == 0) {
    close (ends[0]);
    signal (SIGINT, SIG_DFL);
    // What the module prints is nobody's; what the parent has buffered must not be printed twice.
    int nowhere = open ("/dev/null", O_WRONLY);
    dup2 (nowhere, STDOUT_FILENO);
    FILE *out = fdopen (ends[1], "w");
    if (out)
      report (out, path);
    _exit (0);
  }
  close (ends[1]);
  if (child < 0)
    close (ends[0]);
  else
    *from = ends[0];
  return child;
}

// All that the child says until it closes the pipe; false when the time is over first.
static bool
read_report (int from, GByteArray *bytes)
{
  gint64 end = g_get_monotonic_time () + SCAN_SECONDS * G_USEC_PER_SEC;
  for (;;) {
    struct pollfd descriptor = { from, POLLIN, 0 };
    gint64 left = (end - g_get_monotonic_time ()) / 1000;
    if (left <= 0 || poll (&descriptor, 1, (int) left) == 0)
      return false;
    guint8 buffer[4096];
    ssize_t n = read (from, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0 || bytes->len > REPORT_MAX)
      return true;
    g_byte_array_append (bytes, buffer, (guint) n);
  }
}

static void
add_records (GPtrArray *all, const char *path, const GByteArray *bytes)
{
  const char *at = (const char *) bytes->data, *end = at + bytes->len;
  const char *record[5];
  for (unsigned n = 0; at < end && memchr (at, 0, (size_t) (end - at)); at += strlen (at) + 1) {
    if (n == 0 && *at == '!') {
      g_ptr_array_add (
          all, found_new (MF_FOUND_BROKEN, path, 0, (const char *[]){ "", "", "", "" }, at + 1));
      continue;
    }
    record[n++] = at;
    if (n < G_N_ELEMENTS (record))
      continue;
    g_ptr_array_add (
        all, found_new (MF_FOUND_OK, path, mf_stage_kind_from (record[0]), record + 1, ""));
    n = 0;
  }
}

static void
scan_module (GPtrArray *all, const char *path)
{
  int from = -1, status = 0;
  pid_t child = start_child (path, &from);
  if (child < 0)
    return;
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  bool in_time = read_report (from, bytes);
  close (from);
  if (!in_time)
    kill (child, SIGKILL);
  while (waitpid (child, &status, 0) < 0 && errno == EINTR)
    continue;
  guint before = all->len;
  if (in_time && !WIFSIGNALED (status))
    add_records (all, path, bytes);
  if (all->len > before)
    return;
  g_autofree char *reason
      = !in_time               ? g_strdup_printf ("loading it took more than %d s", SCAN_SECONDS)
        : WIFSIGNALED (status) ? g_strdup_printf ("loading it ended with signal %d (%s)",
              WTERMSIG (status), strsignal (WTERMSIG (status)))
                               : g_strdup ("loading it ended the process");
  g_ptr_array_add (
      all, found_new (MF_FOUND_CRASHED, path, 0, (const char *[]){ "", "", "", "" }, reason));
}

bool
mf_module_try (const char *path, GString *why)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func ((GDestroyNotify) mf_found_free);
  scan_module (all, path);
  const MfFound *found = all->len ? g_ptr_array_index (all, 0) : NULL;
  if (!found || found->state != MF_FOUND_OK)
    g_string_append (why, found ? found->reason : "there is no process to try it in");
  return found && found->state == MF_FOUND_OK;
}

static gint
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static void
scan_trusted (GPtrArray *all, const MfRegistry *registry, const char *path)
{
  g_autoptr (GString) why = g_string_new (NULL);
  if (mf_registry_trusts (registry, path, why))
    scan_module (all, path);
  else
    g_ptr_array_add (
        all, found_new (MF_FOUND_BROKEN, path, 0, (const char *[]){ "", "", "", "" }, why->str));
}

static void
scan_folder (GPtrArray *all, const MfRegistry *registry, const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  for (const char *name; dir && (name = g_dir_read_name (dir));)
    if (g_str_has_suffix (name, ".so"))
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, by_name);
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *path = g_build_filename (folder, g_ptr_array_index (names, i), NULL);
    scan_trusted (all, registry, path);
  }
}

// A plugin that stands earlier on the path hides later ones of the same kind and id.
static void
mark_shadowed (GPtrArray *all)
{
  for (guint i = 0; i < all->len; i++) {
    MfFound *found = g_ptr_array_index (all, i);
    for (guint k = 0; k < i && found->state == MF_FOUND_OK; k++) {
      const MfFound *earlier = g_ptr_array_index (all, k);
      if (earlier->state == MF_FOUND_OK && earlier->kind == found->kind
          && g_str_equal (earlier->id, found->id)) {
        found->state = MF_FOUND_SHADOWED;
        g_free (found->reason);
        found->reason = g_strdup_printf ("hidden by %s", earlier->path);
      }
    }
  }
}

// Sound ones by kind and id, the others behind them by path.
static gint
by_kind_and_id (gconstpointer a, gconstpointer b)
{
  const MfFound *first = *(MfFound *const *) a, *second = *(MfFound *const *) b;
  if ((first->kind == 0) != (second->kind == 0))
    return first->kind == 0 ? 1 : -1;
  if (first->kind != second->kind)
    return first->kind < second->kind ? -1 : 1;
  int order = strcmp (first->id, second->id);
  return order ? order : strcmp (first->path, second->path);
}

GPtrArray *
mf_registry_scan (const MfRegistry *registry)
{
  GPtrArray *all = g_ptr_array_new_with_free_func ((GDestroyNotify) mf_found_free);
  const GPtrArray *folders = mf_registry_folders (registry);
  for (guint i = 0; i < folders->len; i++)
    scan_folder (all, registry, g_ptr_array_index (folders, i));
  mark_shadowed (all);
  g_ptr_array_sort (all, by_kind_and_id);
  return all;
}
