// SPDX-License-Identifier: Apache-2.0
// memflow-record: runs a program with the agent in it and writes a capture. C11 and libc only, so that it fits on a board.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent-file.h"
#include "program.h"
#include "recording.h"
#include "settings.h"
#include "stream-outlet.h"

enum { FAILED = 1, NOT_STARTED = 126 };
enum { SLEEP = 4000, LOOK_EVERY = 5000000, SECOND = 1000000000, LONGEST_NAME = 4096 };

typedef struct {
  Settings settings;
  Plan plan;
  Budget budget;
  MfAgentFile agent;
  MfProgram program;
  MfRecording recording;
  MfFileOutlet file;
  MfStreamOutlet stream;
  MfOutlet *outlet;
  char path[LONGEST_NAME];  // of the open file
  uint32_t n_files;
  uint64_t rows_missing, bytes;
  bool told_failure, failed;
  MfEndpoint endpoint;
  MfSecret secret;
} Recorder;

static Recorder the_recorder;

static volatile sig_atomic_t interrupts, terminations;

static void
say (const Recorder *recorder, bool important, const char *format, ...)
{
  va_list arguments;
  if (recorder->settings.quiet && !important)
    return;
  va_start (arguments, format);
  fprintf (stderr, "%s: ", recorder->settings.program);
  vfprintf (stderr, format, arguments);
  fputc ('\n', stderr);
  va_end (arguments);
}

// ---- signals: the program decides when it ends, and memflow-record stays until then

static void
on_signal (int number)
{
  if (number == SIGINT)
    interrupts++;
  else
    terminations++;
}

static void
catch_signals (void)
{
  static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
  const struct sigaction action = { .sa_handler = on_signal };
  struct sigaction before;
  for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
    if (!sigaction (ends[i], NULL, &before) && before.sa_handler != SIG_IGN)  // nohup holds for the program, too
      sigaction (ends[i], &action, NULL);
  signal (SIGPIPE, SIG_IGN);
  signal (SIGXFSZ, SIG_IGN);
}

// ^C of a terminal reaches the program, too; the second one insists, the third one kills.
static void
pass_signals_on (Recorder *recorder)
{
  if (terminations) {
    terminations = 0;
    kill (recorder->program.process, SIGTERM);
  }
  if (interrupts > 1)
    kill (recorder->program.process, interrupts > 2 ? SIGKILL : SIGTERM);
  if (interrupts > 1)
    interrupts = 1;
}

// ---- files

// app.mfc, or app.001.mfc with --rotate.
static void
name_file (Recorder *recorder)
{
  const char *name = recorder->settings.output, *dot = strrchr (name, '.');
  int stem = dot && !strchr (dot, '/') && dot != name ? (int) (dot - name) : (int) strlen (name);
  recorder->n_files++;
  if (recorder->settings.rotate.bytes == MF_SIZE_NONE.bytes)
    snprintf (recorder->path, sizeof recorder->path, "%s", name);
  else
    snprintf (recorder->path, sizeof recorder->path, "%.*s.%03u%s", stem, name, recorder->n_files, name + stem);
}

static void
write_facts (Recorder *recorder, const char *command)
{
  MfWireWriter *writer = recorder->recording.writer;
  mf_wire_write_fact (writer, "recorder", "memflow-record " MEMFLOW_VERSION);
  mf_wire_write_fact (writer, "command", command);
}

static bool
open_file (Recorder *recorder)
{
  name_file (recorder);
  recorder->outlet = &recorder->file.outlet;
  return mf_file_outlet_open (&recorder->file, recorder->path);
}

static void
say_of_stream (bool important, const char *text)
{
  say (&the_recorder, important, "%s", text);
}

static bool
is_impatient (void)
{
  return interrupts > 0;
}

static bool
open_stream (Recorder *recorder)
{
  const Plan *plan = &recorder->plan;
  const Settings *settings = &recorder->settings;
  size_t longest = plan->block + sizeof recorder->stream.header;
  void *memory = mf_budget_resize (&recorder->budget, NULL, mf_stream_outlet_bytes (plan->queue));
  recorder->outlet = &recorder->stream.outlet;
  bool open = memory && (settings->to ? mf_stream_outlet_open (&recorder->stream, &recorder->endpoint, &recorder->secret,
      memory, plan->queue, longest, settings->linger.ns)
      : mf_pipe_outlet_open (&recorder->stream, memory, plan->queue, longest, settings->linger.ns));
  recorder->outlet->say = say_of_stream;
  recorder->outlet->is_impatient = is_impatient;
  if (!open)
    strcpy (recorder->outlet->failure, settings->to ? "not enough memory" : "a capture is not written to a terminal");
  return open;
}

static bool
goes_to_file (const Recorder *recorder)
{
  return recorder->settings.output && strcmp (recorder->settings.output, "-");
}

static bool
open_outlet (Recorder *recorder, const char *command)
{
  bool open = goes_to_file (recorder) ? open_file (recorder) : open_stream (recorder);
  if (!open && !goes_to_file (recorder))
    return false;
  mf_recording_begin (&recorder->recording, recorder->outlet);
  write_facts (recorder, command);
  return open;
}

static void
close_outlet (Recorder *recorder)
{
  MfOutlet *outlet = recorder->outlet;
  mf_recording_end (&recorder->recording);
  bool whole = outlet->kind->settle (outlet);
  outlet->kind->close (outlet);
  recorder->rows_missing += outlet->rows_missing;
  recorder->bytes += outlet->bytes;
  recorder->failed |= !whole || outlet->failure[0];
}

static bool
is_to_be_rotated (const Recorder *recorder)
{
  return recorder->settings.rotate.bytes != MF_SIZE_NONE.bytes && recorder->outlet->bytes >= recorder->settings.rotate.bytes;
}

// A file that cannot be made is counted as missing; the recording goes on, so that what is lost is known.
static void
rotate (Recorder *recorder, const char *command)
{
  close_outlet (recorder);
  open_outlet (recorder, command);
}

static void
tell_failure (Recorder *recorder)
{
  if (recorder->told_failure || !recorder->outlet->failure[0])
    return;
  recorder->told_failure = true;
  say (recorder, true, "%s; the program goes on, and what cannot be written is counted", recorder->outlet->failure);
}

// ---- starting

// Returns -1, or the exit status.
static int
read_destination (Recorder *recorder)
{
  const Settings *settings = &recorder->settings;
  const char *wrong = settings->to ? mf_endpoint_parse (&recorder->endpoint, settings->to) : NULL;
  if (wrong) {
    say (recorder, true, "--to %s: %s", settings->to, wrong);
    return 2;
  }
  wrong = mf_secret_read (&recorder->secret, settings->secret);
  unsetenv ("MEMFLOW_SECRET");  // the program is not to see it
  if (!wrong && settings->to && !mf_endpoint_is_local (&recorder->endpoint) && !recorder->secret.n)
    wrong = "give one: beyond this machine both ends have to share a secret, in a file or in MEMFLOW_SECRET";
  if (wrong)
    say (recorder, true, "--secret %s: %s", settings->secret ? settings->secret : "FILE", wrong);
  return wrong ? 2 : -1;
}

static void
join_words (const Settings *settings, char *text, size_t n)
{
  size_t used = 0;
  *text = '\0';
  for (uint32_t i = 0; i < settings->n_words && used < n; i++)
    used += (size_t) snprintf (text + used, n - used, "%s%s", i ? " " : "", settings->command[i]);
}

// The agents lie beside memflow-record unless --agent names one.
static bool
find_agent (Recorder *recorder)
{
  const Settings *settings = &recorder->settings;
  char self[PATH_MAX];
  if (settings->agent.path)
    return mf_agent_file_named (&recorder->agent, settings->agent.path);
  ssize_t length = readlink ("/proc/self/exe", self, sizeof self - 1);
  if (length <= 0)
    return false;
  self[length] = '\0';
  *strrchr (self, '/') = '\0';
  return mf_agent_file (&recorder->agent, self, settings->command[0]);
}

static bool
choose_agent (Recorder *recorder)
{
  const MfAgentFile *agent = &recorder->agent;
  const char *program = recorder->settings.command[0];
  if (!find_agent (recorder) || !agent->is_there) {
    say (recorder, true, "'%s' is a program for %s, but there is no agent for it at %s: copy it there, or name one with --agent",
        program, agent->triplet ? agent->triplet : "this machine", agent->path);
    return false;
  }
  if (agent->is_static)
    say (recorder, true, "'%s' is linked statically: the agent cannot be loaded into it, only into programs that it starts",
        program);
  return true;
}

static bool
prepare (Recorder *recorder, bool tsc)
{
  const Settings *settings = &recorder->settings;
  const MfRingRegion how = { .magic = MF_RING_MAGIC, .n_slots = recorder->plan.threads, .ring_size = recorder->plan.ring,
    .options = MF_RECORDING_FLAGS (settings, tsc) | (recorder->plan.few_stacks ? MF_RING_FEW_STACKS : 0), .reader = (int32_t) getpid (),
    .patience = (uint64_t) settings->patience.ns, .sampling = settings->sample_every.bytes };
  const char *failed = mf_program_prepare (&recorder->program, &how);
  if (settings->output && !strcmp (settings->output, "-"))
    recorder->program.output = STDERR_FILENO;
  if (failed)
    say (recorder, true, "%s: %s", failed, strerror (errno));
  return !failed;
}

static bool
start (Recorder *recorder)
{
  const Settings *settings = &recorder->settings;
  const char *failed = mf_program_start (&recorder->program, settings->command, settings->n_words, recorder->agent.path);
  if (failed)
    say (recorder, true, "%s %s: %s", failed, settings->command[0], strerror (errno));
  return !failed;
}

// ---- running

static bool
is_over (const Recorder *recorder, int64_t started, int64_t now)
{
  return recorder->settings.for_.ns >= 0 && now - started >= recorder->settings.for_.ns;
}

// Reads the rings until the program has ended or the time is over.
static void
follow (Recorder *recorder, const char *command)
{
  MfRecording *recording = &recorder->recording;
  int64_t started = mf_ring_ns (), looked = started;
  for (bool going = true; going;) {
    uint32_t bell = atomic_load (&recorder->program.region->bell);
    int64_t now = mf_ring_ns ();
    mf_recording_drain (recording);
    mf_recording_snap (recording, recorder->settings.snapshot_every.ns);
    mf_recording_flush (recording, recorder->settings.flush.ns);
    recorder->outlet->kind->attend (recorder->outlet, now);
    tell_failure (recorder);
    if (is_to_be_rotated (recorder))
      rotate (recorder, command);
    if (now - looked >= LOOK_EVERY) {
      looked = now;
      pass_signals_on (recorder);
      going = !mf_program_has_ended (&recorder->program) && !is_over (recorder, started, now);
      mf_ring_reader_reap (recording->reader, mf_program_is_gone);
    }
    if (going)
      mf_program_sleep (&recorder->program, bell, SLEEP);
  }
}

static void
await_program (Recorder *recorder)
{
  while (!mf_program_has_ended (&recorder->program)) {
    pass_signals_on (recorder);
    usleep (20000);
  }
}

// ---- the end

static const char *
plural (uint64_t n, const char *one, const char *many)
{
  return n == 1 ? one : many;
}

static void
tell_stacks (const Recorder *recorder)
{
  const MfRecording *recording = &recorder->recording;
  if (recording->stacks)
    say (recorder, true, "no Python stacks of Python %u.%u: %s", recording->version >> 8 & 0xff, recording->version & 0xff,
        mf_ring_no_stacks (recording->stacks));
  if (recording->stackless)
    say (recorder, true, "%" PRIu64 " events without their stack: more --memory would hold it", recording->stackless);
}

static void
tell_end (const Recorder *recorder, uint32_t others)
{
  const MfRecording *recording = &recorder->recording;
  uint64_t events = mf_ring_reader_events (recording->reader), lost = recording->lost + recorder->rows_missing;
  uint32_t threads = mf_ring_reader_threads (recording->reader);
  tell_stacks (recorder);
  if (others)
    say (recorder, true, "%u other %s of the program may go on: what they do from now on is not recorded", others,
        plural (others, "process", "processes"));
  if (recording->damaged)
    say (recorder, true, "%" PRIu64 " damaged %s of the program not read any more", recording->damaged,
        plural (recording->damaged, "ring was", "rings were"));
  if (!threads)
    say (recorder, true, "the program ended without a recorded call: no Python ran in it%s",
        recorder->settings.malloc ? "" : "; --malloc records calls of malloc");
  else
    say (recorder, lost > 0, "%" PRIu64 " calls of %u %s in %s (%" PRIu64 " bytes), %" PRIu64 " lost",
        events - recorder->rows_missing, threads, plural (threads, "thread", "threads"), recorder->outlet->name,
        recorder->bytes, lost);
}

static void
record (Recorder *recorder, const char *command)
{
  follow (recorder, command);
  atomic_store (&recorder->program.region->detached, 1);
  mf_recording_drain (&recorder->recording); // a child that began after the last look counts as well
  mf_ring_reader_reap (recorder->recording.reader, mf_program_is_gone);
  uint32_t others = mf_ring_reader_others (recorder->recording.reader, recorder->program.process);
  mf_recording_finish (&recorder->recording);
  close_outlet (recorder);
  tell_failure (recorder);
  tell_end (recorder, others);
  await_program (recorder);
}

static int
run (Recorder *recorder)
{
  char command[1024];
  uint64_t least;
  join_words (&recorder->settings, command, sizeof command);
  if (!mf_plan_make (&recorder->plan, &recorder->settings, &least)) {
    say (recorder, true, "--memory: at least %" PRIu64 " bytes are needed", least);
    return 2;
  }
  recorder->budget.most = recorder->plan.private_most;
  catch_signals ();
  if (!choose_agent (recorder))
    return NOT_STARTED;
  bool tsc = recorder->agent.same_counter && mf_clock_counter_is_even ();
  if (!prepare (recorder, tsc))
    return FAILED;
  if (!mf_recording_init (&recorder->recording, &recorder->plan, &recorder->budget, recorder->program.region, tsc, command)) {
    say (recorder, true, "not enough memory");
    return FAILED;
  }
  if (!open_outlet (recorder, command)) {
    say (recorder, true, "%s", recorder->outlet->failure);
    return FAILED;
  }
  if (!start (recorder)) {
    if (goes_to_file (recorder))
      unlink (recorder->path);
    return NOT_STARTED;
  }
  record (recorder, command);
  return recorder->failed ? FAILED : recorder->program.status;
}

// A number below 3 that is free would become that of the capture or of the rings, and what the program prints land there.
static void
open_standard_files (void)
{
  int fd;
  while ((fd = open ("/dev/null", O_RDWR)) >= 0 && fd <= STDERR_FILENO)
    continue;
  if (fd >= 0)
    close (fd);
}

int
main (int argc, char **argv)
{
  open_standard_files ();
  Recorder *recorder = &the_recorder;
  int status = mf_settings_read (&recorder->settings, argc, argv);
  if (status < 0)
    status = read_destination (recorder);
  if (status >= 0)
    return status;
  recorder->program = (MfProgram) { .exit_fd = -1, .ring_fd = -1 };
  status = run (recorder);
  if (recorder->recording.reader)
    mf_recording_free (&recorder->recording);
  mf_program_clear (&recorder->program);
  return status;
}
