// SPDX-License-Identifier: Apache-2.0
// Configurations: groups of files and what they include, and the command line's --set above them.
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lexer.h"
#include "variables.h"

struct MfConfig {
  GPtrArray *groups;      // of MfConfigGroup
  GPtrArray *memory;      // groups, entries and texts: places point into the latter
  GStringChunk *strings;
  unsigned n_files;
};

// A file that is being read, and the one that includes it.
typedef struct Source Source;
struct Source {
  const char *file, *folder;
  const char *text;
  size_t length;
  struct stat identity;   // all zero for text in memory
  const Source *up;
};

typedef struct {
  MfConfig *config;
  const Source *source;
  MfDiagnostics *diagnostics;
  GPtrArray *groups;      // of this file
  MfConfigGroup *group;   // that entries go to; NULL before the first
} Reader;

static const char *
keep_string (MfConfig *config, const char *text, size_t n)
{
  g_autofree char *copy = g_strndup (text, n);
  return g_string_chunk_insert_const (config->strings, copy);
}

static void *
keep_memory (MfConfig *config, void *memory)
{
  g_ptr_array_add (config->memory, memory);
  return memory;
}

static void
group_free (void *group)
{
  g_ptr_array_unref (((MfConfigGroup *) group)->entries);
  g_free (group);
}

static MfConfig *
config_new (void)
{
  MfConfig *config = g_new0 (MfConfig, 1);
  config->groups = g_ptr_array_new ();
  config->memory = g_ptr_array_new_with_free_func (g_free);
  config->strings = g_string_chunk_new (4096);
  return config;
}

void
mf_config_free (MfConfig *config)
{
  if (!config)
    return;
  g_ptr_array_set_free_func (config->groups, group_free);
  g_ptr_array_unref (config->groups);
  g_ptr_array_unref (config->memory);
  g_string_chunk_free (config->strings);
  g_free (config);
}

// ---- looking things up

const GPtrArray *
mf_config_groups (const MfConfig *config)
{
  return config->groups;
}

static MfConfigGroup *
find_group (const GPtrArray *groups, const char *name)
{
  for (unsigned i = 0; i < groups->len; i++) {
    MfConfigGroup *group = groups->pdata[i];
    if (strcmp (group->name, name) == 0)
      return group;
  }
  return NULL;
}

const MfConfigGroup *
mf_config_group (const MfConfig *config, const char *name)
{
  return find_group (config->groups, name);
}

static bool
find_entry (const MfConfigGroup *group, const char *key, unsigned *index)
{
  for (*index = 0; *index < group->entries->len; (*index)++)
    if (strcmp (((MfConfigEntry *) group->entries->pdata[*index])->key, key) == 0)
      return true;
  return false;
}

const MfConfigEntry *
mf_config_entry (const MfConfigGroup *group, const char *key)
{
  unsigned index;
  return find_entry (group, key, &index) ? group->entries->pdata[index] : NULL;
}

const char *
mf_config_value (const MfConfigGroup *group, const char *key, const char *otherwise)
{
  const MfConfigEntry *entry = mf_config_entry (group, key);
  return entry ? entry->value : otherwise;
}

// ---- reading one file

static MfConfigGroup *
group_new (MfConfig *config, MfSpan kind, MfSpan name, const MfPlace *place)
{
  MfConfigGroup *group = g_new0 (MfConfigGroup, 1);
  group->kind = keep_string (config, kind.start, kind.length);
  group->named = name.length > 0;
  group->name = group->named ? keep_string (config, name.start, name.length) : group->kind;
  group->place = *place;
  group->entries = g_ptr_array_new ();
  return group;
}

static const char *
canonical_key (MfConfig *config, MfSpan key)
{
  g_autofree char *copy = g_strndup (key.start, key.length);
  return keep_string (config, g_strdelimit (copy, "_", '-'), key.length);
}

static void
refuse_repeated (Reader *reader, const MfPlace *place, const MfPlace *first, const char *what,
                 const char *name)
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
    mf_diagnostics_error (reader->diagnostics, &line->place, NULL,
      "more than %d groups", MF_CONFIG_MAX_GROUPS);
    return false;
  }
  MfConfigGroup *group = group_new (reader->config, line->left, line->right, &line->place);
  const MfConfigGroup *first = line->broken ? NULL : find_group (reader->groups, group->name);
  if (first)
    refuse_repeated (reader, &line->place, &first->place, "group", group->name);
  if (line->broken || first)
    group->name = "";  // no name of a group: never found
  g_ptr_array_add (reader->groups, group);
  reader->group = group;
  return true;
}

static MfConfigEntry *
entry_new (Reader *reader, const MfConfigLine *line)
{
  MfConfig *config = reader->config;
  MfConfigEntry *entry = keep_memory (config, g_new0 (MfConfigEntry, 1));
  g_autoptr (GString) value = g_string_new (NULL);
  entry->key = canonical_key (config, line->left);
  entry->folder = reader->source->folder;
  entry->key_place = line->place;
  entry->value_place = line->right_place;
  entry->broken = !mf_variables_expand (line->right, &line->right_place, value, reader->diagnostics);
  entry->value = entry->broken ? "" : g_string_chunk_insert_const (config->strings, value->str);
  return entry;
}

static bool
read_entry (Reader *reader, const MfConfigLine *line)
{
  if (!reader->group) {
    mf_diagnostics_error (reader->diagnostics, &line->place, "begin with [pipeline]",
      "key before the first group");
    return false;
  }
  if (reader->group->entries->len == MF_CONFIG_MAX_KEYS) {
    mf_diagnostics_error (reader->diagnostics, &line->place, NULL,
      "more than %d keys in one group", MF_CONFIG_MAX_KEYS);
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

// Reads all groups of the source, without what it includes. Stops early at what cannot be gone on with.
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

const char *
mf_config_owner_warning (uint32_t owner, uint32_t mode, uint32_t user)
{
  if (owner != 0 && owner != user)
    return "this file belongs to another user, who decides what it runs";
  return mode & S_IWOTH ? "everybody can write this file and decide what it runs" : NULL;
}

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
  const char *warning = S_ISREG (source->identity.st_mode)
    ? mf_config_owner_warning (source->identity.st_uid, source->identity.st_mode, getuid ())
    : NULL;
  MfPlace place = { .kind = MF_PLACE_FILE, .file = source->file };
  if (warning)
    mf_diagnostics_warn (diagnostics, &place, "configurations are code: own it, and chmod o-w",
      "%s", warning);
}

// ---- includes

static void
override_entries (MfConfigGroup *below, const MfConfigGroup *above)
{
  for (unsigned i = 0; i < above->entries->len; i++) {
    MfConfigEntry *entry = above->entries->pdata[i];
    unsigned index;
    if (find_entry (below, entry->key, &index))
      below->entries->pdata[index] = entry;
    else
      g_ptr_array_add (below->entries, entry);
  }
  below->place = above->place;
}

static void
refuse_other_kind (const MfConfigGroup *below, const MfConfigGroup *above, MfDiagnostics *diagnostics)
{
  g_autofree char *there = mf_place_name (&below->place);
  g_autofree char *hint = g_strdup_printf ("the included [%s %s] is at %s", below->kind, below->name,
    there);
  mf_diagnostics_error (diagnostics, &above->place, hint,
    "'%s' is another kind of group in an included file", above->name);
}

// Lays the groups of `above` over those of `below`, key by key. Takes the groups of `above`.
static void
overlay (GPtrArray *below, GPtrArray *above, MfDiagnostics *diagnostics)
{
  for (unsigned i = 0; i < above->len; i++) {
    MfConfigGroup *group = above->pdata[i];
    MfConfigGroup *same = *group->name ? find_group (below, group->name) : NULL;
    if (!same && *group->name) {
      g_ptr_array_add (below, group);
      continue;
    }
    if (same && strcmp (same->kind, group->kind) == 0)
      override_entries (same, group);
    else if (same)
      refuse_other_kind (same, group, diagnostics);
    group_free (group);
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
    mf_diagnostics_error (diagnostics, place, NULL, "includes are nested deeper than %d",
      MF_CONFIG_MAX_DEPTH);
  return !cycle && depth <= MF_CONFIG_MAX_DEPTH;
}

char *
mf_config_path (const char *folder, const char *name)
{
  bool plain = !folder || g_path_is_absolute (name) || strcmp (folder, ".") == 0;
  return plain ? g_strdup (name) : g_build_filename (folder, name, NULL);
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
include_file (MfConfig *config, const Source *up, const MfConfigWord *word,
              MfDiagnostics *diagnostics)
{
  if (++config->n_files > MF_CONFIG_MAX_FILES) {
    mf_diagnostics_error (diagnostics, &word->place, NULL, "more than %d files are included",
      MF_CONFIG_MAX_FILES);
    return NULL;
  }
  Source source = { .file = keep_path (config, up->folder, word->text), .up = up };
  source.folder = keep_folder (config, source.file);
  char *text = read_file (source.file, &source.length, &source.identity);
  if (!text) {
    refuse_file (source.file, &word->place, diagnostics);
    return NULL;
  }
  source.text = keep_memory (config, text);
  if (!check_depth (&source, &word->place, diagnostics))
    return NULL;
  warn_of_owner (&source, diagnostics);
  return read_source (config, &source, diagnostics);
}

static void
include_files (MfConfig *config, const Source *source, const MfConfigEntry *entry, GPtrArray *groups,
               MfDiagnostics *diagnostics)
{
  g_autoptr (GArray) words = mf_config_words (entry);
  if (!source->folder || (words->len == 0 && !entry->broken))
    mf_diagnostics_error (diagnostics, source->folder ? &entry->key_place : &entry->value_place, NULL,
      source->folder ? "include names no file" : "only files can include files");
  for (unsigned i = 0; source->folder && i < words->len; i++) {
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
  MfConfigGroup *pipeline = find_group (own, "pipeline");
  unsigned index;
  if (pipeline && find_entry (pipeline, "include", &index)) {
    const MfConfigEntry *entry = g_ptr_array_remove_index (pipeline->entries, index);
    include_files (config, source, entry, groups, diagnostics);
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
  MfConfig *config = config_new ();
  source.text = keep_memory (config, text);
  source.file = keep_string (config, path, strlen (path));
  source.folder = keep_folder (config, path);
  warn_of_owner (&source, diagnostics);
  replace_groups (config, &source, diagnostics);
  return config;
}

MfConfig *
mf_config_parse (const char *text, size_t length, const char *label, const char *folder,
                 MfDiagnostics *diagnostics)
{
  MfConfig *config = config_new ();
  Source source = { .file = keep_string (config, label, strlen (label)), .length = length };
  if (length > MF_CONFIG_MAX_FILE) {
    errno = EFBIG;
    refuse_file (source.file, NULL, diagnostics);
    return config;
  }
  char *copy = keep_memory (config, g_malloc (length + 1));
  memcpy (copy, text, length);
  copy[length] = '\0';
  source.text = copy;
  source.folder = folder ? keep_string (config, folder, strlen (folder)) : NULL;
  replace_groups (config, &source, diagnostics);
  return config;
}

// ---- kinds

static const MfConfigKind *
find_kind (const MfConfigKind *kinds, const char *name)
{
  for (; kinds->kind; kinds++)
    if (strcmp (kinds->kind, name) == 0)
      return kinds;
  return NULL;
}

static void
refuse_kind (const MfConfigGroup *group, const MfConfigKind *kinds, MfDiagnostics *diagnostics)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (; kinds->kind; kinds++)
    g_ptr_array_add (names, (char *) kinds->kind);
  g_ptr_array_add (names, NULL);
  const char *nearest = mf_nearest (group->kind, (const char *const *) names->pdata);
  g_autofree char *all = g_strjoinv (", ", (char **) names->pdata);
  g_autofree char *hint = nearest ? g_strdup_printf ("did you mean '%s'?", nearest)
                                  : g_strdup_printf ("the kinds are %s", all);
  mf_diagnostics_error (diagnostics, &group->place, hint, "unknown kind of group '%s'", group->kind);
}

static bool
check_kind (const MfConfigGroup *group, const MfConfigKind *kinds, MfDiagnostics *diagnostics)
{
  const MfConfigKind *kind = find_kind (kinds, group->kind);
  if (kind && kind->named == group->named)
    return true;
  if (!kind) {
    refuse_kind (group, kinds, diagnostics);
    return false;
  }
  g_autofree char *hint
    = g_strdup_printf (kind->named ? "write [%s NAME]" : "write [%s]", group->kind);
  mf_diagnostics_error (diagnostics, &group->place, hint,
    kind->named ? "[%s] needs a name" : "[%s] takes no name", group->kind);
  return false;
}

bool
mf_config_check_kinds (const MfConfig *config, const MfConfigKind *kinds, MfDiagnostics *diagnostics)
{
  bool good = true;
  for (unsigned i = 0; i < config->groups->len; i++)
    good &= check_kind (config->groups->pdata[i], kinds, diagnostics);
  return good;
}

// ---- the command line's layer

typedef struct { MfSpan stage, key, value; } Assignment;

static bool
split_assignment (const char *text, Assignment *assignment)
{
  const char *equals = strchr (text, '=');
  const char *dot = equals ? memchr (text, '.', (size_t) (equals - text)) : NULL;
  if (!dot)
    return false;
  assignment->stage = (MfSpan) { text, (size_t) (dot - text) };
  assignment->key = (MfSpan) { dot + 1, (size_t) (equals - dot - 1) };
  assignment->value = (MfSpan) { equals + 1, strlen (equals + 1) };
  return mf_is_name (text, assignment->stage.length)
    && mf_is_name (dot + 1, assignment->key.length)
    && !mf_first_forbidden (equals + 1, assignment->value.length);
}

// The stage that is meant; [pipeline] is there even when the file has none.
static MfConfigGroup *
find_stage (MfConfig *config, MfSpan name, const MfPlace *place, MfDiagnostics *diagnostics)
{
  g_autofree char *copy = g_strndup (name.start, name.length);
  MfConfigGroup *group = find_group (config->groups, copy);
  if (!group && strcmp (copy, "pipeline") == 0) {
    group = group_new (config, name, (MfSpan) { "", 0 }, place);
    g_ptr_array_insert (config->groups, 0, group);
  }
  if (group)
    return group;
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (unsigned i = 0; i < config->groups->len; i++)
    g_ptr_array_add (names, (char *) ((MfConfigGroup *) config->groups->pdata[i])->name);
  g_ptr_array_add (names, NULL);
  const char *nearest = mf_nearest (copy, (const char *const *) names->pdata);
  g_autofree char *all = g_strjoinv (", ", (char **) names->pdata);
  g_autofree char *hint = nearest ? g_strdup_printf ("did you mean '%s'?", nearest)
                                  : g_strdup_printf ("there is: %s", names->len > 1 ? all : "none");
  mf_diagnostics_error (diagnostics, place, hint, "no stage is named '%s'", copy);
  return NULL;
}

static bool
set_entry (MfConfig *config, MfConfigGroup *group, const Assignment *assignment, const MfPlace *place)
{
  MfConfigEntry *entry = keep_memory (config, g_new0 (MfConfigEntry, 1));
  entry->key = canonical_key (config, assignment->key);
  entry->value = keep_string (config, assignment->value.start, assignment->value.length);
  entry->key_place = entry->value_place = *place;
  unsigned index;
  if (find_entry (group, entry->key, &index))
    group->entries->pdata[index] = entry;
  else
    g_ptr_array_add (group->entries, entry);
  return true;
}

bool
mf_config_set (MfConfig *config, const char *text, MfDiagnostics *diagnostics)
{
  g_autofree char *argument = g_strconcat ("--set ", text, NULL);
  MfPlace place = { .kind = MF_PLACE_SET,
    .file = g_string_chunk_insert_const (config->strings, argument) };
  Assignment assignment;
  if (!split_assignment (text, &assignment)) {
    mf_diagnostics_error (diagnostics, &place, "for example --set pipeline.output=reports",
      "this is not STAGE.KEY=VALUE");
    return false;
  }
  MfConfigGroup *group = find_stage (config, assignment.stage, &place, diagnostics);
  if (!group)
    return false;
  if (strcmp (group->name, "pipeline") == 0 && assignment.key.length == strlen ("include")
      && g_str_has_prefix (assignment.key.start, "include=")) {
    mf_diagnostics_error (diagnostics, &place, "write it into a file",
      "the command line cannot include files");
    return false;
  }
  return set_entry (config, group, &assignment, &place);
}

// ---- lists

static void
word_clear (void *word)
{
  g_free (((MfConfigWord *) word)->text);
}

// The place of `length` bytes at `offset` in the value, if the value stands in the file as it is.
static MfPlace
place_inside (const MfConfigEntry *entry, size_t offset, size_t length)
{
  MfPlace place = entry->value_place;
  size_t n = strlen (entry->value);
  bool literal = place.source && place.length == n
    && memcmp (place.source + place.column - 1, entry->value, n) == 0;
  if (literal) {
    place.column += (uint32_t) offset;
    place.length = (uint32_t) length;
  }
  return place;
}

GArray *
mf_config_words (const MfConfigEntry *entry)
{
  GArray *words = g_array_new (FALSE, FALSE, sizeof (MfConfigWord));
  g_array_set_clear_func (words, word_clear);
  const char *at = entry->value;
  while (*entry->value) {
    size_t whole = strcspn (at, ",");
    size_t before = MIN (strspn (at, " \t"), whole), length = whole - before;
    while (length > 0 && strchr (" \t", at[before + length - 1]))
      length--;
    MfConfigWord word = { g_strndup (at + before, length),
      place_inside (entry, (size_t) (at - entry->value) + before, length) };
    g_array_append_val (words, word);
    if (at[whole] == '\0')
      break;
    at += whole + 1;
  }
  return words;
}
