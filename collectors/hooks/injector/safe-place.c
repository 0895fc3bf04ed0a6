// SPDX-License-Identifier: Apache-2.0
// By the instruction, and by all frames above it. Where these cannot be followed, all words on the stack that look like return
// addresses: one that is none only makes a thread be left alone.
#include "safe-place.h"

#include <string.h>
#include <sys/syscall.h>

#include "elf-image.h"
#include "machine.h"
#include "native-stack.h"

enum { LEAST_ROOM = 128 << 10, MOST_STACK = 1 << 20 };

typedef enum { PLAIN, LOADER, LIBC, ALLOCATOR } Role;
typedef struct { uint64_t from, to; Role role; } Code;        // executable mapping
typedef struct { uint64_t from, to; const char *name; } Avoid;  // function below which nothing may be called
typedef struct { uint64_t from, to; bool grows; } Stack;

struct MfSafePlaces {
  MfProcess *process;
  GArray *code, *avoid, *stacks;  // of Code, Avoid, Stack
  MfNativeStack *native;
};

// Public functions: what they call is found below them.
static const char *const avoided[] = { "malloc", "calloc", "realloc", "free", "memalign", "aligned_alloc", "posix_memalign", "valloc",
  "pvalloc", "malloc_trim", "mallinfo", "mallinfo2", "malloc_info", "malloc_stats", "mallopt", "malloc_usable_size", "fork", "_Fork",
  "vfork", "posix_spawn", "posix_spawnp", "system", "popen", "pthread_create", "pthread_exit", "pthread_atfork", "__register_atfork",
  "pthread_key_create", "pthread_key_delete", "pthread_setspecific", "dlopen", "dlmopen", "dlclose", "dlsym", "dlvsym", "dladdr",
  "dlinfo", "dl_iterate_phdr", "__libc_dlopen_mode", "__libc_dlclose", "__libc_dlsym", "exit", "quick_exit", "__cxa_finalize",
  "PyMem_SetAllocator", "PyMem_GetAllocator", "PyMem_SetupDebugHooks", "Py_FinalizeEx", "Py_InitializeFromConfig" };

static const long waits[] = { SYS_read, SYS_readv, SYS_write, SYS_writev, SYS_ppoll, SYS_pselect6, SYS_epoll_pwait, SYS_nanosleep, SYS_clock_nanosleep,
  SYS_futex, SYS_accept, SYS_accept4, SYS_connect, SYS_recvfrom, SYS_recvmsg, SYS_sendto, SYS_sendmsg, SYS_wait4, SYS_waitid, SYS_rt_sigtimedwait,
  SYS_rt_sigsuspend, SYS_flock, SYS_semtimedop, SYS_msgrcv, SYS_io_getevents,
#ifdef SYS_poll
  SYS_poll, SYS_select, SYS_epoll_wait, SYS_pause,
#endif
};

bool
mf_safe_places_is_wait (long system_call)
{
  for (size_t i = 0; i < G_N_ELEMENTS (waits); i++)
    if (waits[i] == system_call)
      return true;
  return false;
}

// ---- what is loaded

static bool
begins_with (const char *path, const char *words)
{
  g_autofree char *name = g_path_get_basename (path);
  return g_str_has_prefix (name, words);
}

static Role
role_of (const char *path, const MfElfImage *image)
{
  MfElfPart part;
  if (begins_with (path, "ld-linux") || begins_with (path, "ld-") || begins_with (path, "ld.so"))
    return LOADER;
  if (begins_with (path, "libc.so") || begins_with (path, "libc-") || begins_with (path, "libpthread") || begins_with (path, "libdl"))
    return LIBC;
  return image && mf_elf_image_symbol (image, "malloc", &part) ? ALLOCATOR : PLAIN;
}

static void
avoid_functions (MfSafePlaces *places, const MfElfImage *image)
{
  MfElfPart part;
  for (size_t i = 0; i < G_N_ELEMENTS (avoided); i++) {
    if (!mf_elf_image_symbol (image, avoided[i], &part) || !part.size)
      continue;
    const Avoid avoid = { part.at, part.at + part.size, avoided[i] };
    g_array_append_val (places->avoid, avoid);
  }
}

// The executable parts of a file follow its first mapping.
static void
add_file (MfSafePlaces *places, const GArray *mappings, guint first)
{
  const MfMapping *head = &g_array_index (mappings, MfMapping, first);
  g_autofree char *path = mf_process_open_path (places->process, head);
  g_autoptr (MfElfImage) image = path ? mf_elf_image_open (path, head->from, NULL) : NULL;
  Role role = role_of (head->path, image);
  MfElfPart part;
  if (image)
    mf_native_stack_add (places->native, path, head->from);
  if (image && (role == LIBC || mf_elf_image_symbol (image, "PyMem_SetAllocator", &part)))
    avoid_functions (places, image);
  for (guint i = first; i < mappings->len; i++) {
    const MfMapping *mapping = &g_array_index (mappings, MfMapping, i);
    if (i > first && mapping->inode == head->inode && !mapping->offset)
      return;  // the file is mapped once more
    if (mapping->inode != head->inode || strcmp (mapping->path, head->path) != 0 || !(mapping->flags & MF_MAPPING_EXECUTE))
      continue;
    const Code code = { mapping->from, mapping->to, role };
    g_array_append_val (places->code, code);
  }
}

MfSafePlaces *
mf_safe_places_new (MfProcess *process)
{
  MfSafePlaces *places = g_new0 (MfSafePlaces, 1);
  places->process = process;
  places->code = g_array_new (FALSE, FALSE, sizeof (Code));
  places->avoid = g_array_new (FALSE, FALSE, sizeof (Avoid));
  places->stacks = g_array_new (FALSE, FALSE, sizeof (Stack));
  places->native = mf_native_stack_new (process);
  const GArray *mappings = mf_process_mappings (process, NULL);
  for (guint i = 0; mappings && i < mappings->len; i++) {
    const MfMapping *mapping = &g_array_index (mappings, MfMapping, i);
    if (mapping->inode && !mapping->offset)
      add_file (places, mappings, i);
    if (!mapping->inode && mapping->flags & MF_MAPPING_WRITE) {
      const Stack stack = { mapping->from, mapping->to, strcmp (mapping->path, "[stack]") == 0 };
      g_array_append_val (places->stacks, stack);
    }
  }
  mf_native_stack_ready (places->native);
  return places;
}

void
mf_safe_places_free (MfSafePlaces *places)
{
  if (!places)
    return;
  g_array_unref (places->code);
  g_array_unref (places->avoid);
  g_array_unref (places->stacks);
  mf_native_stack_free (places->native);
  g_free (places);
}

// ---- where a thread is

static const Code *
code_at (const MfSafePlaces *places, uint64_t at)
{
  for (guint i = 0; i < places->code->len; i++) {
    const Code *code = &g_array_index (places->code, Code, i);
    if (at >= code->from && at < code->to)
      return code;
  }
  return NULL;
}

static const char *
avoided_at (const MfSafePlaces *places, uint64_t at)
{
  for (guint i = 0; i < places->avoid->len; i++) {
    const Avoid *avoid = &g_array_index (places->avoid, Avoid, i);
    if (at >= avoid->from && at < avoid->to)
      return avoid->name;
  }
  return NULL;
}

// Where a handler of a signal returns to.
static bool
is_sigreturn (const MfSafePlaces *places, uint64_t at)
{
  const MfMachine *machine = mf_machine ();
  uint8_t there[sizeof machine->trampoline];
  return mf_process_read (places->process, at, there, machine->n_trampoline)
      && !memcmp (there, machine->trampoline, machine->n_trampoline);
}

static const char *
refuse_frame (const MfSafePlaces *places, const Code *code, uint64_t at)
{
  if (code->role == LIBC && is_sigreturn (places, at))
    return "a handler of a signal";
  return code->role == LOADER ? "the loader" : code->role == ALLOCATOR ? "an allocator" : avoided_at (places, at);
}

static const char *
refuse_word (const MfSafePlaces *places, const Code *code, uint64_t at)
{
  uint8_t before[8];
  const char *name = refuse_frame (places, code, at);
  if (!name || at < sizeof before || !mf_process_read (places->process, at - sizeof before, before, sizeof before))
    return NULL;
  return mf_machine ()->call_before (before) ? name : NULL;
}

static const char *
refuse_stack (const MfSafePlaces *places, uint64_t from, uint64_t to)
{
  size_t n = MIN (to - from, (uint64_t) MOST_STACK) / sizeof (uint64_t);
  g_autofree uint64_t *words = g_try_new (uint64_t, n);
  if (!words || !mf_process_read (places->process, from, words, n * sizeof *words))
    return "a place whose stack cannot be read";
  for (size_t i = 0; i < n; i++) {
    const Code *code = code_at (places, words[i]);
    const char *why = code ? refuse_word (places, code, words[i]) : NULL;
    if (why)
      return why;
  }
  return NULL;
}

typedef struct { const MfSafePlaces *places; const char *why; } Walk;

static bool
look_at_frame (void *user, uint64_t at)
{
  Walk *walk = user;
  const Code *code = code_at (walk->places, at);
  walk->why = code ? refuse_frame (walk->places, code, at) : NULL;
  return !walk->why;
}

// The stack of the first thread grows when it is written to.
static const Stack *
stack_at (const MfSafePlaces *places, uint64_t at)
{
  for (guint i = 0; i < places->stacks->len; i++) {
    const Stack *stack = &g_array_index (places->stacks, Stack, i);
    if (at >= stack->from && at < stack->to)
      return stack;
  }
  return NULL;
}

static const char *
refuse_instruction (const MfSafePlaces *places, const MfHijack *hijack)
{
  uint64_t at = mf_hijack_instruction (hijack);
  long system_call = mf_hijack_system_call (hijack);
  const Code *code = code_at (places, at);
  if (system_call >= 0)
    return mf_safe_places_is_wait (system_call) ? NULL : "a system call that may change what loading needs";
  return !code ? "code of no file" : code->role != PLAIN ? "the C library" : avoided_at (places, at);
}

const char *
mf_safe_places_refuse (const MfSafePlaces *places, const MfHijack *hijack)
{
  uint64_t at = mf_hijack_stack (hijack);
  const Stack *stack = stack_at (places, at);
  const char *why = refuse_instruction (places, hijack);
  if (why)
    return why;
  if (!stack)
    return "a place without a stack";
  if (!stack->grows && at - stack->from < LEAST_ROOM)
    return "a place with too little stack left";
  Walk walk = { places, NULL };
  bool is_whole = mf_native_stack_walk (places->native, hijack, look_at_frame, &walk);
  return is_whole || walk.why ? walk.why : refuse_stack (places, at, stack->to);
}
