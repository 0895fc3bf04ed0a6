// SPDX-License-Identifier: Apache-2.0
// Values of a group into an instance: fallbacks, then what is written, then what is missing.
#include "options.h"

#include <string.h>

#include "option-kinds.h"

static bool
same_key (const char *name, const char *key)
{
  for (; *name && *key; name++, key++)
    if ((*name == '_' ? '-' : *name) != (*key == '_' ? '-' : *key))
      return false;
  return *name == *key;
}

static bool
among (const char *const *names, const char *key)
{
  for (; names && *names; names++)
    if (same_key (*names, key))
      return true;
  return false;
}

static const MfOption *
find_option (const MfOption *options, const char *key)
{
  for (; options && options->name; options++)
    if (same_key (options->name, key))
      return options;
  return NULL;
}

static const MfConfigEntry *
find_entry (const MfConfigGroup *group, const char *name)
{
  for (unsigned i = 0; group && i < group->entries->len; i++)
    if (same_key (name, ((MfConfigEntry *) group->entries->pdata[i])->key))
      return group->entries->pdata[i];
  return NULL;
}

const MfPlace *
mf_option_place (const MfConfigGroup *group, const char *option)
{
  const MfConfigEntry *entry = find_entry (group, option);
  return entry ? &entry->value_place : &group->place;
}

// ---- one value

static bool
apply_entry (const MfOption *option, const MfConfigEntry *entry, void *instance,
    const MfOptionContext *context, MfDiagnostics *diagnostics)
{
  const MfOptionKindRow *kind = mf_option_kind (option->kind);
  if (entry->broken)
    return false;
  if (!*entry->value && !kind->takes_empty) {
    g_autofree char *hint
        = g_strdup_printf ("write a value, or leave the key out (%s)", kind->name);
    mf_diagnostics_error (diagnostics, &entry->key_place, hint, "'%s' has no value", entry->key);
    return false;
  }
  MfOptionValue value = { .entry = entry,
    .arena = context->arena,
    .blame = entry->value_place,
    .targets = context->targets,
    .diagnostics = diagnostics };
  if (kind->parse (option, &value, (char *) instance + option->offset))
    return true;
  mf_diagnostics_error (diagnostics, &value.blame, value.error.hint, "%s", value.error.text);
  return false;
}

static void
unset (const MfOption *option, void *instance)
{
  const MfOptionKindRow *kind = mf_option_kind (option->kind);
  void *to = (char *) instance + option->offset;
  memset (to, kind->unset == MF_UNSET_ONES ? 0xff : 0, kind->width);
  if (kind->unset == MF_UNSET_INT64_MIN)
    *(MfDuration *) to = (MfDuration){ INT64_MIN };
}

static bool
apply_fallback (const MfOption *option, void *instance, const MfOptionContext *context,
    MfDiagnostics *diagnostics)
{
  unset (option, instance);
  if (!option->fallback)
    return true;
  MfPlace place = { .kind = MF_PLACE_FALLBACK, .file = context->plugin };
  MfConfigEntry entry = {
    .key = option->name, .value = option->fallback, .key_place = place, .value_place = place
  };
  return apply_entry (option, &entry, instance, context, diagnostics);
}

// ---- all values

static void
refuse_unknown (const MfOption *options, const MfConfigEntry *entry, const MfOptionContext *context,
    MfDiagnostics *diagnostics)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  for (; options && options->name; options++)
    g_ptr_array_add (names, g_strdup (mf_option_name (options).text));
  for (const char *const *skip = context->skip; skip && *skip; skip++)
    g_ptr_array_add (names, g_strdup (*skip));
  g_ptr_array_add (names, NULL);
  const char *nearest = mf_nearest (entry->key, (const char *const *) names->pdata);
  g_autoptr (GString) hint = g_string_new (NULL);
  if (nearest)
    g_string_append_printf (hint, "did you mean '%s'?   ", nearest);
  if (context->plugin)
    g_string_append_printf (hint, "(memflow inspect %s)", context->plugin);
  if (context->plugin)
    mf_diagnostics_error (diagnostics, &entry->key_place, hint->str, "%s '%s' has no option '%s'",
        context->kind ? context->kind : "plugin", context->plugin, entry->key);
  else
    mf_diagnostics_error (diagnostics, &entry->key_place, g_strchomp (hint->str),
        "[%s] has no option '%s'", context->kind, entry->key);
}

static bool
apply_group (const MfOption *options, const MfConfigGroup *group, void *instance,
    const MfOptionContext *context, MfDiagnostics *diagnostics)
{
  bool good = true;
  for (unsigned i = 0; group && i < group->entries->len; i++) {
    const MfConfigEntry *entry = group->entries->pdata[i];
    const MfOption *option = find_option (options, entry->key);
    if (option)
      good &= apply_entry (option, entry, instance, context, diagnostics);
    else if (!among (context->skip, entry->key)) {
      refuse_unknown (options, entry, context, diagnostics);
      good = false;
    }
  }
  return good;
}

static void
apply_argv (const MfOption *option, void *instance, const MfOptionContext *context)
{
  MfArgv *argv = (void *) ((char *) instance + option->offset);
  *argv = (MfArgv){ .words = context->argv, .n = context->argv ? context->n_argv : 0 };
}

static bool
refuse_missing (const MfOption *option, const MfConfigGroup *group, const MfOptionContext *context,
    MfDiagnostics *diagnostics)
{
  const MfPlace *place = group ? &group->place : NULL;
  const char *kind = context->kind ? context->kind : "plugin";
  const char *plugin = context->plugin ? context->plugin : "";
  MfWord name = mf_option_name (option);
  if (option->kind == MF_OPTION_ARGV) {
    mf_diagnostics_error (diagnostics, place, "memflow run CONFIG -- COMMAND",
        "%s '%s' needs a command", kind, plugin);
    return false;
  }
  g_autofree char *hint
      = g_strdup_printf ("write %s = %s", name.text, mf_option_kind_name (option->kind));
  if (context->plugin)
    mf_diagnostics_error (
        diagnostics, place, hint, "%s '%s' needs the option '%s'", kind, plugin, name.text);
  else
    mf_diagnostics_error (diagnostics, place, hint, "[%s] needs the option '%s'", kind, name.text);
  return false;
}

// Takes from the command line or from [pipeline] what the group does not say itself.
static bool
complete (const MfOption *option, const MfConfigGroup *group, void *instance,
    const MfOptionContext *context, MfDiagnostics *diagnostics)
{
  if (option->kind == MF_OPTION_ARGV && context->n_argv > 0) {
    apply_argv (option, instance, context);
    return true;
  }
  if (find_entry (group, option->name))
    return true;
  const MfConfigEntry *inherited = among (context->inherited, option->name)
                                       ? find_entry (context->parent, option->name)
                                       : NULL;
  if (inherited)
    return apply_entry (option, inherited, instance, context, diagnostics);
  return !(option->flags & MF_OPTION_REQUIRED) || option->fallback
         || refuse_missing (option, group, context, diagnostics);
}

bool
mf_options_apply (const MfOption *options, const MfConfigGroup *group, void *instance,
    const MfOptionContext *context, MfDiagnostics *diagnostics)
{
  bool good = true;
  for (const MfOption *option = options; option && option->name; option++)
    good &= apply_fallback (option, instance, context, diagnostics);
  good &= apply_group (options, group, instance, context, diagnostics);
  for (const MfOption *option = options; option && option->name; option++)
    good &= complete (option, group, instance, context, diagnostics);
  return good;
}
