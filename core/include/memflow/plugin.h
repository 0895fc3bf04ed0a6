// SPDX-License-Identifier: Apache-2.0
// The plugin contract: everything that a collector, an analyzer or a format includes.
// Self-contained C11; a module links nothing of memflow, the host passes it a table of functions.
#pragma once

#include <memflow/event.h>
#include <memflow/events.h>

#define MF_ABI_MAJOR 0
#define MF_ABI_MINOR 1
#define MF_MAGIC 0x6d666c77u  // "mflw"

typedef struct MfHost MfHost;
typedef struct MfOutput MfOutput;

// First member of every instance. `core` belongs to the host.
typedef struct { const MfHost *host; void *core; } MfStage;

// An output port: the open batch of one type. MF_OUT makes it typed. All members belong to the host.
typedef struct {
  uint8_t *next, *end;
  uint32_t stride, reserved;
  void *link;
  const MfHost *host;
} MfPort;
#define MF_OUT(Row) union { MfPort port; Row *row; }

typedef enum { MF_WAIT_READY, MF_WAIT_TIMEOUT, MF_WAIT_STOP } MfWait;

// What a stage may know of the run that it is part of. Valid until its `stop` has returned.
typedef struct {
  uint32_t size;              // of this struct
  bool deterministic, ascii, colour, live_terminal;
  const char *name;           // of the pipeline
  const char *configuration;  // path of its file, "" when built in memory
  const char *version;        // of memflow
} MfRunFacts;

// Functions of the host. Append-only: compare `size` before using one that is newer than your build.
// Each is to be called from the callbacks of the stage that it is given, on that thread.
struct MfHost {
  uint32_t size, abi_minor;

  // Events. `port_turn` publishes the open batch of a full port and opens the next; false = stop now.
  bool (*port_turn) (MfPort *port);
  // Publishes all open batches of the stage, in the order of its `publishes`: the barrier across types.
  bool (*flush) (MfStage *stage);
  // Copies bytes to the arena of the open batch, for the row that is emitted next.
  MfText (*text) (MfPort *port, const char *bytes, size_t n);
  // In `declare` only: adds an output type that is known at run time. The type must live until `stop`.
  MfPort *(*declare) (MfStage *stage, const MfType *type);
  // What the following rows were read from, or are about: for collectors, and for analyzers in `finish` (in
  // handlers it is that of the batch). Flushes when it changes.
  void (*context) (MfStage *stage, MfString input, uint32_t epoch);
  // Collectors: rows that the source is known to have lost (reason: MF_LOST_*). Counted and published.
  void (*lost) (MfStage *stage, const char *type, uint64_t count, uint32_t reason);

  // Interned names and call sites: equal texts have equal ids for the whole run.
  MfString (*string) (MfStage *stage, const char *text, size_t n);
  const char *(*string_text) (MfStage *stage, MfString string);   // terminated; "" for unknown ids
  MfStack (*stack) (MfStage *stage, MfStack caller, MfFrame frame);
  bool (*stack_frame) (MfStage *stage, MfStack stack, MfFrame *frame, MfStack *caller);

  // Failing and speaking. `fail` returns false, so that `return mf_fail (…)` ends the callback;
  // `option` names the option whose place in the configuration is to blame, or is NULL.
  bool (*fail) (MfStage *stage, const char *option, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));
  void (*log) (MfStage *stage, uint32_t severity, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));
  void (*progress) (MfStage *stage, uint64_t done, uint64_t total);  // bytes; total 0 = not known

  // Waiting, for collectors: flushes, then waits until `fd` (-1 = none) is readable, the time is over
  // (negative = never) or the run is to stop.
  MfWait (*wait) (MfStage *stage, int fd, MfDuration timeout);
  bool (*stopping) (MfStage *stage);
  MfTime (*now) (MfStage *stage);  // since the start of the run, monotonic

  // Memory whose size depends on input: NULL when there is none. resize (…, old, 0) frees.
  void *(*resize) (MfStage *stage, void *old, size_t bytes);

  // Output files. `name` is relative to the run's output directory; "-" is stdout (one stage only).
  // A regular file is written beside its final name and renamed when the stage has succeeded.
  MfOutput *(*output) (MfStage *stage, const char *name);  // NULL = failed, the error is already set
  bool (*write) (MfOutput *output, const void *bytes, size_t n);
  bool (*output_flush) (MfOutput *output);                 // to the reader, for streams
  bool (*output_is_terminal) (const MfOutput *output);
  void (*output_count) (MfOutput *output, uint64_t rows);  // rows in it so far, for the summary

  const MfRunFacts *(*run) (MfStage *stage);

  // Collectors, in `start`: the source goes on whether it is read or not. Its full queue drops instead of waiting
  // (unless `when-full` says otherwise). False under --deterministic, which refuses live sources: return false.
  bool (*live) (MfStage *stage);

  // Collectors that run a program: its exit status, 128 + signal when it was killed. It becomes the command's own
  // unless that one has failed.
  void (*program_status) (MfStage *stage, int status);

  // Whether anybody receives what this port publishes: what is costly to make need not be made for nobody. Known
  // from `start` on.
  bool (*port_wanted) (const MfPort *port);
};

// ---- publishing

static inline void *
mf_port_reserve (MfPort *port)
{
  if (__builtin_expect (port->next == port->end, 0) && !port->host->port_turn (port))
    return NULL;
  return port->next;
}

static inline bool
mf_port_put (MfPort *port, const void *row, size_t size)
{
  void *to = mf_port_reserve (port);
  if (__builtin_expect (!to, 0))
    return false;
  memcpy (to, row, size);
  port->next += port->stride;
  return true;
}

// Copies a row into the open batch; false = the run is to stop: return false from the callback.
// A compiler that finds no association here says: this port publishes another row type.
#define mf_emit(out, pointer) \
  ((void) _Generic ((pointer), __typeof__ ((out)->row): 0, const __typeof__ (*(out)->row) *: 0), \
   mf_port_put (&(out)->port, (pointer), sizeof *(out)->row))
// Writes a row in place: fill what mf_reserve returns (NULL = stop), then mf_commit.
#define mf_reserve(out) ((__typeof__ ((out)->row)) mf_port_reserve (&(out)->port))
#define mf_commit(out) ((void) ((out)->port.next += (out)->port.stride))
#define mf_is_wanted(out) ((out)->port.host->port_wanted (&(out)->port))
#define mf_text(out, bytes, n) ((out)->port.host->text (&(out)->port, (bytes), (n)))

#define MF_HOST_OF(self) (((MfStage *) (self))->host)
#define mf_flush(self) (MF_HOST_OF (self)->flush ((MfStage *) (self)))
#define mf_declare(self, type) (MF_HOST_OF (self)->declare ((MfStage *) (self), (type)))
#define mf_context(self, input, epoch) (MF_HOST_OF (self)->context ((MfStage *) (self), (input), (epoch)))
#define mf_lost(self, type, count, reason) (MF_HOST_OF (self)->lost ((MfStage *) (self), (type), (count), (reason)))
#define mf_string(self, text) (MF_HOST_OF (self)->string ((MfStage *) (self), (text), strlen (text)))
#define mf_string_n(self, text, n) (MF_HOST_OF (self)->string ((MfStage *) (self), (text), (n)))
#define mf_string_text(self, string) (MF_HOST_OF (self)->string_text ((MfStage *) (self), (string)))
#define mf_stack(self, caller, frame) (MF_HOST_OF (self)->stack ((MfStage *) (self), (caller), (frame)))
#define mf_stack_frame(self, stack, frame, caller) \
  (MF_HOST_OF (self)->stack_frame ((MfStage *) (self), (stack), (frame), (caller)))
#define mf_fail(self, ...) (MF_HOST_OF (self)->fail ((MfStage *) (self), NULL, __VA_ARGS__))
#define mf_fail_option(self, option, ...) (MF_HOST_OF (self)->fail ((MfStage *) (self), (option), __VA_ARGS__))
#define mf_log(self, severity, ...) (MF_HOST_OF (self)->log ((MfStage *) (self), (severity), __VA_ARGS__))
#define mf_progress(self, done, total) (MF_HOST_OF (self)->progress ((MfStage *) (self), (done), (total)))
#define mf_wait(self, fd, timeout) (MF_HOST_OF (self)->wait ((MfStage *) (self), (fd), (timeout)))
#define mf_stopping(self) (MF_HOST_OF (self)->stopping ((MfStage *) (self)))
#define mf_now(self) (MF_HOST_OF (self)->now ((MfStage *) (self)))
#define mf_resize(self, old, bytes) (MF_HOST_OF (self)->resize ((MfStage *) (self), (old), (bytes)))
#define mf_output(self, name) (MF_HOST_OF (self)->output ((MfStage *) (self), (name)))
#define mf_write(self, output, bytes, n) (MF_HOST_OF (self)->write ((output), (bytes), (n)))
#define mf_output_flush(self, output) (MF_HOST_OF (self)->output_flush (output))
#define mf_output_is_terminal(self, output) (MF_HOST_OF (self)->output_is_terminal (output))
#define mf_output_count(self, output, rows) (MF_HOST_OF (self)->output_count ((output), (rows)))
#define mf_live(self) (MF_HOST_OF (self)->live ((MfStage *) (self)))
#define mf_program_status(self, status) (MF_HOST_OF (self)->program_status ((MfStage *) (self), (status)))
#define mf_run(self) (MF_HOST_OF (self)->run ((MfStage *) (self)))

// ---- options: the host writes parsed values into the instance by offset

typedef struct { const char *path; } MfPath;        // resolved against the configuration's folder; NULL = unset
typedef struct { const char *name; } MfOutputName;  // for mf_output; NULL = unset
typedef struct { const char *const *items; uint32_t n, reserved; } MfTexts;
typedef struct { const char *const *items; uint32_t n, reserved; } MfPaths;  // each resolved as MfPath is
typedef struct { const MfSize *items; uint32_t n, reserved; } MfSizes;
typedef struct { const char *const *words; uint32_t n, reserved; } MfArgv;  // the words after `--`

// A machine that memory is predicted for, as its file describes it (configs/targets). MF_SIZE_NONE: it does not say.
typedef struct {
  uint32_t size;               // of this struct
  const char *name;            // stm32f405-micropython
  const char *title, *architecture;
  const char *python;          // "CPython 3.11.2"
  MfSize heap, ram, flash, stack;
  MfSize storage;              // of flash, for the program's files
  MfSize baseline;             // of the heap, or of RAM where the heap is not fixed: used before the program's first line
  const char *baseline_basis;  // how that is known, or NULL
  MfTexts modules;             // that are part of the firmware: importing them reads no file
  const struct MfTarget *model;  // the same for core/model
} MfTargetFacts;
// The first n_named of them were named, the others match a pattern, as * does.
typedef struct { const MfTargetFacts *const *items; uint32_t n, n_named; } MfTargets;

// "app.net <= 12KiB"
typedef struct { const char *what; MfSize at_most; } MfLimit;
typedef struct { const MfLimit *items; uint32_t n, reserved; } MfLimits;

typedef enum {  // beyond MfKind: bool, integers, f64, duration and size use their field kind
  MF_OPTION_TEXT = 64, MF_OPTION_PATH, MF_OPTION_OUTPUT, MF_OPTION_TEXTS, MF_OPTION_SIZES,
  MF_OPTION_ARGV, MF_OPTION_CHOICE, MF_OPTION_TARGETS, MF_OPTION_LIMITS, MF_OPTION_PATHS,
  MF_OPTION_END
} MfOptionKind;

enum { MF_OPTION_REQUIRED = 1 };

typedef struct {
  const char *name;           // the member; `_` is written `-` in configurations
  const char *fallback;       // as one would write it; NULL = unset: all bits set, or a NULL pointer
  const char *doc;
  const char *const *labels;  // choices, NULL-terminated
  double low, high;           // range of numbers, durations (ns) and sizes (bytes) when low < high
  uint32_t offset;
  uint16_t kind, flags;
} MfOption;

#define MF_OPTION_KIND_OF(x) _Generic ((x), \
  bool: MF_BOOL, uint8_t: MF_U8, uint16_t: MF_U16, uint32_t: MF_U32, unsigned long: MF_U64, \
  unsigned long long: MF_U64, int8_t: MF_I8, int16_t: MF_I16, int32_t: MF_I32, long: MF_I64, \
  long long: MF_I64, double: MF_F64, MfDuration: MF_DURATION, MfSize: MF_SIZE, \
  MfAddress: MF_ADDRESS, const char *: MF_OPTION_TEXT, MfPath: MF_OPTION_PATH, \
  MfOutputName: MF_OPTION_OUTPUT, MfTexts: MF_OPTION_TEXTS, MfSizes: MF_OPTION_SIZES, \
  MfArgv: MF_OPTION_ARGV, MfTargets: MF_OPTION_TARGETS, MfLimits: MF_OPTION_LIMITS, \
  MfPaths: MF_OPTION_PATHS)

// MF_OPTION (Self, member, "default" or NULL, "doc" [, .low = …, .high = …, .flags = …])
#define MF_OPTION(Self, member, value, ...) \
  { .name = #member, .fallback = value, .offset = offsetof (Self, member), \
    .kind = MF_OPTION_KIND_OF (((Self *) 0)->member), .doc = __VA_ARGS__ }
// MF_CHOICE (Self, uint32_t member, "default", "doc", "label 0", "label 1", …)
#define MF_CHOICE(Self, member, value, text, ...) \
  { .name = #member, .fallback = value, .doc = text, .offset = offsetof (Self, member), \
    .kind = _Generic (((Self *) 0)->member, uint32_t: MF_OPTION_CHOICE), \
    .labels = (const char *const[]) { __VA_ARGS__, NULL } }
#define MF_OPTIONS(...) .options = (const MfOption[]) { __VA_ARGS__, { 0 } }

// ---- inputs and outputs of a stage

typedef bool (*MfCallback) (void *stage);
typedef bool (*MfBatchCallback) (void *stage, const MfBatch *batch);

typedef struct { const char *glob; const MfType *type; MfBatchCallback process; } MfInput;
typedef struct { const MfType *type; uint32_t offset, reserved; } MfOutputPort;

#define MF_INPUT(Row, function) { NULL, &Row##_type, function }
// "*" is every type but those of MF_VIEW_BULK, which a stage gets when its option `types` names them; "**" is every one.
#define MF_INPUT_ANY(glob, function) { glob, NULL, function }
#define MF_CONSUMES(...) .consumes = (const MfInput[]) { __VA_ARGS__, { 0 } }
#define MF_OUTPUT(Self, member, Row) { &Row##_type, offsetof (Self, member) + 0 * sizeof ( \
  struct { _Static_assert (__builtin_types_compatible_p (Row *, __typeof__ (((Self *) 0)->member.row)), \
  #Self "." #member " is not MF_OUT (" #Row ")"); int _; }), 0 }
#define MF_PUBLISHES(...) .publishes = (const MfOutputPort[]) { __VA_ARGS__, { 0 } }

// ---- descriptors

typedef enum { MF_COLLECTOR = 1, MF_ANALYZER, MF_FORMAT, MF_N_STAGE_KINDS } MfStageKind;

// What `memflow scan` shows: something that a collector could open.
typedef struct MfScan MfScan;
struct MfScan {
  void *user;
  void (*found) (MfScan *scan, const char *input, const char *what);
};

// The callbacks of one instance never run concurrently. Each returns false after mf_fail.
// Order: declare, start, then collect (collectors) or the input handlers, finish, stop.
// `finish` runs only while nothing has failed; `stop` always runs once `declare` was called: it frees.
typedef struct {
  uint32_t size;               // of this struct
  uint32_t kind;               // MfStageKind
  const char *id;              // as in `plugin = id`
  const char *summary;         // one line, lower case, no full stop
  const char *help;            // paragraphs for `memflow inspect`, or NULL
  size_t instance_size;
  const MfOption *options;
  const MfInput *consumes;
  const MfOutputPort *publishes;
  MfCallback declare, start, collect, finish;
  void (*stop) (void *stage);
  const char *input_option;    // collectors: the option that names what is read
  int (*probe) (const char *path, const uint8_t *head, size_t n);  // 0 = not mine … 100 = certainly
  bool (*scan) (MfScan *scan);
  const char *snippet;         // code to paste on the target
} MfDescriptor;

typedef struct {
  uint32_t magic, size;
  uint16_t major, minor;
  uint32_t reserved;
  const char *name, *version, *licence;
  const MfDescriptor *const *descriptors;  // NULL-terminated
} MfModule;

#ifndef MF_PLUGIN_VERSION
#define MF_PLUGIN_VERSION "0.1.0"
#endif
#ifndef MF_PLUGIN_LICENCE
#define MF_PLUGIN_LICENCE "Apache-2.0"
#endif

// Declares a descriptor for the instance type Self, whose first member is `MfStage stage`.
#define MF_DESCRIPTOR(Self, text_id, ...) \
  _Static_assert (offsetof (Self, stage) == 0, #Self ": MfStage stage must come first"); \
  static const MfDescriptor Self##_descriptor = { .size = sizeof (MfDescriptor), .id = text_id, \
    .instance_size = sizeof (Self), __VA_ARGS__ }

// Exports the module: MF_MODULE ("name", &A_descriptor, &B_descriptor);
#define MF_MODULE(text_name, ...) \
  __attribute__ ((visibility ("default"))) const MfModule *memflow_module (void); \
  const MfModule *memflow_module (void) { \
    static const MfDescriptor *const all[] = { __VA_ARGS__, NULL }; \
    static const MfModule module = { MF_MAGIC, sizeof module, MF_ABI_MAJOR, MF_ABI_MINOR, 0, \
      text_name, MF_PLUGIN_VERSION, MF_PLUGIN_LICENCE, all }; \
    return &module; } \
  _Static_assert (1, "")

// A module with one plugin.
#define MF_PLUGIN(Self, text_id, ...) \
  MF_DESCRIPTOR (Self, text_id, __VA_ARGS__); \
  MF_MODULE (text_id, &Self##_descriptor)
