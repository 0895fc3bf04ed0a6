// SPDX-License-Identifier: Apache-2.0
// Reads configurations: one file, what it includes, and how the two are laid over each other.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store.h"
#include "variables.h"

// A file that is being read, and the one that includes it.
typedef struct Source Source;
struct Source {
  const char *file, *folder;
  const char *text;
  size_t length;
  struct stat identity; // all zero for text in memory
  const Source *up;
};

typedef struct {
  MfConfig *config;
  const Source *source;
  MfDiagnostics *diagnostics;
  GPtrArray *groups;    // of this file
  MfConfigGroup *group; // that entries go to; NULL before the first
} Reader;

// ---- reading one file

static void
refuse_repeated (
    Reader *reader, const MfPlace *place, const MfPlace *first, const char *what, const char *name)
{
  g_autofree char *there = mf_place_name (first);
  g_autofree char *hint = g_strdup_printf ("the first one is at %s", there);
  mf_diagnostics_error (reader->diagnostics, place, hint, "%s '%s' stands here again", what, name);
}

// Refused groups receive their entries, so that these are checked, but belong to nothing.
static bool
read_group (Reader *reader, const MfConfigLine *line)
{
  if (reader->groups->len == MF_CONFIG_MAX_GROUPS) {
    mf_diagnostics_error (
        reader->diagnostics, &line->place, NULL, "more than %d groups", MF_CONFIG_MAX_GROUPS);
    return false;
  }
  MfConfigGroup *group
      = mf_config_group_new (reader->config, line->left, line->right, &line->place);
  const MfConfigGroup *first = mf_config_find_group (reader->groups, group->name);
  if (first && !line->broken)
    refuse_repeated (reader, &line->place, &first->place, "group", group->name);
  if (line->broken || first)
    group->name = ""; // never found
  g_ptr_array_add (reader->groups, group);
  reader->group = group;
  return true;
}

static MfConfigEntry *
entry_new (Reader *reader, const MfConfigLine *line)
{
  MfConfig *config = reader->config;
  MfConfigEntry *entry = mf_config_keep_memory (config, g_new0 (MfConfigEntry, 1));
  g_autoptr (GString) value = g_string_new (NULL);
  entry->key = mf_config_keep_key (config, line->left);
  entry->folder = reader->source->folder;
  entry->key_place = line->place;
  entry->value_place = line->right_place;
  entry->broken
      = !mf_variables_expand (line->right, &line->right_place, value, reader->diagnostics);
  entry->value = entry->broken ? "" : g_string_chunk_insert_const (config->strings, value->str);
  return entry;
}

static bool
read_entry (Reader *reader, const MfConfigLine *line)
{
  if (!reader->group) {
    mf_diagnostics_error (
        reader->diagnostics, &line->place, "begin with [pipeline]", "key before the first group");
    return false;
  }
  if (reader->group->entries->len == MF_CONFIG_MAX_KEYS) {
    mf_diagnostics_error (reader->diagnostics, &line->place, NULL, "more than %d keys in one group",
        MF_CONFIG_MAX_KEYS);
    return false;
  }
  MfConfigEntry *entry = entry_new (reader, line);
  const MfConfigEntry *first = mf_config_entry (reader->group, entry->key);
  if (first)
    refuse_repeated (reader, &entry->key_place, &first->key_place, "key", entry->key);
  else
    g_ptr_array_add (reader->group->entries, entry);
  return true;
}

// Reads all groups of the source, without what it includes.
static void
read_groups (Reader *reader)
{
  const Source *source = reader->source;
  MfLexer lexer = mf_lexer (source->file, source->text, source->length, reader->diagnostics);
  MfConfigLine line;
  while (mf_lexer_next (&lexer, &line))
    if (!(line.header ? read_group (reader, &line) : read_entry (reader, &line)))
      return;
}

// ---- files

// The bytes of a file and a NUL, or NULL with errno; EFBIG beyond the limit. Transfer full.
static char *
read_descriptor (int fd, size_t *length)
{
  g_autofree char *text = g_malloc (MF_CONFIG_MAX_FILE + 2);
  ssize_t n = 1;
  for (*length = 0; n > 0 && *length <= MF_CONFIG_MAX_FILE; *length += (size_t) n) {
    n = TEMP_FAILURE_RETRY (read (fd, text + *length, MF_CONFIG_MAX_FILE + 1 - *length));
    if (n < 0)
      return NULL;
  }
  if (*length > MF_CONFIG_MAX_FILE) {
    errno = EFBIG;
    return NULL;
  }
  text[*length] = '\0';
  return g_realloc (g_steal_pointer (&text), *length + 1);
}

static char *
read_file (const char *path, size_t *length, struct stat *identity)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return NULL;
  char *text = fstat (fd, identity) == 0 ? read_descriptor (fd, length) : NULL;
  int why = errno;
  close (fd);
  errno = why;
  return text;
}

static void
refuse_file (const char *path, const MfPlace *place, MfDiagnostics *diagnostics)
{
  MfPlace file = { .kind = MF_PLACE_FILE, .file = path };
  const char *why = errno == EFBIG ? "it is larger than 1 MiB" : g_strerror (errno);
  if (place)
    mf_diagnostics_error (diagnostics, place, NULL, "cannot read '%s': %s", path, why);
  else
    mf_diagnostics_error (diagnostics, &file, NULL, "cannot read the configuration: %s", why);
}

static void
warn_of_owner (const Source *source, MfDiagnostics *diagnostics)
{
  const char *warning = S_ISREG (source->identity.st_mode) ? mf_config_owner_warning (
                            source->identity.st_uid, source->identity.st_mode, getuid ())
                                                           : NULL;
  MfPlace place = { .kind = MF_PLACE_FILE, .file = source->file };
  if (warning)
    mf_diagnostics_warn (
        diagnostics, &place, "configurations are code: own it, and chmod o-w", "%s", warning);
}

// ---- includes

static void
override_entries (MfConfigGroup *below, const MfConfigGroup *above)
{
  for (unsigned i = 0; i < above->entries->len; i++)
    mf_config_put_entry (below, above->entries->pdata[i]);
  below->place = above->place;
}

static void
refuse_other_kind (
    const MfConfigGroup *below, const MfConfigGroup *above, MfDiagnostics *diagnostics)
{
  g_autofree char *there = mf_place_name (&below->place);
  g_autofree char *hint
      = g_strdup_printf ("the included [%s %s] is at %s", below->kind, below->name, there);
  mf_diagnostics_error (diagnostics, &above->place, hint,
      "'%s' is another kind of group in an included file", above->name);
}

// Lays the groups of `above` over those of `below`, key by key. Takes the groups of `above`.
static void
overlay (GPtrArray *below, GPtrArray *above, MfDiagnostics *diagnostics)
{
  for (unsigned i = 0; i < above->len; i++) {
    MfConfigGroup *group = above->pdata[i];
    MfConfigGroup *same = *group->name ? mf_config_find_group (below, group->name) : NULL;
    if (!same && *group->name) {
      g_ptr_array_add (below, group);
      continue;
    }
    if (same && strcmp (same->kind, group->kind) == 0)
      override_entries (same, group);
    else if (same)
      refuse_other_kind (same, group, diagnostics);
    mf_config_group_free (group);
  }
  g_ptr_array_set_size (above, 0);
}

static GPtrArray *read_source (MfConfig *config, const Source *source, MfDiagnostics *diagnostics);

static bool
same_file (const struct stat *a, const struct stat *b)
{
  return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_ino != 0;
}

// "a.ini -> b.ini -> a.ini" if the new source is one of those that include it, else NULL.
static char *
cycle_through (const Source *source)
{
  g_autoptr (GString) chain = g_string_new (source->file);
  for (const Source *up = source->up; up; up = up->up) {
    g_string_prepend (chain, " -> ");
    g_string_prepend (chain, up->file);
    if (same_file (&up->identity, &source->identity))
      return g_strdup (chain->str);
  }
  return NULL;
}

static bool
check_depth (const Source *source, const MfPlace *place, MfDiagnostics *diagnostics)
{
  unsigned depth = 0;
  for (const Source *up = source->up; up; up = up->up)
    depth++;
  g_autofree char *cycle = cycle_through (source);
  if (cycle)
    mf_diagnostics_error (diagnostics, place, cycle, "'%s' includes itself", source->file);
  else if (depth > MF_CONFIG_MAX_DEPTH)
    mf_diagnostics_error (
        diagnostics, place, NULL, "includes are nested deeper than %d", MF_CONFIG_MAX_DEPTH);
  return !cycle && depth <= MF_CONFIG_MAX_DEPTH;
}

static const char *
keep_path (MfConfig *config, const char *folder, const char *name)
{
  g_autofree char *path = mf_config_path (folder, name);
  return g_string_chunk_insert_const (config->strings, path);
}

static const char *
keep_folder (MfConfig *config, const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  return g_string_chunk_insert_const (config->strings, folder);
}

// Reads one included file; NULL when that was refused.
static GPtrArray *
include_file (
    MfConfig *config, const Source *up, const MfConfigWord *word, MfDiagnostics *diagnostics)
{
  if (++config->n_files > MF_CONFIG_MAX_FILES) {
    mf_diagnostics_error (
        diagnostics, &word->place, NULL, "more than %d files are included", MF_CONFIG_MAX_FILES);
    return NULL;
  }
  Source source = { .file = keep_path (config, up->folder, word->text), .up = up };
  source.folder = keep_folder (config, source.file);
  char *text = read_file (source.file, &source.length, &source.identity);
  if (!text) {
    refuse_file (source.file, &word->place, diagnostics);
    return NULL;
  }
  source.text = mf_config_keep_memory (config, text);
  if (!check_depth (&source, &word->place, diagnostics))
    return NULL;
  warn_of_owner (&source, diagnostics);
  return read_source (config, &source, diagnostics);
}

static void
include_files (MfConfig *config, const Source *source, const MfConfigEntry *entry,
    GPtrArray *groups, MfDiagnostics *diagnostics)
{
  if (!source->folder) {
    mf_diagnostics_error (diagnostics, &entry->value_place, NULL, "only files can include files");
    return;
  }
  g_autoptr (GArray) words = mf_config_words (entry);
  if (words->len == 0 && !entry->broken)
    mf_diagnostics_error (diagnostics, &entry->key_place, NULL, "include names no file");
  for (unsigned i = 0; i < words->len; i++) {
    g_autoptr (GPtrArray) included
        = include_file (config, source, &g_array_index (words, MfConfigWord, i), diagnostics);
    if (included)
      overlay (groups, included, diagnostics);
  }
}

// The groups of a source and of what it includes. Transfer full.
static GPtrArray *
read_source (MfConfig *config, const Source *source, MfDiagnostics *diagnostics)
{
  g_autoptr (GPtrArray) own = g_ptr_array_new ();
  Reader reader = { config, source, diagnostics, own, NULL };
  read_groups (&reader);

  GPtrArray *groups = g_ptr_array_new ();
  MfConfigGroup *pipeline = mf_config_find_group (own, "pipeline");
  const MfConfigEntry *include = pipeline ? mf_config_entry (pipeline, "include") : NULL;
  if (include) {
    g_ptr_array_remove (pipeline->entries, (void *) include);
    include_files (config, source, include, groups, diagnostics);
  }
  overlay (groups, own, diagnostics);
  return groups;
}

static void
replace_groups (MfConfig *config, const Source *source, MfDiagnostics *diagnostics)
{
  g_ptr_array_unref (config->groups);
  config->groups = read_source (config, source, diagnostics);
}

MfConfig *
mf_config_load (const char *path, MfDiagnostics *diagnostics)
{
  Source source = { 0 };
  char *text = read_file (path, &source.length, &source.identity);
  if (!text) {
    refuse_file (path, NULL, diagnostics);
    return NULL;
  }
  MfConfig *config = mf_config_new ();
  source.text = mf_config_keep_memory (config, text);
  source.file = mf_config_keep (config, path, strlen (path));
  source.folder = keep_folder (config, path);
  warn_of_owner (&source, diagnostics);
  replace_groups (config, &source, diagnostics);
  return config;
}

MfConfig *
mf_config_parse (const char *text, size_t length, const char *label, const char *folder,
    MfDiagnostics *diagnostics)
{
  MfConfig *config = mf_config_new ();
  Source source = { .file = mf_config_keep (config, label, strlen (label)), .length = length };
  if (length > MF_CONFIG_MAX_FILE) {
    errno = EFBIG;
    refuse_file (source.file, NULL, diagnostics);
    return config;
  }
  char *copy = mf_config_keep_memory (config, g_malloc (length + 1));
  memcpy (copy, text, length);
  copy[length] = '\0';
  source.text = copy;
  source.folder = folder ? mf_config_keep (config, folder, strlen (folder)) : NULL;
  replace_groups (config, &source, diagnostics);
  return config;
}
