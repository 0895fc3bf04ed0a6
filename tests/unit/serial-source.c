// SPDX-License-Identifier: Apache-2.0
// Sources: files, FIFOs and pseudo terminals, with a board that is unplugged and comes back.
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static const MfPortSettings settings = { .baud = 115200, .data_bits = 8, .stop_bits = 1 };
enum { NOBODY = 65534, PATIENCE_MS = 5000 };

typedef struct {
  int master;
  char *slave;
} Pty;

static Pty
pty_open (void)
{
  Pty pty = { .master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC) };

  g_assert_cmpint (pty.master, >=, 0);
  g_assert_cmpint (grantpt (pty.master) | unlockpt (pty.master), ==, 0);
  pty.slave = g_strdup (ptsname (pty.master));
  return pty;
}

static void
pty_close (Pty *pty)
{
  close (pty->master);
  g_clear_pointer (&pty->slave, g_free);
}

// Waits for the source, then reads once.
static MfRead
read_one (MfSource *source, char *bytes, size_t room, size_t *n)
{
  struct pollfd fd = { mf_source_get_fd (source), POLLIN, 0 };
  GError *error = NULL;
  MfRead result;

  g_assert_cmpint (poll (&fd, 1, PATIENCE_MS), ==, 1);
  result = mf_source_read (source, bytes, room, n, &error);
  g_assert_no_error (error);
  return result;
}

static MfSource *
open_source (const char *path)
{
  GError *error = NULL;
  MfSource *source = mf_source_open (path, &settings, &error);

  g_assert_no_error (error);
  g_assert_nonnull (source);
  return source;
}

static void
assert_refused (const char *path, const char *sentence)
{
  GError *error = NULL;

  g_assert_null (mf_source_open (path, &settings, &error));
  g_assert_nonnull (error);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, sentence));
  g_error_free (error);
}

static void
test_file (void)
{
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "memflow-source-XXXXXX", NULL);
  int fd = g_mkstemp (path);
  MfSource *source;
  char bytes[8];
  size_t n;

  g_assert_cmpint (write (fd, "0123456789", 10), ==, 10);
  close (fd);
  source = open_source (path);
  g_assert_cmpint (mf_source_get_kind (source), ==, MF_SOURCE_FILE);
  g_assert_cmpuint (mf_source_get_size (source), ==, 10);
  g_assert_cmpint (read_one (source, bytes, sizeof bytes, &n), ==, MF_READ_BYTES);
  g_assert_cmpmem (bytes, n, "01234567", 8);
  g_assert_cmpint (read_one (source, bytes, sizeof bytes, &n), ==, MF_READ_BYTES);
  g_assert_cmpmem (bytes, n, "89", 2);
  g_assert_cmpint (read_one (source, bytes, sizeof bytes, &n), ==, MF_READ_END);
  mf_source_close (source);
  g_unlink (path);
}

// The FIFO opens before its writer; the first read waits for one, and the last writer ends it.
static void
test_fifo (void)
{
  g_autofree char *folder = g_dir_make_tmp ("memflow-source-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "fifo", NULL);
  MfSource *source;
  char bytes[8];
  size_t n;
  int writer;

  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  source = open_source (path);
  g_assert_cmpint (mf_source_get_kind (source), ==, MF_SOURCE_STREAM);
  g_assert_cmpint (poll (&(struct pollfd){ mf_source_get_fd (source), POLLIN, 0 }, 1, 0), ==, 0);
  writer = open (path, O_WRONLY | O_CLOEXEC);
  g_assert_cmpint (write (writer, "abc", 3), ==, 3);
  g_assert_cmpint (read_one (source, bytes, sizeof bytes, &n), ==, MF_READ_BYTES);
  g_assert_cmpmem (bytes, n, "abc", 3);
  g_assert_cmpint (mf_source_read (source, bytes, sizeof bytes, &n, NULL), ==, MF_READ_NOTHING);
  close (writer);
  g_assert_cmpint (read_one (source, bytes, sizeof bytes, &n), ==, MF_READ_END);
  mf_source_close (source);
  g_unlink (path);
  g_rmdir (folder);
}

static void
test_terminal (void)
{
  Pty pty = pty_open ();
  MfSource *source = open_source (pty.slave);
  static const char all[] = "\x03\x04\x11\x13\r\n\x00\xff";
  char bytes[32];
  size_t n;

  g_assert_cmpint (mf_source_get_kind (source), ==, MF_SOURCE_PORT);
  g_assert_cmpint (mf_source_read (source, bytes, sizeof bytes, &n, NULL), ==, MF_READ_NOTHING);
  g_assert_cmpint (write (pty.master, all, sizeof all), ==, sizeof all);
  g_assert_cmpint (read_one (source, bytes, sizeof bytes, &n), ==, MF_READ_BYTES);
  g_assert_cmpmem (bytes, n, all, sizeof all);
  g_assert_cmpuint (mf_source_write (source, "\r\x03\x03", 3), ==, 3);
  g_assert_cmpint (read (pty.master, bytes, sizeof bytes), ==, 3);
  g_assert_cmpmem (bytes, 3, "\r\x03\x03", 3);
  mf_source_close (source);
  pty_close (&pty);
}

// The same name must come back: a link, as udev makes one for each board in /dev/serial/by-id.
static void
test_unplugged (void)
{
  g_autofree char *folder = g_dir_make_tmp ("memflow-source-XXXXXX", NULL);
  g_autofree char *link = g_build_filename (folder, "board", NULL);
  Pty pty = pty_open ();
  MfSource *source;
  GError *error = NULL;
  char bytes[8];
  size_t n;

  g_assert_cmpint (symlink (pty.slave, link), ==, 0);
  source = open_source (link);
  pty_close (&pty);
  g_unlink (link);
  g_assert_cmpint (read_one (source, bytes, sizeof bytes, &n), ==, MF_READ_GONE);
  g_assert_cmpint (mf_source_get_fd (source), ==, -1);
  g_assert_false (mf_source_reopen (source, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  g_clear_error (&error);

  pty = pty_open ();
  g_assert_cmpint (symlink (pty.slave, link), ==, 0);
  g_assert_true (mf_source_reopen (source, &error));
  g_assert_cmpint (write (pty.master, "back", 4), ==, 4);
  g_assert_cmpint (read_one (source, bytes, sizeof bytes, &n), ==, MF_READ_BYTES);
  g_assert_cmpmem (bytes, n, "back", 4);
  mf_source_close (source);
  g_unlink (link);
  g_rmdir (folder);
  pty_close (&pty);
}

static void
test_delays (void)
{
  static const int64_t expected[] = { 250, 500, 1000, 2000, 4000, 5000, 5000 };
  MfSource *source = open_source ("/dev/null");

  for (gsize i = 0; i < G_N_ELEMENTS (expected); i++)
    g_assert_cmpint (mf_source_take_delay (source), ==, expected[i] * 1000000);
  mf_source_close (source);
}

static void
test_busy (void)
{
  Pty pty = pty_open ();
  int other = open (pty.slave, O_RDWR | O_NOCTTY | O_CLOEXEC);

  g_assert_cmpint (flock (other, LOCK_EX), ==, 0);
  assert_refused (pty.slave, "another program has it open");
  close (other);
  pty_close (&pty);
}

static void
test_forbidden (void)
{
  Pty pty = pty_open ();
  bool root = geteuid () == 0;

  g_assert_cmpint (chmod (pty.slave, 0), ==, 0);
  g_assert_true (!root || seteuid (NOBODY) == 0);
  assert_refused (pty.slave, "belong to the group dialout: run `sudo usermod -aG dialout $USER`");
  g_assert_true (!root || seteuid (0) == 0);
  pty_close (&pty);
}

static void
test_missing (void)
{
  assert_refused ("/dev/ttyNOWHERE7", "cannot open /dev/ttyNOWHERE7: No such file or directory; ");
  assert_refused ("/dev/ttyNOWHERE7", "serial ports");
  assert_refused (
      "no/such/recording.txt", "cannot open no/such/recording.txt: No such file or directory");
  assert_refused (g_get_tmp_dir (), "Is a directory");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/source/file", test_file);
  g_test_add_func ("/source/fifo", test_fifo);
  g_test_add_func ("/source/terminal", test_terminal);
  g_test_add_func ("/source/unplugged", test_unplugged);
  g_test_add_func ("/source/delays", test_delays);
  g_test_add_func ("/source/busy", test_busy);
  g_test_add_func ("/source/forbidden", test_forbidden);
  g_test_add_func ("/source/missing", test_missing);
  return g_test_run ();
}
