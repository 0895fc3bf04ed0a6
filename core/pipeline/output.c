// SPDX-License-Identifier: Apache-2.0
// Output files: written beside their final name, renamed when their stage has succeeded. Streams
// (stdout, pipes, sockets, devices) are written directly and waited for, as long as the stage has
// not been given up.
#include "pipeline/pipeline.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_BYTES = 64 * 1024, POLL_MS = 50 };

struct MfOutput {
  MfNode *node;
  char *path, *partial; // partial: NULL for streams
  int fd;
  bool owns_fd, failed;
  size_t used;
  uint64_t rows;
  uint8_t buffer[BUFFER_BYTES];
};

static bool
output_fail (MfOutput *output, const char *doing, const char *path)
{
  int error = errno;
  output->failed = true;
  if (error == EPIPE && !output->partial) {
    output->node->reader_gone = true;
    return false;
  }
  return mf_node_fail (output->node, NULL, "cannot %s %s: %s", doing, path, g_strerror (error));
}

static bool
is_stream (const char *path)
{
  struct stat status;
  return stat (path, &status) == 0 && !S_ISREG (status.st_mode);
}

static char *
final_path (const MfPipeline *pipeline, const char *name)
{
  if (g_path_is_absolute (name))
    return g_strdup (name);
  return g_build_filename (
      pipeline->output ? pipeline->output : pipeline->settings.output.name, name, NULL);
}

static bool
open_file (MfOutput *output)
{
  g_autofree char *folder = g_path_get_dirname (output->path);
  if (g_mkdir_with_parents (folder, 0755) != 0)
    return output_fail (output, "make the folder", folder);
  output->partial = g_strconcat (output->path, ".partial", NULL);
  unlink (output->partial);
  output->fd = open (output->partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  return output->fd >= 0 || output_fail (output, "create", output->partial);
}

// A pipe that nobody reads yet cannot be opened yet: the first write tries again.
static bool
open_stream (MfOutput *output)
{
  output->fd = open (output->path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
  return output->fd >= 0 || errno == ENXIO || output_fail (output, "open", output->path);
}

static bool
open_target (MfOutput *output, const char *name)
{
  output->owns_fd = !g_str_equal (name, "-");
  if (!output->owns_fd) {
    output->path = g_strdup ("-");
    // With a command, stdout is the studied program's.
    output->fd = output->node->pipeline->command->len ? STDERR_FILENO : STDOUT_FILENO;
    return true;
  }
  output->path = final_path (output->node->pipeline, name);
  return is_stream (output->path) ? open_stream (output) : open_file (output);
}

MfOutput *
mf_output_open (MfStage *stage, const char *name)
{
  MfNode *node = mf_node_of (stage);
  MfOutput *output = g_new (MfOutput, 1);
  *output = (MfOutput){ .node = node, .fd = -1 };
  g_ptr_array_add (node->outputs, output);
  return open_target (output, name) ? output : NULL;
}

// A moment's waiting; true when the stream takes bytes.
static bool
is_writable (const MfOutput *output)
{
  struct pollfd descriptor = { output->fd, POLLOUT, 0 }; // poll ignores a negative one
  return poll (&descriptor, 1, POLL_MS) > 0;
}

// Waits until the stream takes bytes. The reader of the standard output may take its time (somebody
// reads in a pager), others have `stall-timeout`; a run that is aborted does not wait.
static bool
wait_writable (MfOutput *output)
{
  MfNode *node = output->node;
  int64_t start = mf_monotonic_ns ();
  for (;;) {
    if (output->fd < 0 && !open_stream (output))
      return false;
    if (is_writable (output))
      return true;
    if (output->owns_fd && mf_monotonic_ns () - start >= node->settings.stall_timeout.ns)
      mf_node_give_up (node);
    if (atomic_load (&node->give_up) || atomic_load (&node->pipeline->stop_requests) > 1)
      return false;
  }
}

static bool
write_all (MfOutput *output, const uint8_t *bytes, size_t n)
{
  // Pipes accept PIPE_BUF bytes once poll says writable: more could block out of reach of give_up.
  size_t step = output->partial ? SIZE_MAX : 4096;
  while (n) {
    if (!output->partial && !wait_writable (output)) {
      output->failed = true;
      return false;
    }
    ssize_t written = write (output->fd, bytes, MIN (n, step));
    if (written < 0 && errno != EINTR && errno != EAGAIN)
      return output_fail (output, "write", output->path);
    bytes += MAX (written, 0);
    n -= (size_t) MAX (written, 0);
  }
  return true;
}

bool
mf_output_flush_now (MfOutput *output)
{
  size_t used = output->used;
  output->used = 0;
  return !output->failed && write_all (output, output->buffer, used);
}

bool
mf_output_write (MfOutput *output, const void *bytes, size_t n)
{
  if (output->failed)
    return false;
  if (n > sizeof output->buffer - output->used && !mf_output_flush_now (output))
    return false;
  if (n > sizeof output->buffer)
    return write_all (output, bytes, n);
  memcpy (output->buffer + output->used, bytes, n);
  output->used += n;
  return true;
}

bool
mf_output_on_terminal (const MfOutput *output)
{
  return isatty (output->fd);
}

void
mf_output_set_rows (MfOutput *output, uint64_t rows)
{
  output->rows = rows;
}

static bool
close_fd (MfOutput *output)
{
  int fd = output->fd;
  output->fd = -1;
  return fd < 0 || !output->owns_fd || close (fd) == 0
         || output_fail (output, "close", output->path);
}

static bool
commit (MfOutput *output)
{
  if (!mf_output_flush_now (output) || !close_fd (output))
    return false;
  if (!output->partial)
    return true;
  if (rename (output->partial, output->path) != 0)
    return output_fail (output, "rename to", output->path);
  g_clear_pointer (&output->partial, g_free);
  MfPipeline *pipeline = output->node->pipeline;
  MfWritten *written = g_new0 (MfWritten, 1);
  *written = (MfWritten){ g_strdup (output->path), output->rows };
  pthread_mutex_lock (&pipeline->lock);
  g_ptr_array_add (pipeline->files, written);
  pthread_mutex_unlock (&pipeline->lock);
  return true;
}

bool
mf_outputs_commit (MfNode *node)
{
  for (guint i = 0; i < node->outputs->len; i++)
    if (!commit (g_ptr_array_index (node->outputs, i)))
      return false;
  return true;
}

void
mf_outputs_discard (MfNode *node)
{
  for (guint i = 0; i < node->outputs->len; i++) {
    MfOutput *output = g_ptr_array_index (node->outputs, i);
    close_fd (output);
    if (output->partial)
      unlink (output->partial);
    g_clear_pointer (&output->partial, g_free);
  }
}

void
mf_output_free (MfOutput *output)
{
  close_fd (output);
  if (output->partial)
    unlink (output->partial);
  g_free (output->partial);
  g_free (output->path);
  g_free (output);
}
