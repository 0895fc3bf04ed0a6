// SPDX-License-Identifier: Apache-2.0
// Where CPython keeps frames and code objects, by version and size of a pointer: a table measured from debug information,
// and what interpreters since 3.13 say of themselves (Include/internal/pycore_debug_offsets.h), which goes before it.
#include "agent.h"

#include <stdio.h>

// DWARF of 3.8.18, 3.9.18, 3.10.13, 3.11.7, 3.12.1, 3.13.0 and of Debian's 3.13.5 and 3.14.10, all x86-64.
#if UINTPTR_MAX > UINT32_MAX
#define LAYOUT_38(minor, lasti, table_at, units) \
  { .version = 0x0300 + minor, .top = 24, .current = -1, .previous = 24, .code = 32, .at = lasti, .owner = -1, \
    .globals = 48, .file = 104, .name = 112, .first_line = 40, .table = table_at, .bytecode = -1, .at_size = 4, \
    .unit = units, .ascii = 48, .compact = 72 }

static const MfLayout layouts[] = {
  LAYOUT_38 (8, 104, 120, 1),
  LAYOUT_38 (9, 104, 120, 1),
  LAYOUT_38 (10, 96, 120, 2),
  { .version = 0x030b, .top = 56, .current = 8, .previous = 48, .code = 32, .at = 56, .owner = -1, .globals = 8,
    .file = 112, .name = 128, .first_line = 72, .table = 136, .bytecode = 184, .at_size = 8, .ascii = 48, .compact = 72 },
  { .version = 0x030c, .top = 56, .current = 0, .previous = 8, .code = 0, .at = 56, .owner = 70, .globals = 24,
    .file = 112, .name = 128, .first_line = 68, .table = 136, .bytecode = 192, .at_size = 8, .ascii = 40, .compact = 56 },
  { .version = 0x030d, .top = 72, .current = -1, .previous = 8, .code = 0, .at = 56, .owner = 70, .globals = 24,
    .file = 112, .name = 128, .first_line = 68, .table = 136, .bytecode = 200, .at_size = 8, .ascii = 40, .compact = 56 },
  { .version = 0x030e, .top = 72, .current = -1, .previous = 8, .code = 0, .at = 56, .owner = 74, .globals = 24,
    .file = 112, .name = 128, .first_line = 68, .table = 136, .bytecode = 208, .at_size = 8, .ascii = 40, .compact = 56 },
};

// DWARF of Debian's 3.9.2, 3.11.2, 3.13.5 and 3.14.10, i386 and armhf, which are the same.
#else
static const MfLayout layouts[] = {
  { .version = 0x0309, .top = 12, .current = -1, .previous = 12, .code = 16, .at = 52, .owner = -1, .globals = 24,
    .file = 64, .name = 68, .first_line = 32, .table = 72, .bytecode = -1, .at_size = 4, .unit = 1, .ascii = 24,
    .compact = 36 },
  { .version = 0x030b, .top = 40, .current = 4, .previous = 24, .code = 16, .at = 28, .owner = -1, .globals = 4,
    .file = 80, .name = 88, .first_line = 48, .table = 92, .bytecode = 116, .at_size = 4, .ascii = 24, .compact = 36 },
  { .version = 0x030d, .top = 52, .current = -1, .previous = 4, .code = 0, .at = 28, .owner = 38, .globals = 12,
    .file = 80, .name = 88, .first_line = 44, .table = 92, .bytecode = 124, .at_size = 4, .ascii = 20, .compact = 28 },
  { .version = 0x030e, .top = 52, .current = -1, .previous = 4, .code = 0, .at = 28, .owner = 38, .globals = 12,
    .file = 80, .name = 88, .first_line = 44, .table = 92, .bytecode = 128, .at_size = 4, .ascii = 20, .compact = 28 },
};
#endif

enum { N_LAYOUTS = sizeof layouts / sizeof layouts[0] };

// ---- the version

// "3.11.2 (main, ...)", "3.14.0rc2 (main, ...)". 0 = it is neither.
static uint16_t
version_of (const char *text, bool *final)
{
  unsigned major, minor, patch;
  char after = 0;
  if (!text || sscanf (text, "%u.%u.%u%c", &major, &minor, &patch, &after) < 3 || major != 3 || minor > 99)
    return 0;
  *final = after == ' ';
  return (uint16_t) (major << 8 | minor);
}

static const MfLayout *
layout_of (uint16_t version)
{
  for (size_t i = 0; i < N_LAYOUTS; i++)
    if (layouts[i].version == version)
      return &layouts[i];
  return NULL;
}

// The closest one for a version that has none.
static const MfLayout *
nearest_layout (uint16_t version)
{
  const MfLayout *nearest = &layouts[0];
  for (size_t i = 1; i < N_LAYOUTS && layouts[i].version <= version; i++)
    nearest = &layouts[i];
  return nearest;
}

// ---- what the interpreter says of itself: 64-bit numbers in groups, at the beginning of its runtime state

typedef struct { uint16_t version, thread, frame, code; } Groups;  // where the groups begin

static const Groups groups[] = { { 0x030d, 152, 224, 272 }, { 0x030e, 176, 248, 312 } };

enum { COOKIE = 8, VERSION_AT = 8, FREE_THREADED_AT = 16, LEAST_VERSION = 0x030d };
enum { THREAD, FRAME, CODE };

static const struct { uint8_t group, at; uint16_t member; } members[] = {
  { THREAD, 32, offsetof (MfLayout, top) },
  { FRAME, 8, offsetof (MfLayout, previous) },
  { FRAME, 16, offsetof (MfLayout, code) },
  { FRAME, 24, offsetof (MfLayout, at) },
  { FRAME, 40, offsetof (MfLayout, owner) },
  { CODE, 8, offsetof (MfLayout, file) },
  { CODE, 24, offsetof (MfLayout, name) },
  { CODE, 32, offsetof (MfLayout, table) },
  { CODE, 40, offsetof (MfLayout, first_line) },
  { CODE, 72, offsetof (MfLayout, bytecode) },
};

static uint64_t
number_at (const uint8_t *runtime, size_t at)
{
  uint64_t number;
  memcpy (&number, runtime + at, sizeof number);
  return number;
}

static bool
tells_offsets (uint16_t version, const uint8_t *runtime)
{
  return runtime && version >= LEAST_VERSION && !memcmp (runtime, "xdebugpy", COOKIE)
      && number_at (runtime, VERSION_AT) >> 16 == version;
}

static void
read_offsets (MfLayout *layout, const uint8_t *runtime)
{
  const Groups *group = NULL;
  for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
    if (groups[i].version == layout->version)
      group = &groups[i];
  for (size_t i = 0; group && i < sizeof members / sizeof members[0]; i++) {
    const uint16_t begin[] = { group->thread, group->frame, group->code };
    uint64_t offset = number_at (runtime, begin[members[i].group] + members[i].at);
    if (offset <= INT16_MAX)
      *(int16_t *) ((uint8_t *) layout + members[i].member) = (int16_t) offset;
  }
}

// ----

uint32_t
mf_layout_choose (MfLayout *layout, const char *text, const uint8_t *runtime, bool force)
{
  bool final = false;
  uint16_t version = version_of (text, &final);
  const MfLayout *known = layout_of (version);
  *layout = known ? *known : version ? *nearest_layout (version) : (MfLayout) { 0 };
  layout->version = version;
  bool tells = tells_offsets (version, runtime);
  if ((text && strstr (text, "free-threading")) || (tells && number_at (runtime, FREE_THREADED_AT)))
    return MF_STACKS_FREE_THREADED;
  if (tells)
    read_offsets (layout, runtime);
  return (known && final) || (force && version) ? MF_STACKS_ON : MF_STACKS_VERSION;
}
