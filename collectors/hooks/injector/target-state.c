// SPDX-License-Identifier: Apache-2.0
// From /proc/PID/status and its mappings.
#include "target-state.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf-image.h"
#include "machine.h"
#include "ring.h"

G_DEFINE_QUARK (memflow-target-error, mf_target_error)

static bool
refuse (GError **error, MfTargetErrorCode code, const char *format, ...) G_GNUC_PRINTF (3, 4);

static bool
refuse (GError **error, MfTargetErrorCode code, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  if (error)
    *error = g_error_new_valist (MF_TARGET_ERROR, code, format, arguments);
  va_end (arguments);
  return false;
}

// ---- /proc/PID/status

// The word behind a name at the beginning of a line; "" = there is none. Free with g_free.
static char *
status_word (int32_t process, const char *name)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/status", process), *text = NULL;
  g_autofree char *line = g_strdup_printf ("\n%s:", name);
  g_file_get_contents (path, &text, NULL, NULL);
  const char *at = text ? strstr (text, line) : NULL;
  at = at ? at + strlen (line) + strspn (at + strlen (line), " \t") : "";
  return g_strndup (at, strcspn (at, " \t\n"));
}

static long
status_number (int32_t process, const char *name)
{
  g_autofree char *word = status_word (process, name);
  return strtol (word, NULL, 10);
}

char *
mf_target_rights (int32_t process)
{
  long tracer = status_number (process, "TracerPid");
  g_autofree char *scope = NULL;
  g_autofree char *path = g_strdup_printf ("/proc/%ld/comm", tracer), *name = NULL;
  if (tracer > 0 && g_file_get_contents (path, &name, NULL, NULL))
    return g_strdup_printf ("process %ld (%s) traces it: end that first", tracer, g_strchomp (name));
  if (g_file_get_contents ("/proc/sys/kernel/yama/ptrace_scope", &scope, NULL, NULL) && atoi (scope) > 0)
    return g_strdup_printf ("kernel.yama.ptrace_scope is %d here: run memflow as root, or set it to 0 (sysctl -w "
        "kernel.yama.ptrace_scope=0)", atoi (scope));
  return g_strdup ("it takes the user of the process, or CAP_SYS_PTRACE (sudo); in a container, --cap-add SYS_PTRACE");
}

static bool
check_status (int32_t id, bool filtered, bool by_script, GError **error)
{
  g_autofree char *state = status_word (id, "State"), *rights = NULL;
  long seccomp = status_number (id, "Seccomp");
  if (!by_script && status_number (id, "TracerPid") > 0) {
    rights = mf_target_rights (id);
    return refuse (error, MF_TARGET_ERROR_REFUSED, "cannot attach to process %d: %s", id, rights);
  }
  if (*state == 'T')
    return refuse (error, MF_TARGET_ERROR_REFUSED, "process %d is stopped: continue it first (kill -CONT %d)", id, id);
  if (*state == 'Z' || *state == 'X')
    return refuse (error, MF_TARGET_ERROR_REFUSED, "process %d has ended", id);
  if (seccomp == 1)
    return refuse (error, MF_TARGET_ERROR_REFUSED, "process %d may only read and write (seccomp mode 1): nothing can be loaded into it",
        id);
  return seccomp != 2 || filtered || refuse (error, MF_TARGET_ERROR_FILTERED, "the system calls of process %d are filtered (seccomp), "
      "and a filter may end the process for a call that the agent makes (memfd_create, mmap, futex, membarrier, process_vm_readv and others): "
      "if it allows them, as those of containers do, set filtered = yes", id);
}

// ---- what is in its memory

static bool
check_machine (MfProcess *process, bool by_script, GError **error)
{
  const MfMachine *machine = mf_machine ();
  int32_t id = mf_process_id (process);
  g_autofree char *path = g_strdup_printf ("/proc/%d/exe", id);
  g_autoptr (MfElfImage) image = mf_elf_image_open (path, 0, NULL);
  if (!by_script && !machine)
    return refuse (error, MF_TARGET_ERROR_REFUSED, "making a thread call functions is known on x86-64 only: start the program under "
        "memflow instead (memflow run python-hooks -- ...), or, with Python 3.14, say  by = script");
  bool emulated = mf_process_emulation (process).size;
  if (!emulated && mf_process_word (process) == sizeof (void *) && image
      && (by_script || mf_elf_image_machine (image) == machine->machine))
    return true;
  return refuse (error, MF_TARGET_ERROR_REFUSED, "process %d is a %u-bit program of another kind than memflow: start it under memflow "
      "instead", id, mf_process_word (process) * 8);
}

static bool
is_live (MfProcess *process, const MfMapping *rings, int32_t *reader)
{
  MfRingRegion region;
  if (!mf_process_read (process, rings->from, &region, sizeof region) || region.magic != MF_RING_MAGIC)
    return false;
  *reader = region.reader;
  bool died = region.life_at && region.life_at <= sizeof region - sizeof (uint32_t)
      && *(const uint32_t *) ((const uint8_t *) &region + region.life_at / 4 * 4) & MF_RING_READER_DIED;
  return !region.detached && !died && (region.life_at || !kill (region.reader, 0));
}

static bool
has_name (const MfMapping *mapping, const char *words)
{
  const char *slash = strrchr (mapping->path, '/');
  return slash && g_str_has_prefix (slash + 1, words);
}

static bool
check_memory (MfProcess *process, GError **error)
{
  const GArray *mappings = mf_process_mappings (process, error);
  int32_t id = mf_process_id (process), reader = 0;
  bool has_loader = false, has_musl = false;
  for (guint i = 0; mappings && i < mappings->len; i++) {
    const MfMapping *mapping = &g_array_index (mappings, MfMapping, i);
    has_loader |= has_name (mapping, "ld-") || has_name (mapping, "ld.so") || has_name (mapping, "libc.so") || has_name (mapping, "libc-");
    has_musl |= has_name (mapping, "ld-musl");
    if (has_name (mapping, "memfd:memflow-rings") && !mapping->offset && is_live (process, mapping, &reader))
      return refuse (error, MF_TARGET_ERROR_REFUSED, "process %d is recorded already, by the memflow of process %d", id, reader);
    if (has_name (mapping, "libmemflow-agent.so"))
      return refuse (error, MF_TARGET_ERROR_REFUSED, "process %d was started under memflow, whose agent stays in it: it cannot be "
          "attached to", id);
  }
  if (has_musl)
    return refuse (error, MF_TARGET_ERROR_REFUSED, "process %d uses musl, which loads no library like the agent into a running program: "
        "start it under memflow instead", id);
  return !mappings || has_loader || refuse (error, MF_TARGET_ERROR_REFUSED, "process %d runs a statically linked program: nothing can "
      "be loaded into it", id);
}

bool
mf_target_check (MfProcess *process, bool filtered, bool by_script, GError **error)
{
  return check_machine (process, by_script, error) && check_status (mf_process_id (process), filtered, by_script, error)
      && check_memory (process, error);
}
