// SPDX-License-Identifier: Apache-2.0
// The event types that the analyzer static-memory publishes besides code.cost and code.site.
#pragma once

#include <memflow/plugin.h>

typedef struct {
  MfString module, target;
  MfSize resident, import, peak, code, file;
  MfSize most;
  uint32_t functions, unbounded;
} StaticModule;
MF_EVENT (StaticModule, "static.module", 1, MF_VIEW_TABLE, "What importing each module costs, and what stays of it",
  MF_FIELD (StaticModule, module, "dotted name", .role = MF_ROLE_LABEL),
  MF_FIELD (StaticModule, target, "on which target", .role = MF_ROLE_KEY),
  MF_FIELD (StaticModule, resident, "that stay after the import, most likely", .role = MF_ROLE_BAR),
  MF_FIELD (StaticModule, import, "allocated by the import"),
  MF_FIELD (StaticModule, peak, "most at one time during it"),
  MF_FIELD (StaticModule, code, "of these, code objects and constants"),
  MF_FIELD (StaticModule, file, "of the file"),
  MF_FIELD (StaticModule, most, "that stay, at most; empty: nothing bounds them"),
  MF_FIELD (StaticModule, functions, "functions in it"),
  MF_FIELD (StaticModule, unbounded, "of these, those whose calls nothing bounds"));

typedef struct {
  MfString function, place, target;
  uint32_t paths;
  MfSize call, most, kept, iteration;
  uint32_t line;
  MfString why;
} StaticFunction;
MF_EVENT (StaticFunction, "static.function", 1, MF_VIEW_TABLE, "What a call of each function costs, the dearest first",
  MF_FIELD (StaticFunction, function, "qualified name", .role = MF_ROLE_LABEL),
  MF_FIELD (StaticFunction, place, "file:line where it begins"),
  MF_FIELD (StaticFunction, target, "on which target", .role = MF_ROLE_KEY),
  MF_FIELD (StaticFunction, paths, "ways through it; saturates"),
  MF_FIELD (StaticFunction, call, "allocated by a call, most likely", .role = MF_ROLE_BAR),
  MF_FIELD (StaticFunction, most, "at most; empty: nothing bounds it"),
  MF_FIELD (StaticFunction, kept, "that stay behind a call"),
  MF_FIELD (StaticFunction, iteration, "allocated by each turn of its dearest loop"),
  MF_FIELD (StaticFunction, line, "that nothing bounds; 0: none, or all of it"),
  MF_FIELD (StaticFunction, why, "why nothing bounds it", .flags = MF_FIELD_BRIEF));

typedef struct {
  MfString function, place, target, by;
  uint64_t paths;
  MfSize least, likely, most;
} StaticPath;
MF_EVENT (StaticPath, "static.path", 1, MF_VIEW_TABLE,
  "Ways through each function, from the cheapest to the dearest, without what it calls",
  MF_FIELD (StaticPath, function, "qualified name", .role = MF_ROLE_LABEL),
  MF_FIELD (StaticPath, place, "file:line where the function begins"),
  MF_FIELD (StaticPath, target, "on which target", .role = MF_ROLE_KEY),
  MF_FIELD (StaticPath, by, "lines to which the first decisions lead"),
  MF_FIELD (StaticPath, paths, "how many ways cost this; saturates"),
  MF_FIELD (StaticPath, least, "allocated on the cheapest of them"),
  MF_FIELD (StaticPath, likely, "allocated, most likely", .role = MF_ROLE_BAR),
  MF_FIELD (StaticPath, most, "on the dearest; empty: nothing bounds it"));

typedef struct {
  MfString place, operation, target;
  uint32_t during;
  uint64_t times;
  MfSize all, bytes;
} StaticOperation;
enum { MF_DURING_IMPORT, MF_DURING_CALL };
#define MF_DURINGS MF_LABELS ("import", "call")
MF_EVENT (StaticOperation, "static.operation", 1, MF_VIEW_TABLE, "The dearest operations, the dearest first",
  MF_FIELD (StaticOperation, place, "file:line", .role = MF_ROLE_LABEL),
  MF_FIELD (StaticOperation, operation, "what it does"),
  MF_FIELD (StaticOperation, target, "on which target", .role = MF_ROLE_KEY),
  MF_FIELD_ENUM (StaticOperation, during, "of the module, or of its function", MF_DURINGS),
  MF_FIELD (StaticOperation, times, "how often it runs meanwhile; in a call, without the turns of its loops"),
  MF_FIELD (StaticOperation, all, "allocated in all", .role = MF_ROLE_BAR),
  MF_FIELD (StaticOperation, bytes, "each time, on average"));

typedef struct {
  MfString module, target, why;
  uint32_t line;
} StaticRefused;
MF_EVENT (StaticRefused, "static.refused", 1, MF_VIEW_TABLE, "Modules that are not counted, or not to their end, and why",
  MF_FIELD (StaticRefused, module, "dotted name", .role = MF_ROLE_LABEL),
  MF_FIELD (StaticRefused, target, "on which target", .role = MF_ROLE_KEY),
  MF_FIELD (StaticRefused, why, "what is in the way"),
  MF_FIELD (StaticRefused, line, "up to which its import is counted; 0: not at all"));
