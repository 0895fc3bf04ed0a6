// SPDX-License-Identifier: Apache-2.0
// Compiles sources with the python3 or mpy-cross at hand, out of process and into a temporary
// folder. Nothing of the sources is executed.
#include "reading.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

// Reads pairs of source and result, each ended by a NUL; answers each with a line: empty, or why it
// failed.
static const char python_program[] = "import py_compile, sys\n"
                                     "words = sys.stdin.buffer.read().split(b'\\0')\n"
                                     "for source, result in zip(words[::2], words[1::2]):\n"
                                     "    try:\n"
                                     "        py_compile.compile(source.decode('utf-8', "
                                     "'surrogateescape'), result.decode(), doraise=True)\n"
                                     "        why = ''\n"
                                     "    except Exception as error:\n"
                                     "        why = str(error) or type(error).__name__\n"
                                     "    print(ascii(' '.join(why.split()))[1:-1], flush=True)\n";

typedef struct {
  const PycReading *reading;
  char *folder; // temporary
  GPtrArray *sources;
} Work;

static char *
result_path (const Work *work, guint i)
{
  const char *suffix = work->reading->compile == PYC_COMPILE_MPY_CROSS ? "mpy" : "pyc";
  return g_strdup_printf ("%s/%u.%s", work->folder, i, suffix);
}

static gboolean
refuse_source (const Work *work, guint i, const char *why)
{
  const PycUncompiled *source = work->sources->pdata[i];
  g_autofree char *said = g_strdup_printf ("it cannot be compiled: %s", why);
  return work->reading->unreadable (work->reading->user, source->path, said);
}

static gboolean
use_result (const Work *work, guint i, const char *why)
{
  const PycUncompiled *source = work->sources->pdata[i];
  g_autofree char *result = result_path (work, i);
  if (*why || !g_file_test (result, G_FILE_TEST_IS_REGULAR))
    return refuse_source (work, i, *why ? why : "the compiler wrote no file");
  return pyc_read_file (work->reading, result, source->path, source->module);
}

// ---- python: one process for all sources

static GBytes *
list_of_pairs (const Work *work)
{
  GByteArray *list = g_byte_array_new ();
  for (guint i = 0; i < work->sources->len; i++) {
    const PycUncompiled *source = work->sources->pdata[i];
    g_autofree char *result = result_path (work, i);
    g_byte_array_append (list, (const guint8 *) source->path, (guint) strlen (source->path) + 1);
    g_byte_array_append (list, (const guint8 *) result, (guint) strlen (result) + 1);
  }
  return g_byte_array_free_to_bytes (list);
}

static char **
run_python (const Work *work, GError **error)
{
  const char *python = work->reading->compiler ? work->reading->compiler : "python3";
  g_autoptr (GSubprocess) process
      = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE
                              | G_SUBPROCESS_FLAGS_STDERR_SILENCE,
          error, python, "-I", "-S", "-B", "-c", python_program, NULL);
  g_autoptr (GBytes) list = list_of_pairs (work), said = NULL;
  if (!process || !g_subprocess_communicate (process, list, NULL, &said, NULL, error))
    return NULL;
  g_autofree char *text = g_strndup (g_bytes_get_data (said, NULL), g_bytes_get_size (said));
  return g_strsplit (text, "\n", -1);
}

static gboolean
compile_with_python (const Work *work)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) lines = run_python (work, &error);
  guint answers = lines ? g_strv_length (lines) : 0;
  for (guint i = 0; i < work->sources->len; i++) {
    const char *why = error             ? error->message
                      : i + 1 < answers ? lines[i]
                                        : "the compiler gave no answer";
    if (!use_result (work, i, why))
      return FALSE;
  }
  return TRUE;
}

// ---- mpy-cross: a process for each source

// What a compiler complains about, on one line.
static char *
one_line (char *errors)
{
  return g_strdup (
      errors && *errors ? g_strstrip (g_strdelimit (errors, "\r\n", ' ')) : "it failed");
}

static char *
run_mpy_cross (const Work *work, guint i)
{
  const PycUncompiled *source = work->sources->pdata[i];
  g_autofree char *result = result_path (work, i), *errors = NULL;
  g_autofree char *path = g_canonicalize_filename (source->path, NULL); // never an option
  g_autoptr (GError) error = NULL;
  const char *compiler = work->reading->compiler ? work->reading->compiler : "mpy-cross";
  g_autoptr (GSubprocess) process
      = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_PIPE,
          &error, compiler, "-s", source->module, "-o", result, path, NULL);
  if (!process || !g_subprocess_communicate_utf8 (process, NULL, NULL, NULL, &errors, &error))
    return g_strdup (error->message);
  return g_subprocess_get_successful (process) ? g_strdup ("") : one_line (errors);
}

static gboolean
compile_with_mpy_cross (const Work *work)
{
  for (guint i = 0; i < work->sources->len; i++) {
    g_autofree char *why = run_mpy_cross (work, i);
    if (!use_result (work, i, why))
      return FALSE;
  }
  return TRUE;
}

static void
remove_results (const Work *work)
{
  for (guint i = 0; i < work->sources->len; i++) {
    g_autofree char *result = result_path (work, i);
    g_unlink (result);
  }
  g_rmdir (work->folder);
}

gboolean
pyc_compile (const PycReading *reading, GPtrArray *sources)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("memflow-XXXXXX", &error);
  const Work work = { reading, folder, sources };
  if (!folder)
    return refuse_source (&work, 0, error->message);
  gboolean mpy = reading->compile == PYC_COMPILE_MPY_CROSS;
  gboolean on = mpy ? compile_with_mpy_cross (&work) : compile_with_python (&work);
  remove_results (&work);
  return on;
}
