// SPDX-License-Identifier: Apache-2.0
// Sources differ in how they are opened and in what the end of a read means: both stand in one
// table.
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define FIRST_DELAY G_GINT64_CONSTANT (250000000)
#define LONGEST_DELAY G_GINT64_CONSTANT (5000000000)

struct MfSource {
  char *path;
  MfPortSettings settings;
  MfSourceKind kind;
  int fd;
  uint64_t size;
  int64_t delay;
};

// A terminal that has hung up answers like one that is silent, but for poll.
static MfRead
judge_port_end (MfSource *self)
{
  struct pollfd port = { self->fd, POLLIN, 0 };

  if (poll (&port, 1, 0) > 0 && port.revents & (POLLHUP | POLLERR | POLLNVAL))
    return MF_READ_GONE;
  return MF_READ_NOTHING;
}

static MfRead
judge_end (G_GNUC_UNUSED MfSource *self)
{
  return MF_READ_END;
}

// clang-format off
static const struct {
  MfRead (*judge_end) (MfSource *self);
  MfRead on_error;
} kinds[] = {
  [MF_SOURCE_FILE] = { judge_end, MF_READ_FAILED },
  [MF_SOURCE_STREAM] = { judge_end, MF_READ_FAILED },
  [MF_SOURCE_PORT] = { judge_port_end, MF_READ_GONE },
};
// clang-format on

static uint64_t
bytes_left (int fd, const struct stat *facts)
{
  off_t at = lseek (fd, 0, SEEK_CUR);

  return at >= 0 && at < facts->st_size ? (uint64_t) (facts->st_size - at) : 0;
}

static MfSource *
new_source (const char *path, const MfPortSettings *settings, MfSourceKind kind, int fd)
{
  MfSource *self = g_new0 (MfSource, 1);

  self->path = g_strdup (path);
  self->settings = *settings;
  self->kind = kind;
  self->fd = fd;
  self->delay = FIRST_DELAY;
  return self;
}

// Somebody else's terminal is left as it is, and its end of file (^D) is the end.
static MfSource *
open_stdin (const MfPortSettings *settings)
{
  struct stat facts;
  bool regular = fstat (STDIN_FILENO, &facts) == 0 && S_ISREG (facts.st_mode);
  MfSource *self
      = new_source ("-", settings, regular ? MF_SOURCE_FILE : MF_SOURCE_STREAM, STDIN_FILENO);

  if (regular)
    self->size = bytes_left (STDIN_FILENO, &facts);
  return self;
}

// O_NONBLOCK: a FIFO opens before its writer is there, and the wait for it can be interrupted.
static MfSource *
open_named (const char *path, const MfPortSettings *settings, GError **error)
{
  struct stat facts;
  MfSource *self;
  int fd = open (path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

  if (fd < 0 || fstat (fd, &facts) < 0 || S_ISDIR (facts.st_mode)) {
    mf_port_set_error (error, path, fd < 0 ? errno : EISDIR);
    if (fd >= 0)
      close (fd);
    return NULL;
  }
  self = new_source (
      path, settings, S_ISREG (facts.st_mode) ? MF_SOURCE_FILE : MF_SOURCE_STREAM, fd);
  self->size = self->kind == MF_SOURCE_FILE ? bytes_left (fd, &facts) : 0;
  return self;
}

// /dev/null and its family (Linux MEM_MAJOR) are character devices without a line.
static bool
names_port (const char *path)
{
  struct stat facts;

  return stat (path, &facts) == 0 && S_ISCHR (facts.st_mode) && major (facts.st_rdev) != 1;
}

MfSource *
mf_source_open (const char *path, const MfPortSettings *settings, GError **error)
{
  int fd;

  if (strcmp (path, "-") == 0)
    return open_stdin (settings);
  if (!names_port (path))
    return open_named (path, settings, error);
  fd = mf_port_open (path, settings, error);
  return fd < 0 ? NULL : new_source (path, settings, MF_SOURCE_PORT, fd);
}

static void
drop_descriptor (MfSource *self)
{
  if (self->fd > STDIN_FILENO)
    close (self->fd);
  self->fd = -1;
}

void
mf_source_close (MfSource *self)
{
  if (!self)
    return;
  drop_descriptor (self);
  g_free (self->path);
  g_free (self);
}

MfSourceKind
mf_source_get_kind (const MfSource *self)
{
  return self->kind;
}

int
mf_source_get_fd (const MfSource *self)
{
  return self->fd;
}

uint64_t
mf_source_get_size (const MfSource *self)
{
  return self->size;
}

static MfRead
judge_error (MfSource *self, int code, GError **error)
{
  if (code == EAGAIN || code == EINTR)
    return MF_READ_NOTHING;
  if (kinds[self->kind].on_error == MF_READ_FAILED)
    g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code), "cannot read %s: %s",
        self->path, g_strerror (code));
  return kinds[self->kind].on_error;
}

MfRead
mf_source_read (MfSource *self, void *bytes, size_t room, size_t *n, GError **error)
{
  ssize_t got = read (self->fd, bytes, room);
  MfRead result = got > 0    ? MF_READ_BYTES
                  : got == 0 ? kinds[self->kind].judge_end (self)
                             : judge_error (self, errno, error);

  *n = got > 0 ? (size_t) got : 0;
  if (result == MF_READ_BYTES)
    self->delay = FIRST_DELAY;
  if (result == MF_READ_GONE)
    drop_descriptor (self);
  return result;
}

size_t
mf_source_write (MfSource *self, const char *bytes, size_t n)
{
  ssize_t put = write (self->fd, bytes, n);

  return put > 0 ? (size_t) put : 0;
}

bool
mf_source_reopen (MfSource *self, GError **error)
{
  self->fd = mf_port_open (self->path, &self->settings, error);
  return self->fd >= 0;
}

int64_t
mf_source_take_delay (MfSource *self)
{
  int64_t delay = self->delay;

  self->delay = MIN (2 * delay, LONGEST_DELAY);
  return delay;
}
