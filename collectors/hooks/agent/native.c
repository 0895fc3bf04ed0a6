// SPDX-License-Identifier: Apache-2.0
// Native frames above the innermost Python function: from where the allocator was called back to the interpreter's loop.
// They are told as a module and a place in its file; names are found outside of the program.
#include "agent.h"

#include <dlfcn.h>
#include <elf.h>

#include "loaded-module.h"
#include "native-unwind.h"

enum { BUILD_ID_MOST = 64 };

_Atomic uint32_t mf_modules_epoch;

typedef struct { uintptr_t start, end; } Part;
static Part own, loop;  // code of the agent; the function of the interpreter that runs bytecode

// ---- modules

// The identity of a build in the notes of a module. Returns its length; 0 = it has none.
static uint32_t
find_build_id (const struct dl_phdr_info *module, const uint8_t **bits)
{
  for (int i = 0; i < module->dlpi_phnum; i++) {
    const ElfW (Phdr) *header = &module->dlpi_phdr[i];
    const uint8_t *at = (const uint8_t *) (module->dlpi_addr + header->p_vaddr), *end = at + header->p_memsz;
    while (header->p_type == PT_NOTE && at < end && (size_t) (end - at) >= sizeof (ElfW (Nhdr))) {
      const ElfW (Nhdr) *note = (const void *) at;
      const uint8_t *name = at + sizeof *note, *description = name + ((note->n_namesz + 3u) & ~3u);
      if (description > end || note->n_descsz > (size_t) (end - description))
        break;
      if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && !memcmp (name, "GNU", 4)) {
        *bits = description;
        return note->n_descsz < BUILD_ID_MOST ? note->n_descsz : BUILD_ID_MOST;
      }
      at = description + ((note->n_descsz + 3u) & ~3u);
    }
  }
  return 0;
}

void
mf_native_start (void)
{
  MfLoadedModule module;
  mf_unwind_start ();
  uintptr_t run = (uintptr_t) dlsym (RTLD_DEFAULT, "_PyEval_EvalFrameDefault");
  if (mf_loaded_module_find ((uintptr_t) mf_native_start, &module))
    own = (Part) { (uintptr_t) module.frames.start, (uintptr_t) module.frames.end };
  if (run)
    mf_unwind_function (run, &loop.start, &loop.end);
}

// ---- telling the ring

static uint32_t
tell_module (MfThread *thread, uint32_t slot, const MfLoadedModule *module)
{
  const uint8_t *bits = NULL;
  const char *path = module->headers.dlpi_name && *module->headers.dlpi_name ? module->headers.dlpi_name : NULL;
  size_t n_path = path ? strlen (path) : mf_agent.file_length, n_bits = find_build_id (&module->headers, &bits);
  n_path = n_path < MF_FILE_MOST ? n_path : MF_FILE_MOST;
  uint32_t whole = (uint32_t) ((sizeof (MfModuleRecord) + n_path + n_bits + 7) & ~(size_t) 7);
  MfModuleRecord *record = mf_stream_room (thread, whole);
  if (!record)
    return MF_NO_SLOT;
  *record = (MfModuleRecord) { .head = { .kind = MF_RECORD_MODULE, .value = whole }, .slot = slot,
    .path_length = (uint16_t) n_path, .build_id_length = (uint16_t) n_bits };
  memcpy (record + 1, path ? path : mf_agent.file, n_path);
  if (n_bits)
    memcpy ((uint8_t *) (record + 1) + n_path, bits, n_bits);
  mf_stream_add (thread, whole);
  mf_stream_publish (thread);
  return slot;
}

// Slot of the module of an address, defined in the ring if it was not; `bias` is what its file does not count.
static uint32_t
module_slot (MfThread *thread, uintptr_t address, uintptr_t *bias)
{
  MfLoadedModule found;
  MfToldModule *modules = thread->defined->modules;
  for (uint32_t i = 0; i < MF_MODULE_SLOTS; i++)
    if (address - modules[i].start < modules[i].size) {
      *bias = modules[i].bias;
      return i;
    }
  if (!mf_loaded_module_find (address, &found))
    return MF_NO_SLOT;
  uintptr_t start = (uintptr_t) found.frames.start;
  uint32_t slot = (uint32_t) (start >> 12) % MF_MODULE_SLOTS;
  if (tell_module (thread, slot, &found) == MF_NO_SLOT)
    return MF_NO_SLOT;
  modules[slot] = (MfToldModule) { start, (uintptr_t) found.frames.end - start, found.headers.dlpi_addr };
  *bias = found.headers.dlpi_addr;
  return slot;
}

static uint32_t
define_frame (MfThread *thread, uint32_t caller, uintptr_t address, uint64_t hash)
{
  uintptr_t bias = 0;
  uint32_t slot = mf_stack_new_slot (thread->defined->nodes, hash), module = module_slot (thread, address, &bias);
  MfNativeRecord *record = module == MF_NO_SLOT ? NULL : mf_stream_room (thread, sizeof *record);
  if (!record)
    return MF_NO_SLOT;
  *record = (MfNativeRecord) { .head = { .kind = MF_RECORD_NATIVE, .value = slot }, .caller = caller, .module = module,
    .address = address - 1 - bias };
  mf_stream_add (thread, sizeof *record);
  mf_stream_publish (thread);
  thread->defined->nodes[slot] = hash;
  return slot;
}

// ---- the stack

static bool
is_in (const Part *part, uintptr_t address)
{
  return address - part->start < part->end - part->start;
}

static inline uint64_t
hash_above (uint64_t caller, uintptr_t address)
{
  uint64_t hash = caller * UINT64_C (0x9e3779b97f4a7c15) + address;
  hash ^= hash >> 32;
  hash *= UINT64_C (0xd6e8feb86659fd93);
  hash ^= hash >> 32;
  return hash | (MF_HASH_CUT + 1);
}

// Where the native frames of the innermost Python function end: at the loop of the interpreter, if that is on the stack.
static uint32_t
trim (const uintptr_t *addresses, uint32_t n, uint32_t *first)
{
  *first = 0;
  while (*first < n && is_in (&own, addresses[*first]))
    ++*first;
  for (uint32_t i = *first; i < n; i++)
    if (is_in (&loop, addresses[i]))
      return i;
  return n;
}

// Defines what is above the innermost part that is defined already; `hashes` from the innermost frame on.
static MF_COLD uint32_t
define_frames (MfThread *thread, uint32_t caller, const uintptr_t *addresses, const uint64_t *hashes, uint32_t n)
{
  uint32_t slot = caller, k = 0;
  for (; k < n && (slot = mf_stack_known_slot (thread->defined->nodes, hashes[k])) == MF_NO_SLOT; k++)
    slot = caller;
  slot = k == n ? caller : slot;
  while (k-- > 0)
    if ((slot = define_frame (thread, slot, addresses[k], hashes[k])) == MF_NO_SLOT)
      return MF_NO_SLOT;
  return slot;
}

MF_COLD uint32_t
mf_native_slot (MfThread *thread, uint32_t python, uint64_t hash)
{
  MfDefined *defined = thread->defined;
  MfUnwindEnd end;
  uint32_t first;
  if (python > MF_NO_STACK || !defined)
    return python;
  uint32_t epoch = atomic_load_explicit (&mf_modules_epoch, memory_order_acquire);
  if (defined->modules_epoch != epoch) {
    memset (defined->modules, 0, sizeof defined->modules);
    memset (&defined->rows, 0, sizeof defined->rows);
    defined->modules_epoch = epoch;
  }
  uintptr_t *addresses = defined->native;
  uint64_t *hashes = defined->native_hashes;
  uint32_t n = trim (addresses, mf_unwind (&defined->rows, addresses, MF_MOST_NATIVE, &end), &first);
  for (uint32_t i = n; i-- > first; hashes[i] = hash)
    hash = hash_above (hash, addresses[i]);
  if (n == first)
    return python;
  uint32_t slot = mf_stack_known_slot (defined->nodes, hashes[first]);
  return slot != MF_NO_SLOT ? slot
      : define_frames (thread, python == MF_NO_STACK ? MF_NO_SLOT : python, addresses + first, hashes + first, n - first);
}

// What a module leaves behind when it goes may become another one's.
__attribute__ ((visibility ("default"))) int
dlclose (void *module)
{
  static int (*real) (void *module);
  if (!real)
    *(void **) &real = dlsym (RTLD_NEXT, "dlclose");
  int status = real ? real (module) : -1;
  atomic_fetch_add (&mf_modules_epoch, 1);
  return status;
}
