// SPDX-License-Identifier: Apache-2.0
// A capture in a file, written in place: whatever happens, what stands there can be read. A disk that is full is tried
// again; a block that was written in part is taken back.
#include "outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ring-clock.h"

enum { RETRY_AFTER = 1000000000 };

static bool
write_all (int fd, struct iovec *pieces, int n)
{
  while (n) {
    ssize_t written = writev (fd, pieces, n);
    if (written < 0 && errno != EINTR)
      return false;
    for (; n && written >= 0 && (size_t) written >= pieces->iov_len; pieces++, n--)
      written -= (ssize_t) pieces->iov_len;
    if (n && written > 0) {
      pieces->iov_base = (char *) pieces->iov_base + written;
      pieces->iov_len -= (size_t) written;
    }
  }
  return true;
}

static bool
go_back_to (MfFileOutlet *file, uint64_t at)
{
  return !ftruncate (file->fd, (off_t) at) && lseek (file->fd, (off_t) at, SEEK_SET) >= 0;
}

static bool
append (MfFileOutlet *file, const uint8_t *head, size_t n_head, const uint8_t *body, size_t n_body)
{
  struct iovec pieces[] = { { (void *) head, n_head }, { (void *) body, n_body } };
  if (write_all (file->fd, pieces, n_body ? 2 : 1))
    return true;
  int error = errno;
  if (!file->outlet.failure[0])
    snprintf (file->outlet.failure, sizeof file->outlet.failure, "cannot write %s: %s", file->outlet.name, strerror (error));
  go_back_to (file, file->at);
  return false;
}

// The last block makes room for the totals, which say that it is missing.
static bool
sacrifice (MfFileOutlet *file)
{
  if (file->before == file->at || !go_back_to (file, file->before))
    return false;
  file->outlet.rows_missing += file->rows_at - file->rows_before;
  file->outlet.bytes -= file->at - file->before;
  file->at = file->before;
  file->rows_at = file->rows_before;
  return true;
}

// The header of the capture may have found no room when it was put.
static bool
begin (MfFileOutlet *file)
{
  if (file->at || !file->n_header)
    return true;
  if (!append (file, file->header, file->n_header, NULL, 0))
    return false;
  file->before = file->at = file->n_header;
  file->outlet.bytes += file->n_header;
  return true;
}

static bool
file_put (MfOutlet *outlet, const uint8_t *head, size_t n_head, const uint8_t *body, size_t n_body)
{
  MfFileOutlet *file = (MfFileOutlet *) outlet;
  int64_t now = file->retry || outlet->failure[0] ? mf_ring_ns () : 0;
  bool tried = outlet->ending || now >= file->retry, written = tried && begin (file) && append (file, head, n_head, body, n_body);
  if (!written && !file->n_header && !n_body && n_head <= sizeof file->header) {
    memcpy (file->header, head, n_head);
    file->n_header = n_head;
  }
  if (!written && outlet->ending && sacrifice (file))
    written = append (file, head, n_head, body, n_body);
  uint64_t rows = outlet->rows - file->rows_at - outlet->rows_missing;
  if (!written) {
    outlet->rows_missing += rows;
    file->retry = tried ? mf_ring_ns () + RETRY_AFTER : file->retry;
    return false;
  }
  file->before = file->at;
  file->rows_before = file->rows_at;
  file->at += n_head + n_body;
  file->rows_at += rows;
  return true;
}

static bool
file_has_room (MfOutlet *outlet __attribute__ ((unused)))
{
  return true;
}

static void
file_attend (MfOutlet *outlet __attribute__ ((unused)), int64_t now __attribute__ ((unused)))
{
}

static bool
file_settle (MfOutlet *outlet)
{
  return !outlet->failure[0];
}

static void
file_close (MfOutlet *outlet)
{
  MfFileOutlet *file = (MfFileOutlet *) outlet;
  if (file->fd >= 0 && close (file->fd) && !outlet->failure[0])
    snprintf (outlet->failure, sizeof outlet->failure, "cannot write %s: %s", outlet->name, strerror (errno));
  file->fd = -1;
}

static const MfOutletKind file_kind = { file_put, file_has_room, file_has_room, file_attend, file_settle, file_close };

bool
mf_file_outlet_open (MfFileOutlet *file, const char *path)
{
  struct stat about;
  *file = (MfFileOutlet) { .outlet = { .kind = &file_kind, .name = path }, .fd = -1 };
  // Somebody who reads the old file keeps it.
  if (!lstat (path, &about) && S_ISREG (about.st_mode))
    unlink (path);
  file->fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
  bool is_fine = file->fd >= 0 && !fstat (file->fd, &about);
  if (is_fine && (S_ISCHR (about.st_mode) || (S_ISREG (about.st_mode) && !fchmod (file->fd, 0600))))
    return true;
  snprintf (file->outlet.failure, sizeof file->outlet.failure, "cannot create %s: %s", path,
      is_fine ? "it is no file; for a pipe use  -o -" : strerror (errno));
  file_close (&file->outlet);
  return false;
}
