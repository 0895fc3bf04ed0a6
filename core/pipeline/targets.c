// SPDX-License-Identifier: Apache-2.0
// The targets of a run: a name or a file becomes facts, each file is read once.
#include <string.h>

#include "model/targets/description.h"
#include "pipeline/installed.h"
#include "pipeline/pipeline.h"

static const char below[] = "targets";

// "configs/targets/pico.ini" -> "pico"
static char *
name_of (const char *path)
{
  char *name = g_path_get_basename (path);
  if (g_str_has_suffix (name, ".ini"))
    name[strlen (name) - strlen (".ini")] = 0;
  return name;
}

char *
mf_target_path (const char *name, const char *folder)
{
  g_autofree char *path = mf_config_path (folder, name);
  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&path);
  return strchr (name, '/') ? NULL : mf_installed_find (name, below);
}

bool
mf_target_missing (const char *name, MfLiteralError *error)
{
  g_auto (GStrv) names = mf_installed_names (below);
  const char *nearest = mf_nearest (name, (const char *const *) names);
  g_snprintf (error->text, sizeof error->text, "there is no target '%.60s'", name);
  g_snprintf (error->hint, sizeof error->hint, nearest ? "did you mean '%.60s'?" : "%s",
      nearest ? nearest : "memflow targets shows what there is");
  return false;
}

static const MfTargetFacts *
load (MfPipeline *pipeline, const char *path, MfDiagnostics *diagnostics)
{
  MfTargetDescription *description = g_new0 (MfTargetDescription, 1);
  char *name = name_of (path);
  g_ptr_array_add (pipeline->arena, description);
  g_ptr_array_add (pipeline->arena, name);
  if (!mf_target_load (path, description, pipeline->arena, diagnostics))
    return NULL;
  description->facts.name = name;
  g_hash_table_insert (pipeline->targets, g_strdup (path), &description->facts);
  return &description->facts;
}

static const MfTargetFacts *
find (void *user, const char *name, const char *folder, MfLiteralError *error,
    MfDiagnostics *diagnostics)
{
  MfPipeline *pipeline = user;
  g_autofree char *path = mf_target_path (name, folder);
  if (!path) {
    mf_target_missing (name, error);
    return NULL;
  }
  const MfTargetFacts *facts = g_hash_table_lookup (pipeline->targets, path);
  if (!facts)
    facts = load (pipeline, path, diagnostics);
  if (!facts)
    g_snprintf (error->text, sizeof error->text, "the target '%.60s' cannot be used", name);
  return facts;
}

static char **
installed (void *user G_GNUC_UNUSED)
{
  return mf_installed_names (below);
}

MfTargetSource
mf_pipeline_targets (MfPipeline *pipeline)
{
  return (MfTargetSource){ .user = pipeline, .find = find, .installed = installed };
}
