// SPDX-License-Identifier: Apache-2.0
// Events as typed rows: kinds of fields, schemas that travel with the plugin, immutable batches.
// Self-contained C11; every struct here is part of the plugin ABI.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// ---- field kinds: the special ones are one-member structs, so that a wrong C type does not compile

typedef struct { int64_t ns; } MfTime;         // since the source's own zero; MF_TIME_NONE = not known
typedef struct { int64_t ns; } MfDuration;
typedef struct { uint64_t at; } MfAddress;     // in the studied machine; MF_ADDRESS_NONE = not known
typedef struct { uint64_t bytes; } MfSize;     // MF_SIZE_NONE = not known
typedef struct { uint32_t id; } MfString;      // interned for the run; 0 = none
typedef struct { uint32_t id; } MfStack;       // interned for the run; 0 = none
typedef struct { uint32_t offset, length; } MfText;  // bytes in the batch's own arena, not terminated

#define MF_TIME_NONE ((MfTime) { INT64_MIN })
#define MF_ADDRESS_NONE ((MfAddress) { UINT64_MAX })
#define MF_SIZE_NONE ((MfSize) { UINT64_MAX })

typedef enum {
  MF_NONE, MF_BOOL, MF_U8, MF_U16, MF_U32, MF_U64, MF_I8, MF_I16, MF_I32, MF_I64, MF_F64,
  MF_ENUM, MF_FLAGS, MF_TIME, MF_DURATION, MF_ADDRESS, MF_SIZE, MF_STRING, MF_STACK, MF_TEXT,
  MF_N_KINDS
} MfKind;

#define MF_KIND_OF(x) _Generic ((x), \
  bool: MF_BOOL, uint8_t: MF_U8, uint16_t: MF_U16, uint32_t: MF_U32, unsigned long: MF_U64, \
  unsigned long long: MF_U64, int8_t: MF_I8, int16_t: MF_I16, int32_t: MF_I32, long: MF_I64, \
  long long: MF_I64, double: MF_F64, MfTime: MF_TIME, MfDuration: MF_DURATION, \
  MfAddress: MF_ADDRESS, MfSize: MF_SIZE, MfString: MF_STRING, MfStack: MF_STACK, MfText: MF_TEXT)
#define MF_ENUM_KIND_OF(x) _Generic ((x), uint8_t: MF_ENUM, uint16_t: MF_ENUM, uint32_t: MF_ENUM)
#define MF_FLAGS_KIND_OF(x) _Generic ((x), uint8_t: MF_FLAGS, uint16_t: MF_FLAGS, uint32_t: MF_FLAGS)

// The unit of a plain number. Times, durations, sizes and addresses carry theirs in the kind.
typedef enum {
  MF_UNIT_NONE, MF_UNIT_BYTES, MF_UNIT_NANOSECONDS, MF_UNIT_PERCENT, MF_UNIT_RATIO,
  MF_UNIT_BLOCKS, MF_UNIT_ROWS, MF_UNIT_CALLS, MF_UNIT_PER_SECOND,
  MF_N_UNITS
} MfUnit;

// What a field means to a picture. A view (below) finds its axes by role, never by name.
typedef enum {
  MF_ROLE_NONE,
  MF_ROLE_KEY,     // which picture the row belongs to; a new value starts a new one
  MF_ROLE_PART,    // which part of the picture: the region of a map, the line of a series
  MF_ROLE_AT,      // where: offset in a map, lower edge of a histogram bin, x of a series; an address
                   // beside a key and a part: where that part of a map begins
  MF_ROLE_EXTENT,  // how far: size of a block; upper edge of a bin
  MF_ROLE_STATE,   // map: an enum whose label 0 means free, any other used
  MF_ROLE_LABEL,   // what stands there: kind of a block, name of a row or of a tree node
  MF_ROLE_BAR,     // the value that is drawn as a bar or a curve
  MF_ROLE_PARENT,  // tree: the label of the parent
  MF_ROLE_HIDDEN,  // not shown to readers of text; always in JSON, CSV and captures
  MF_N_ROLES
} MfRole;

// How people see a type. The text format has one renderer for each view and knows no plugin by name.
typedef enum {
  MF_VIEW_TABLE, MF_VIEW_MAP, MF_VIEW_HISTOGRAM, MF_VIEW_SERIES, MF_VIEW_TREE,
  MF_VIEW_NONE,    // raw facts: not drawn unless asked for
  MF_VIEW_BULK,    // contents for later stages: only those get it who name the type, or consume "**"
  MF_N_VIEWS
} MfView;

enum {
  MF_FIELD_OPTIONAL = 1,  // all bits set (NaN for f64) = not known: an empty cell, null
  MF_FIELD_BRIEF = 2      // one line of this text is enough for readers of a table
};

typedef struct {
  const char *name, *doc;
  const char *const *labels;  // enum: by value, NULL-terminated; flags: by bit
  uint32_t offset;
  uint16_t kind, width;       // MfKind; bytes
  uint8_t unit, role;         // MfUnit; MfRole
  uint16_t flags;
  uint32_t reserved;
} MfField;

typedef struct {
  const char *name;           // dotted, lower case: "heap.block"
  const char *doc;
  const MfField *fields;      // in order of offset; they tile the row without holes
  uint32_t n_fields;
  uint32_t row_size;          // bytes, a multiple of 8
  uint16_t major;             // a change of meaning; fields added at the end keep it
  uint16_t view;              // MfView
  uint32_t reserved;
} MfType;

// MF_FIELD (Row, member, "doc" [, .unit = …, .role = …, .flags = …])
#define MF_FIELD(Row, member, ...) \
  { .name = #member, .offset = offsetof (Row, member), \
    .kind = MF_KIND_OF (((Row *) 0)->member), .width = sizeof (((Row *) 0)->member), .doc = __VA_ARGS__ }
#define MF_LABELS(...) .labels = (const char *const[]) { __VA_ARGS__, NULL }
#define MF_FIELD_ENUM(Row, member, text, ...) \
  { .name = #member, .doc = text, .offset = offsetof (Row, member), \
    .kind = MF_ENUM_KIND_OF (((Row *) 0)->member), .width = sizeof (((Row *) 0)->member), __VA_ARGS__ }
#define MF_FIELD_FLAGS(Row, member, text, ...) \
  { .name = #member, .doc = text, .offset = offsetof (Row, member), \
    .kind = MF_FLAGS_KIND_OF (((Row *) 0)->member), .width = sizeof (((Row *) 0)->member), __VA_ARGS__ }

// Declares `static const MfType Row_type` for the row struct Row.
#define MF_EVENT(Row, id, version, how, text, ...) \
  static const MfField Row##_fields[] = { __VA_ARGS__ }; \
  __attribute__ ((unused)) static const MfType Row##_type = { \
    .name = id, .doc = text, .fields = Row##_fields, \
    .n_fields = sizeof Row##_fields / sizeof Row##_fields[0], .row_size = sizeof (Row), \
    .major = version, .view = how }; \
  _Static_assert (sizeof (Row) % 8 == 0, #Row ": pad the row to a multiple of 8 bytes with real fields")

// ---- batches

enum {
  MF_BATCH_INCOMPLETE = 1,  // something upstream of these rows was lost; see core.lost
  MF_BATCH_DERIVED = 2      // published by an analyzer, not by a collector
};

enum { MF_BATCH_MAX_ROWS = 4096, MF_BATCH_MAX_BYTES = 65536 };

// Rows of one type, stage, input and epoch. Immutable; valid during the handler that receives it.
typedef struct {
  const MfType *type;   // the publisher's schema: read fields by it, rows by stride
  const uint8_t *rows;
  const char *text;     // arena of the rows' MfText fields
  uint32_t n_rows, stride, text_size;
  uint32_t epoch;       // counts reboots and execs of the source
  MfString stage;       // who published it: the name in the configuration
  MfString input;       // what the collector read: a file, a device, a process
  uint32_t flags;       // MF_BATCH_*
  uint32_t reserved;
} MfBatch;

#define MF_EACH(batch, Row, row) \
  for (const Row *row = (const void *) (batch)->rows, \
       *row##_end = (const void *) ((batch)->rows + (size_t) (batch)->n_rows * (batch)->stride); \
       row != row##_end; row = (const void *) ((const uint8_t *) row + (batch)->stride))

// The bytes of a text field: not terminated, text.length of them; never NULL.
static inline const char *
mf_batch_text (const MfBatch *batch, MfText text)
{
  bool inside = text.offset <= batch->text_size && text.length <= batch->text_size - text.offset;
  return inside && batch->text ? batch->text + text.offset : "";
}

// An interned call site. Line 0 = not known.
typedef struct { MfString function, file; uint32_t line, reserved; } MfFrame;
