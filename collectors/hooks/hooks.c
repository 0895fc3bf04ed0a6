// SPDX-License-Identifier: Apache-2.0
// The collector `hooks`: runs a program with the agent in it and publishes each call of its allocators.
#include <memflow/plugin.h>

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent-file.h"
#include "attached-program.h"
#include "held.h"
#include "injector/hijack.h"
#include "injector/target-state.h"
#include "native-names.h"
#include "program.h"
#include "received.h"
#include "recording-options.h"
#include "ring-clock.h"
#include "ring-reader.h"

enum { LEAST_SLEEP = 500, MOST_SLEEP = 8000, LOOK_EVERY = 5000000, TERM_AFTER = 1000000000, LONGEST_END = 5 };
enum { BY_CALLS, BY_SCRIPT };
static const int64_t attach_limit_ns = 10000000000;

typedef struct {
  MfStage stage;
  MfArgv command;
  MF_RECORDING_MEMBERS
  uint32_t pid;             // UINT32_MAX = a command is run
  uint32_t by;              // BY_*
  bool filtered;
  const char *listen;
  MfPath secret, sysroot;
  MfNativeSymbols *symbols;  // NULL = there are no native frames
  MF_OUT (MfAlloc) out;
  MF_OUT (MfAllocSite) sites;
  MF_OUT (MfAllocTotal) totals;
  MF_OUT (MfProgramStart) programs;
  MF_OUT (MfProgramMark) marks;
  MF_OUT (MfHooksCost) costs;
  MF_OUT (MfStatement) statements;

  MfEndpoint endpoint;
  MfSecret shared;
  MfReceiver receiver;
  bool is_listening;

  MfHeld *held;             // mode live; NULL = each event is published
  int64_t zero_ns, snapped_ns;
  MfAgentFile agent_file;
  char executable[32];      // of a running process, by /proc
  MfAttachedProgram attached;
  MfProgram program;
  MfRingReader *reader;
  uint64_t lost;
  uint32_t stacks_verdict;  // MF_STACKS_*, the worst one that a thread has told
  bool has_python, tsc, terminated;
  int64_t stop_ns;          // when the run was told to stop; 0 = it was not
} Hooks;

// ---- what the reader tells and asks for

static void *
resize (void *user, void *old, size_t bytes)
{
  return mf_resize (user, old, bytes);
}

static MfString
intern (void *user, const char *text, size_t n)
{
  return mf_string_n (user, text, n);
}

static MfStack
intern_stack (void *user, MfStack caller, MfFrame frame)
{
  Hooks *hooks = user;
  return mf_stack (hooks, caller, mf_native_named (&hooks->stage, &hooks->symbols, hooks->sysroot.path, frame));
}

static bool
publish (void *user, const MfAlloc *event)
{
  Hooks *hooks = user;
  if (!hooks->held)
    return mf_emit (&hooks->out, event);
  mf_held_take (hooks->held, event);
  return true;
}

// A batch leaves only when there is no room for the next row.
static MfAlloc *
next_row (void *user)
{
  Hooks *hooks = user;
  MfAlloc *row = mf_reserve (&hooks->out);
  if (row)
    mf_commit (&hooks->out);
  return row;
}

// The flush keeps what came before a program or a mark before it, across types.
static bool
publish_start (void *user, const MfProgramStart *start)
{
  Hooks *hooks = user;
  if (hooks->held && start->how == MF_PROGRAM_REPLACED)
    mf_held_forget (hooks->held, start->process);
  return mf_flush (hooks) && mf_emit (&hooks->programs, start) && mf_flush (hooks);
}

static bool
publish_mark (void *user, const MfProgramMark *mark)
{
  Hooks *hooks = user;
  return mf_flush (hooks) && mf_emit (&hooks->marks, mark) && mf_flush (hooks);
}

static bool
publish_cost (void *user, const MfHooksCost *cost)
{
  Hooks *hooks = user;
  return mf_emit (&hooks->costs, cost);
}

static void
note_program (void *user, int32_t process, uint32_t version, uint32_t stacks)
{
  Hooks *hooks = user;
  const char *why = mf_ring_no_stacks (stacks);
  hooks->has_python |= stacks != MF_STACKS_NO_PYTHON;
  if (!why || hooks->stacks_verdict == stacks)
    return;
  hooks->stacks_verdict = stacks;
  mf_log (hooks, MF_LOG_WARNING, "process %d: no Python stacks of Python %u.%u: %s", process, version >> 8 & 0xff,
      version & 0xff, why);
}

static void
note_loss (void *user, MfRingLoss reason, uint64_t count, const char *why)
{
  Hooks *hooks = user;
  hooks->lost += count;
  if (count)
    mf_lost (hooks, MfAlloc_type.name, count, mf_ring_loss_reason (reason));
  if (why)
    mf_log (hooks, MF_LOG_WARNING, "a ring of the program is damaged and not read any more: %s", why);
}

// ---- starting

static bool
is_attaching (const Hooks *hooks)
{
  return hooks->pid != UINT32_MAX;
}

static const char *
program_file (const Hooks *hooks)
{
  return is_attaching (hooks) ? hooks->executable : hooks->command.words[0];
}

// The folder of agents lies beside that of the plugins.
static bool
find_agent (Hooks *hooks)
{
  Dl_info module;
  char folder[sizeof hooks->agent_file.path];
  if (hooks->agent.path)
    return mf_agent_file_named (&hooks->agent_file, hooks->agent.path);
  if (!dladdr ((void *) find_agent, &module) || !module.dli_fname)
    return false;
  char *plugin = realpath (module.dli_fname, NULL), *slash = plugin ? strrchr (plugin, '/') : NULL;
  int n = slash ? snprintf (folder, sizeof folder, "%.*s/../agent", (int) (slash - plugin), plugin) : -1;
  free (plugin);
  return n > 0 && (size_t) n < sizeof folder && mf_agent_file (&hooks->agent_file, folder, program_file (hooks));
}

static bool
choose_agent (Hooks *hooks)
{
  const MfAgentFile *agent = &hooks->agent_file;
  if (!find_agent (hooks))
    return mf_fail (hooks, "cannot tell where the agent is: the plugin was loaded from an unknown place");
  if (!agent->is_there && hooks->agent.path)
    return mf_fail_option (hooks, "agent", "cannot read the agent '%s': %s", agent->path, strerror (errno));
  if (!agent->is_there)
    return mf_fail_option (hooks, is_attaching (hooks) ? "pid" : "command", "'%s' is a program for %s, but there is no agent for "
        "it at %s: build memflow with the compiler for it, or name one by  agent = PATH", program_file (hooks),
        agent->triplet ? agent->triplet : "this machine", agent->path);
  if (agent->is_static)
    mf_log (hooks, MF_LOG_WARNING, "'%s' is linked statically: the agent cannot be loaded into it, only into programs that it "
        "starts", program_file (hooks));
  return true;
}

static void
name_input (Hooks *hooks)
{
  char text[256] = "";
  size_t n = is_attaching (hooks) ? (size_t) snprintf (text, sizeof text, "process %u", hooks->pid) : 0;
  for (uint32_t i = 0; i < hooks->command.n && n < sizeof text; i++)
    n += (size_t) snprintf (text + n, sizeof text - n, "%s%s", i ? " " : "", hooks->command.words[i]);
  mf_context (hooks, mf_string (hooks, text), 0);
}

// ---- mode live

static bool
emit_site (void *user, const MfAllocSite *row)
{
  return mf_emit (&((Hooks *) user)->sites, row);
}

static bool
emit_total (void *user, const MfAllocTotal *row)
{
  Hooks *hooks = user;
  return mf_flush (hooks) && mf_emit (&hooks->totals, row) && mf_flush (hooks);
}

static bool
start_holding (Hooks *hooks)
{
  size_t bytes = (size_t) hooks->live_memory.bytes;
  void *memory = hooks->mode == MF_MODE_LIVE ? mf_resize (hooks, NULL, bytes) : NULL;
  if (hooks->mode != MF_MODE_LIVE)
    return true;
  if (!memory)
    return mf_fail_option (hooks, "live-memory", "there is not that much memory");
  hooks->held = mf_held_init (memory, bytes);
  MfFrame others = { .function = mf_string (hooks, "[no room for the stack]") };
  mf_held_set_others (hooks->held, mf_stack (hooks, (MfStack) { 0 }, others));
  return true;
}

// What each site holds, if the last snapshot is that old.
static bool
snap (Hooks *hooks, int64_t after)
{
  int64_t now = mf_ring_ns ();
  if (!hooks->held || now - hooks->snapped_ns < after)
    return true;
  hooks->snapped_ns = now;
  note_loss (hooks, MF_RING_HOMELESS, mf_held_take_homeless (hooks->held), NULL);
  bool going = mf_held_publish (hooks->held, (MfTime) { now - hooks->zero_ns }, &(MfHeldSink) { hooks, emit_site, emit_total });
  mf_held_forget_gone (hooks->held, hooks->reader);
  return going;
}

// ---- listening to a recorder

static void
say_of_connection (void *user, bool important, const char *text)
{
  mf_log (user, important ? MF_LOG_WARNING : MF_LOG_NOTE, "%s", text);
}

static bool
start_listening (Hooks *hooks)
{
  const char *wrong = mf_endpoint_parse (&hooks->endpoint, hooks->listen);
  if (wrong)
    return mf_fail_option (hooks, "listen", "%s %s", hooks->listen, wrong);
  wrong = mf_secret_read (&hooks->shared, hooks->secret.path);
  if (wrong)
    return mf_fail_option (hooks, "secret", "%s: %s", hooks->secret.path ? hooks->secret.path : "MEMFLOW_SECRET", wrong);
  if (!mf_endpoint_is_local (&hooks->endpoint) && !hooks->shared.n)
    return mf_fail_option (hooks, "listen", "%s can be reached from other machines: set secret, or listen on 127.0.0.1 and "
        "forward the port with ssh", hooks->listen);
  hooks->receiver.user = hooks;
  hooks->receiver.say = say_of_connection;
  hooks->is_listening = true;
  wrong = mf_receiver_open (&hooks->receiver, &hooks->endpoint, &hooks->shared);
  if (wrong)
    return mf_fail_option (hooks, "listen", "%s %s: %s", wrong, hooks->listen, strerror (errno));
  // Who sends through a connection can be made to wait, and counts what that costs him; a line goes on.
  return hooks->endpoint.kind != MF_ENDPOINT_SERIAL || mf_live (hooks);
}

static bool
receive (Hooks *hooks)
{
  const MfReceivedPort ports[] = { { &MfAlloc_type, &hooks->out.port }, { &MfAllocSite_type, &hooks->sites.port },
    { &MfAllocTotal_type, &hooks->totals.port }, { &MfProgramStart_type, &hooks->programs.port },
    { &MfProgramMark_type, &hooks->marks.port }, { &MfHooksCost_type, &hooks->costs.port } };
  return mf_received_publish (hooks, &hooks->receiver, hooks->sysroot.path, ports, sizeof ports / sizeof ports[0]);
}

// ---- starting a program

// What only a program that is started with the agent can be asked for. NULL = nothing of it is set.
static const char *
not_for_running (const Hooks *hooks)
{
  const struct { bool set; const char *option; } others[] = { { hooks->malloc, "malloc" }, { hooks->maps, "maps" },
    { !hooks->python, "python" }, { hooks->follow == MF_FOLLOW_EXEC, "follow" }, { hooks->start == MF_START_PAUSED, "start" } };
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    if (others[i].set)
      return others[i].option;
  return NULL;
}

static bool
open_running (Hooks *hooks)
{
  const char *option = not_for_running (hooks);
  g_autoptr (GError) error = NULL;
  if (option)
    return mf_fail_option (hooks, option, "of a process that runs already, Python's allocators are recorded as it makes calls: leave "
        "this out, or start the program under memflow");
  snprintf (hooks->executable, sizeof hooks->executable, "/proc/%u/exe", hooks->pid);
  hooks->attached.filtered = hooks->filtered;
  hooks->attached.by_script = hooks->by == BY_SCRIPT;
  hooks->attached.limit = attach_limit_ns;
  return mf_attached_program_open (&hooks->attached, (int32_t) hooks->pid, &error)
      || mf_fail_option (hooks, g_error_matches (error, MF_TARGET_ERROR, MF_TARGET_ERROR_FILTERED) ? "filtered" : "pid", "%s",
          error->message);
}

// One of a command, a process and a recorder.
static bool
check_source (Hooks *hooks)
{
  bool deterministic = mf_run (hooks)->deterministic;
  if (hooks->listen && hooks->command.n)
    return mf_fail_option (hooks, "listen", "either a command is run or a recorder is waited for: leave one of them out");
  if (is_attaching (hooks) && (hooks->listen || hooks->command.n))
    return mf_fail_option (hooks, "pid", "either a process is attached to, or %s: leave one of them out",
        hooks->listen ? "a recorder is waited for" : "a command is run");
  if (hooks->listen && deterministic)
    return mf_fail_option (hooks, "listen", "a recorder never gives the same twice: run it without --deterministic");
  if (!hooks->listen && !is_attaching (hooks) && !hooks->command.n)
    return mf_fail_option (hooks, "command", "there is nothing to run: give a command, for example  -- python3 app.py, or the "
        "number of a running process by  pid");
  return !deterministic || mf_fail_option (hooks, is_attaching (hooks) ? "pid" : "command",
      "a running program never gives the same twice: run it without --deterministic");
}

static bool
check_recording (Hooks *hooks)
{
  uint64_t ring = hooks->ring.bytes;
  if (ring & (ring - 1))
    return mf_fail_option (hooks, "ring", "the size of a ring has to be a power of two, such as 256KiB");
  if (hooks->mode == MF_MODE_SAMPLE && (hooks->maps || hooks->types))
    return mf_fail_option (hooks, hooks->maps ? "maps" : "types",
        "this needs each call, and mode = sample records some: choose mode = full, or leave it out");
  return true;
}

static MfRingRegion
region_of (const Hooks *hooks)
{
  return (MfRingRegion) { .magic = MF_RING_MAGIC, .n_slots = hooks->threads, .ring_size = (uint32_t) hooks->ring.bytes,
    .options = MF_RECORDING_FLAGS (hooks, hooks->tsc) | (is_attaching (hooks) ? MF_RING_ATTACHED : 0), .reader = (int32_t) getpid (),
    .patience = (uint64_t) hooks->patience.ns, .sampling = hooks->sample_every.bytes };
}

static bool
hooks_start (void *stage)
{
  Hooks *hooks = stage;
  hooks->program = (MfProgram) { .exit_fd = -1, .ring_fd = -1 };
  if (!check_source (hooks))
    return false;
  if (hooks->listen)
    return start_listening (hooks);
  if ((is_attaching (hooks) && !open_running (hooks)) || !check_recording (hooks) || !choose_agent (hooks))
    return false;
  hooks->tsc = hooks->agent_file.same_counter && mf_clock_counter_is_even ();
  if (is_attaching (hooks))
    return true;
  const MfRingRegion how = region_of (hooks);
  const char *failed = mf_program_prepare (&hooks->program, &how);
  return !failed || mf_fail_option (hooks, "ring", "%s: %s", failed, strerror (errno));
}

static bool
start_reading (Hooks *hooks, MfRingInstant start)
{
  const MfRingSink sink = { hooks, resize, intern, intern_stack, publish, note_program, note_loss,
    hooks->held ? NULL : next_row, publish_start, publish_mark, publish_cost };
  hooks->zero_ns = hooks->snapped_ns = start.ns;
  hooks->reader = mf_ring_reader_new (hooks->program.region, hooks->threads, (uint32_t) hooks->ring.bytes, start, &sink);
  return hooks->reader || mf_fail (hooks, "not enough memory to read the rings");
}

static bool
attach (Hooks *hooks)
{
  MfRingInstant start = mf_ring_instant (hooks->tsc);
  const MfRingRegion how = region_of (hooks);
  const MfInjection *told = &hooks->attached.told;
  g_autoptr (GError) error = NULL;
  if (!mf_attached_program_begin (&hooks->attached, &hooks->program, &how, hooks->agent_file.path, &error)) {
    g_autofree char *rights = g_error_matches (error, MF_HIJACK_ERROR, MF_HIJACK_ERROR_FORBIDDEN)
        ? mf_target_rights ((int32_t) hooks->pid) : NULL;
    return mf_fail_option (hooks, "pid", "cannot attach to process %u: %s%s%s", hooks->pid, error->message, rights ? "; " : "",
        rights ? rights : "");
  }
  if (hooks->by == BY_CALLS)
    mf_log (hooks, MF_LOG_NOTE, "attached to process %u: thread %d was held for %.1f ms", hooks->pid, told->thread,
        (double) told->held_ns / 1e6);
  else
    mf_log (hooks, MF_LOG_NOTE, "attached to process %u: its main thread has run a script", hooks->pid);
  return start_reading (hooks, start);
}

static bool
launch (Hooks *hooks)
{
  if (!start_reading (hooks, mf_ring_instant (hooks->tsc)))
    return false;
  const char *failed = mf_program_start (&hooks->program, hooks->command.words, hooks->command.n,
      hooks->agent_file.path);
  return !failed || mf_fail_option (hooks, "command", "%s '%s': %s", failed, hooks->command.words[0], strerror (errno));
}

// ---- running

// A run that is to stop gives the program time to end by itself (^C of a terminal reaches it, too).
static void
end_program (Hooks *hooks)
{
  int64_t now = mf_ring_ns ();
  if (!hooks->stop_ns)
    hooks->stop_ns = now;
  if (!hooks->terminated && now - hooks->stop_ns > TERM_AFTER) {
    hooks->terminated = true;
    kill (hooks->program.process, SIGTERM);
  }
  if (now - hooks->stop_ns > (int64_t) LONGEST_END * TERM_AFTER)
    kill (hooks->program.process, SIGKILL);
}

// A program that another one replaces takes the agent with it.
static bool
was_replaced (Hooks *hooks)
{
  if (!is_attaching (hooks) || !mf_attached_program_was_replaced (&hooks->attached))
    return false;
  mf_log (hooks, MF_LOG_WARNING, "process %u runs another program now, which is not recorded", hooks->pid);
  return true;
}

// Reads the rings until the program has ended, or is to go on alone. More often while there is much to read.
static bool
follow (Hooks *hooks)
{
  uint32_t sleep = LEAST_SLEEP;
  int64_t looked = 0;
  for (bool going = true; going;) {
    uint32_t bell = atomic_load (&hooks->program.region->bell);
    MfRingInstant now = mf_ring_instant (hooks->tsc);
    bool busy = mf_ring_reader_drain (hooks->reader, now, &going) > 0;
    going = going && snap (hooks, hooks->snapshot_every.ns);
    if (now.ns - looked >= LOOK_EVERY) {
      looked = now.ns;
      bool stop = mf_wait (hooks, -1, (MfDuration) { 0 }) == MF_WAIT_STOP;
      if (stop && !is_attaching (hooks))
        end_program (hooks);
      if ((stop && is_attaching (hooks)) || mf_program_has_ended (&hooks->program) || was_replaced (hooks))
        return true;
      mf_ring_reader_reap (hooks->reader, mf_program_is_gone);
    }
    sleep = busy ? LEAST_SLEEP : sleep * 2 < MOST_SLEEP ? sleep * 2 : MOST_SLEEP;
    mf_program_sleep (&hooks->program, bell, sleep);
  }
  return false;
}

static void
tell_how_it_ended (Hooks *hooks, char *text, size_t n)
{
  if (!is_attaching (hooks))
    snprintf (text, n, "the program ended with status %d", hooks->program.status);
  else
    snprintf (text, n, "process %u %s", hooks->pid, hooks->program.ended ? "has ended" : "goes on with its own allocators");
}

static void
tell_end (Hooks *hooks, uint32_t others)
{
  char end[128];
  uint64_t events = mf_ring_reader_events (hooks->reader);
  uint32_t threads = mf_ring_reader_threads (hooks->reader);
  tell_how_it_ended (hooks, end, sizeof end);
  if (others)
    mf_log (hooks, MF_LOG_WARNING, "%u other %s of the program may go on: what they do from now on is not recorded", others,
        others == 1 ? "process" : "processes");
  if (threads)
    mf_log (hooks, MF_LOG_NOTE, "%" PRIu64 " calls of %u %s recorded, %" PRIu64 " lost; %s", events, threads,
        threads == 1 ? "thread" : "threads", hooks->lost, end);
  else if (is_attaching (hooks))
    mf_log (hooks, MF_LOG_WARNING, "no call was recorded: %s", end);
  else
    mf_log (hooks, MF_LOG_WARNING, "the program ended without a recorded call: no Python ran in it%s", hooks->malloc ? ""
        : "; set malloc = yes to record calls of malloc");
}

// What no call of an allocator shows, said once.
static bool
explain (Hooks *hooks)
{
  static const char text[] = "Objects that Python takes from its free lists (floats, tuples, lists, dicts, frames and others keep some for the "
    "next one of their kind) make no call: the call that first made the memory is recorded, its free when the list gives it up.";
  static const char basis[] = "each call of an allocator is one event; none is made up";
  MfStatement row = { .order = UINT32_MAX, .severity = MF_SAY_EVIDENCE, .subject = mf_string (hooks, "free lists") };
  row.text = mf_text (&hooks->statements, text, sizeof text - 1);
  row.basis = mf_text (&hooks->statements, basis, sizeof basis - 1);
  return mf_emit (&hooks->statements, &row);
}

// Nobody reads any more: what has been written is read to its end.
static void
let_go (Hooks *hooks)
{
  mf_attached_program_end (&hooks->program);
  if (hooks->program.region)
    atomic_store (&hooks->program.region->detached, 1);
}

static bool
read_the_rest (Hooks *hooks)
{
  bool going = true;
  mf_ring_reader_drain (hooks->reader, mf_ring_instant (hooks->tsc), &going); // finds children that began after the last look
  mf_ring_reader_reap (hooks->reader, mf_program_is_gone);
  uint32_t others = mf_ring_reader_others (hooks->reader, hooks->program.process);
  mf_ring_reader_finish (hooks->reader, mf_ring_instant (hooks->tsc), &going);
  mf_attached_program_empty (&hooks->program);
  going = going && snap (hooks, 0);
  if (!is_attaching (hooks) && mf_run (hooks)->size && MF_HOST_OF (hooks)->size > offsetof (MfHost, program_status))
    mf_program_status (hooks, hooks->program.status);
  tell_end (hooks, others);
  return going && (!hooks->has_python || explain (hooks));
}

static bool
hooks_collect (void *stage)
{
  Hooks *hooks = stage;
  if (hooks->is_listening)
    return receive (hooks);
  name_input (hooks);
  bool going = start_holding (hooks) && (is_attaching (hooks) ? attach (hooks) : launch (hooks)) && follow (hooks);
  let_go (hooks);
  return going && read_the_rest (hooks);
}

static void
hooks_stop (void *stage)
{
  Hooks *hooks = stage;
  if (hooks->is_listening)
    mf_receiver_close (&hooks->receiver);
  mf_ring_reader_free (hooks->reader);
  hooks->reader = NULL;
  if (hooks->held)
    mf_resize (hooks, hooks->held, 0);
  hooks->held = NULL;
  mf_program_clear (&hooks->program);
  mf_attached_program_clear (&hooks->attached);
  mf_native_symbols_free (hooks->symbols);
  hooks->symbols = NULL;
}

static const char help[] =
  "Starts the command after -- with a small library preloaded that wraps the allocators of CPython (3.8 to 3.14):\n"
  "each request, with its size, its time and the Python functions that led to it. The program keeps its standard\n"
  "input and output and needs no change; its exit status becomes memflow's.\n\n"
  "One logical allocation counts once: what an object asks of malloc below its own domain is not told again. With\n"
  "malloc = yes, the calls of malloc that do not come from Python's allocators are recorded, too, also of programs\n"
  "without a Python. A program of another machine or C library gets the agent that was built for it; behind an emulator,\n"
  "name it by `agent`.\n\n"
  "With maps = yes, calls of mmap, munmap, mremap, brk and sbrk are recorded, too: address space that was asked for,\n"
  "touched or not, files included. The kernel may cut maps anywhere, so one call is told as what it means for each\n"
  "block: a block of which only a part is unmapped is a realloc to what is left. Calls that libc makes for itself\n"
  "(for malloc, for stacks of threads, for libraries) go to the kernel directly and are not seen; nor are those that\n"
  "Python's own allocator makes for its arenas, whose blocks are told one by one.\n\n"
  "Children that a Python forks are recorded. What they exec is not: the Python hides the agent from them. With\n"
  "follow = exec it leaves it in the environment (LD_PRELOAD, " MF_RING_VARIABLE "), and each program that is started with that\n"
  "environment is recorded, too, also in place of another one. Programs with raised privileges never are.\n\n"
  "The program may name phases and moments, and pause and resume the recording, with the module memflow.py\n"
  "(share/memflow/python, one file to copy); start = paused records nothing before it resumes. What is freed during a\n"
  "pause is not known: blocks of before a resume are nobody's afterwards.\n\n"
  "With types = yes, the free of an object says its type (object_type): the pointer to it still stands in the block then, and\n"
  "what looks like one is looked at through the kernel before it is trusted. Blocks that are no objects (tables of dicts) have\n"
  "none, nor have objects that lie across the edge of a page.\n\n"
  "With mode = sample, a request is recorded when it holds one of the points that lie in the stream of requested bytes of each\n"
  "thread at random, `sample-every` apart in the mean: one of s bytes with a chance of 1 - exp (-s / sample-every). It then stands\n"
  "for one divided by that chance, which makes sums unbiased. Frees and moves of recorded blocks are recorded; failed requests all\n"
  "are. A small block that is recorded lies in memory of malloc, not of pymalloc.\n\n"
  "With native = yes, stacks go on above the innermost Python function, down to the call of the allocator: found by call\n"
  "frame information (x86-64, i386, arm64; other machines have none), named through elfutils from the files of this machine or\n"
  "of `sysroot`. python = no with malloc = yes records what Python asks of the C library only, at nearly no cost.\n\n"
  "What the recording cost each process is told at the end: time in the agent (estimated), time that threads waited for\n"
  "room in a ring, the start of the agent, memory, and what is missing. Objects that Python takes from a free list make no\n"
  "call of an allocator and no event.\n\n"
  "With pid = NUMBER it attaches to a process that runs already (Linux on x86-64, glibc; it takes the rights of a debugger): one of\n"
  "its threads, which waits or computes at a harmless place, is held for some milliseconds and made to load the agent, which puts\n"
  "itself in front of Python's allocators. With by = script, for Python 3.14, no thread is stopped, on any machine; but the main\n"
  "thread has to run bytecode, and the program gets the module ctypes. What the process has is not known: frees of older blocks\n"
  "are told as such. Only the allocators of Python are recorded, and children that it forks. When memflow ends, also by a signal,\n"
  "the next call of an allocator puts the program's own ones back; the library stays in memory, does nothing, and is used again\n"
  "the next time.\n\n"
  "A full ring stops the thread that fills it until it has been read, at most for `patience` (full-ring = block),\n"
  "or drops what does not fit (full-ring = drop). Dropped calls are counted exactly.";

MF_PLUGIN (Hooks, "hooks", .kind = MF_COLLECTOR,
  .summary = "each allocation of a Python program, with time and stack",
  .help = help,
  MF_OPTIONS (
    MF_OPTION (Hooks, command, NULL, "the program and its arguments, after --"),
    MF_OPTION (Hooks, pid, NULL, "attach to this process instead of running a command", .low = 1, .high = 4194304),
    MF_CHOICE (Hooks, by, "calls", "with pid: whether a thread is stopped and made to call functions, or, since Python 3.14, the "
      "main thread is asked to run a script, as sys.remote_exec does", "calls", "script"),
    MF_OPTION (Hooks, filtered, "no", "with pid: also where system calls are filtered (containers), if the filter allows what the "
      "agent needs"),
    MF_RECORDING_OPTIONS (Hooks, "block"),
    MF_OPTION (Hooks, listen, NULL, "wait for a memflow-record instead of running a command: 127.0.0.1:7117, unix:PATH, /dev/ttyX:BAUD"),
    MF_OPTION (Hooks, sysroot, NULL, "copy of the file system of the board, where native frames find their names; this machine's when not set"),
    MF_OPTION (Hooks, secret, NULL, "file with the secret that the recorder knows, too; needed beyond this machine")),
  MF_PUBLISHES (MF_OUTPUT (Hooks, out, MfAlloc), MF_OUTPUT (Hooks, sites, MfAllocSite),
    MF_OUTPUT (Hooks, totals, MfAllocTotal), MF_OUTPUT (Hooks, programs, MfProgramStart),
    MF_OUTPUT (Hooks, marks, MfProgramMark), MF_OUTPUT (Hooks, costs, MfHooksCost),
    MF_OUTPUT (Hooks, statements, MfStatement)),
  .start = hooks_start, .collect = hooks_collect, .stop = hooks_stop);
