// SPDX-License-Identifier: Apache-2.0
// The command line's layer: --set stage.key=value over what the files say.
#include <string.h>

#include "store.h"

typedef struct {
  MfSpan stage, key, value;
} Assignment;

static bool
split_assignment (const char *text, Assignment *assignment)
{
  const char *equals = strchr (text, '=');
  const char *dot = equals ? memchr (text, '.', (size_t) (equals - text)) : NULL;
  if (!dot)
    return false;
  assignment->stage = (MfSpan){ text, (size_t) (dot - text) };
  assignment->key = (MfSpan){ dot + 1, (size_t) (equals - dot - 1) };
  assignment->value = (MfSpan){ equals + 1, strlen (equals + 1) };
  return mf_is_name (text, assignment->stage.length) && mf_is_name (dot + 1, assignment->key.length)
         && !mf_first_forbidden (equals + 1, assignment->value.length);
}

// The stage that is meant; [pipeline] is there even when the file has none.
static MfConfigGroup *
find_stage (MfConfig *config, MfSpan name, const MfPlace *place, MfDiagnostics *diagnostics)
{
  g_autofree char *copy = g_strndup (name.start, name.length);
  MfConfigGroup *group = mf_config_find_group (config->groups, copy);
  if (!group && strcmp (copy, "pipeline") == 0) {
    group = mf_config_group_new (config, name, (MfSpan){ "", 0 }, place);
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

static void
set_entry (
    MfConfig *config, MfConfigGroup *group, const Assignment *assignment, const MfPlace *place)
{
  MfConfigEntry *entry = mf_config_keep_memory (config, g_new0 (MfConfigEntry, 1));
  entry->key = mf_config_keep_key (config, assignment->key);
  entry->value = mf_config_keep (config, assignment->value.start, assignment->value.length);
  entry->key_place = entry->value_place = *place;
  mf_config_put_entry (group, entry);
}

bool
mf_config_set (MfConfig *config, const char *text, MfDiagnostics *diagnostics)
{
  g_autofree char *argument = g_strconcat ("--set ", text, NULL);
  MfPlace place
      = { .kind = MF_PLACE_SET, .file = g_string_chunk_insert_const (config->strings, argument) };
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
    mf_diagnostics_error (
        diagnostics, &place, "write it into a file", "the command line cannot include files");
    return false;
  }
  set_entry (config, group, &assignment, &place);
  return true;
}
