// SPDX-License-Identifier: Apache-2.0
// Configurations once they are read: groups, entries, kinds and lists.
#include "config.h"

#include <string.h>
#include <sys/stat.h>

#include "store.h"

const char *
mf_config_keep (MfConfig *config, const char *text, size_t n)
{
  g_autofree char *copy = g_strndup (text, n);
  return g_string_chunk_insert_const (config->strings, copy);
}

void *
mf_config_keep_memory (MfConfig *config, void *memory)
{
  g_ptr_array_add (config->memory, memory);
  return memory;
}

void
mf_config_group_free (void *group)
{
  g_ptr_array_unref (((MfConfigGroup *) group)->entries);
  g_free (group);
}

MfConfig *
mf_config_new (void)
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
  g_ptr_array_set_free_func (config->groups, mf_config_group_free);
  g_ptr_array_unref (config->groups);
  g_ptr_array_unref (config->memory);
  g_string_chunk_free (config->strings);
  g_free (config);
}

const char *
mf_config_keep_key (MfConfig *config, MfSpan key)
{
  g_autofree char *copy = g_strndup (key.start, key.length);
  return mf_config_keep (config, g_strdelimit (copy, "_", '-'), key.length);
}

MfConfigGroup *
mf_config_group_new (MfConfig *config, MfSpan kind, MfSpan name, const MfPlace *place)
{
  MfConfigGroup *group = g_new0 (MfConfigGroup, 1);
  group->kind = mf_config_keep (config, kind.start, kind.length);
  group->named = name.length > 0;
  group->name = group->named ? mf_config_keep (config, name.start, name.length) : group->kind;
  group->place = *place;
  group->entries = g_ptr_array_new ();
  return group;
}

// ---- looking things up

const GPtrArray *
mf_config_groups (const MfConfig *config)
{
  return config->groups;
}

MfConfigGroup *
mf_config_find_group (const GPtrArray *groups, const char *name)
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
  return mf_config_find_group (config->groups, name);
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

void
mf_config_put_entry (MfConfigGroup *group, const MfConfigEntry *entry)
{
  unsigned index;
  if (find_entry (group, entry->key, &index))
    group->entries->pdata[index] = (void *) entry;
  else
    g_ptr_array_add (group->entries, (void *) entry);
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
  mf_diagnostics_error (
      diagnostics, &group->place, hint, "unknown kind of group '%s'", group->kind);
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
mf_config_check_kinds (
    const MfConfig *config, const MfConfigKind *kinds, MfDiagnostics *diagnostics)
{
  bool good = true;
  for (unsigned i = 0; i < config->groups->len; i++)
    good &= check_kind (config->groups->pdata[i], kinds, diagnostics);
  return good;
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

// ---- paths and owners

char *
mf_config_path (const char *folder, const char *name)
{
  bool plain = !folder || g_path_is_absolute (name) || strcmp (folder, ".") == 0;
  return plain ? g_strdup (name) : g_build_filename (folder, name, NULL);
}

const char *
mf_config_owner_warning (uint32_t owner, uint32_t mode, uint32_t user)
{
  if (owner != 0 && owner != user)
    return "this file belongs to another user, who decides what it runs";
  return mode & S_IWOTH ? "everybody can write this file and decide what it runs" : NULL;
}
