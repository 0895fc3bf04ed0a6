// SPDX-License-Identifier: Apache-2.0
// Opens ports. Linux raises DTR and RTS together when a port is opened, which resets no known
// board; what resets boards is the falling edge at the close before, so that HUPCL is taken off.
#include "port.h"

#include <errno.h>
#include <fcntl.h>
#include <libserialport.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

// Unix98 pseudo terminal slaves: Linux Documentation/admin-guide/devices.txt.
enum { FIRST_PTY_MAJOR = 136, LAST_PTY_MAJOR = 143 };

// clang-format off
static const struct {
  int code;
  const char *advice;
} advices[] = {
  { EACCES, "; serial ports belong to the group dialout: run `sudo usermod -aG dialout $USER`, "
            "then log out and in again" },
  { EBUSY,
      ": another program has it open (a terminal such as screen, minicom, Thonny or mpremote); "
      "close it there" },
  { EIO, "; there is no hardware behind this name" },
  { ENOTTY, "; it is no serial port" },
};
// clang-format on

static void
append_port (void *user, const char *path, const char *what)
{
  g_string_append_printf (user, "%s%s (%s)", ((GString *) user)->len > 0 ? ", " : "", path, what);
}

static char *
describe_candidates (void)
{
  g_autoptr (GString) ports = g_string_new (NULL);

  mf_port_list (append_port, ports);
  if (ports->len == 0)
    return g_strdup ("; this machine has no serial ports now: is the board plugged in?");
  return g_strdup_printf ("; serial ports of this machine: %s", ports->str);
}

static char *
find_advice (const char *path, int code)
{
  g_autofree char *device = realpath (path, NULL);

  if (!g_str_has_prefix (device ? device : path, "/dev/"))
    return g_strdup ("");
  if (code == ENOENT)
    return describe_candidates ();
  for (gsize i = 0; i < G_N_ELEMENTS (advices); i++)
    if (advices[i].code == code)
      return g_strdup (advices[i].advice);
  return g_strdup ("");
}

void
mf_port_set_error (GError **error, const char *path, int code)
{
  g_autofree char *advice = find_advice (path, code);

  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code), "cannot open %s: %s%s", path,
      g_strerror (code), advice);
}

static int
fail_with (GError **error, const char *path, int code)
{
  mf_port_set_error (error, path, code);
  return -1;
}

// Other programs must not take bytes away: those that lock (flock) and those that ask the kernel.
static bool
claim (int fd)
{
  if (flock (fd, LOCK_EX | LOCK_NB) < 0) {
    errno = errno == EWOULDBLOCK ? EBUSY : errno;
    return false;
  }
  return ioctl (fd, TIOCEXCL) == 0;
}

static int
open_pty (const char *path, GError **error)
{
  struct termios line;
  int fd = open (path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

  if (fd < 0)
    return fail_with (error, path, errno);
  if (!claim (fd) || tcgetattr (fd, &line) < 0)
    goto failed;
  cfmakeraw (&line);
  line.c_cflag |= CLOCAL | CREAD;
  if (tcsetattr (fd, TCSANOW, &line) == 0)
    return fd;

failed:
  mf_port_set_error (error, path, errno);
  close (fd);
  return -1;
}

static const enum sp_parity parities[] = { SP_PARITY_NONE, SP_PARITY_EVEN, SP_PARITY_ODD };
static const enum sp_flowcontrol flows[]
    = { SP_FLOWCONTROL_NONE, SP_FLOWCONTROL_RTSCTS, SP_FLOWCONTROL_XONXOFF };

typedef struct sp_port SerialPort;
typedef struct sp_port_config SerialConfig;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SerialPort, sp_free_port)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SerialConfig, sp_free_config)

// A new configuration leaves alone what is not set in it: DTR and RTS too.
static bool
configure (SerialPort *port, const MfPortSettings *settings)
{
  g_autoptr (SerialConfig) config = NULL;

  return sp_new_config (&config) == SP_OK
         && sp_set_config_baudrate (config, (int) settings->baud) == SP_OK
         && sp_set_config_bits (config, (int) settings->data_bits) == SP_OK
         && sp_set_config_parity (config, parities[settings->parity]) == SP_OK
         && sp_set_config_stopbits (config, (int) settings->stop_bits) == SP_OK
         && sp_set_config_flowcontrol (config, flows[settings->flow]) == SP_OK
         && sp_set_config (port, config) == SP_OK;
}

static bool
set_signals (SerialPort *port, const MfPortSettings *settings)
{
  if (settings->dtr != MF_SIGNAL_LEAVE
      && sp_set_dtr (port, settings->dtr == MF_SIGNAL_ON ? SP_DTR_ON : SP_DTR_OFF) != SP_OK)
    return false;
  return settings->rts == MF_SIGNAL_LEAVE
         || sp_set_rts (port, settings->rts == MF_SIGNAL_ON ? SP_RTS_ON : SP_RTS_OFF) == SP_OK;
}

static bool
keep_dtr_at_close (int fd)
{
  struct termios line;

  if (tcgetattr (fd, &line) < 0)
    return false;
  line.c_cflag &= ~(tcflag_t) HUPCL;
  return tcsetattr (fd, TCSANOW, &line) == 0;
}

// The descriptor of the port outlives libserialport's handle: it keeps settings and locks.
static int
take_descriptor (SerialPort *port)
{
  int fd = -1;

  if (sp_get_port_handle (port, &fd) != SP_OK || !claim (fd) || !keep_dtr_at_close (fd))
    return -1;
  return fcntl (fd, F_DUPFD_CLOEXEC, 0);
}

static int
open_serial (const char *path, const MfPortSettings *settings, GError **error)
{
  g_autoptr (SerialPort) port = NULL;
  g_autofree char *device = realpath (path, NULL);
  int fd, code;

  errno = ENOTTY;
  if (!device || sp_get_port_by_name (device, &port) != SP_OK
      || sp_open (port, SP_MODE_READ_WRITE) != SP_OK)
    return fail_with (error, path, errno);
  errno = EINVAL;
  fd = set_signals (port, settings) && configure (port, settings) ? take_descriptor (port) : -1;
  code = errno;
  sp_close (port);
  if (fd < 0 && code == EINVAL)
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
        "cannot open %s: it does not take %u baud with these line settings", path, settings->baud);
  else if (fd < 0)
    mf_port_set_error (error, path, code);
  return fd;
}

int
mf_port_open (const char *path, const MfPortSettings *settings, GError **error)
{
  struct stat facts;

  if (stat (path, &facts) < 0)
    return fail_with (error, path, errno);
  if (major (facts.st_rdev) >= FIRST_PTY_MAJOR && major (facts.st_rdev) <= LAST_PTY_MAJOR)
    return open_pty (path, error);
  return open_serial (path, settings, error);
}

static const char *
describe (SerialPort *port)
{
  const char *product = sp_get_port_usb_product (port);
  const char *description = sp_get_port_description (port);

  if (product)
    return product;
  return description ? description : "serial port";
}

void
mf_port_list (MfPortFound found, void *user)
{
  SerialPort **ports = NULL;

  if (sp_list_ports (&ports) != SP_OK)
    return;
  for (guint i = 0; ports[i]; i++)
    found (user, sp_get_port_name (ports[i]), describe (ports[i]));
  sp_free_port_list (ports);
}
