// SPDX-License-Identifier: Apache-2.0
// Where plugins are found.
#include "plugin/registry.h"

#include <dlfcn.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/module.h"

struct MfRegistry {
  GPtrArray *folders; // of char *; the last is the system's
  GPtrArray *plugins; // of MfPlugin *
  bool privileged;
};

const char *
mf_installation_folder (void)
{
  static char *folder;
  if (g_once_init_enter (&folder)) {
    Dl_info self = { 0 };
    const char *path
        = dladdr ((void *) (uintptr_t) mf_installation_folder, &self) ? self.dli_fname : NULL;
    char *real = path ? realpath (path, NULL) : NULL;
    char *found = real ? g_path_get_dirname (real) : g_strdup (".");
    free (real);
    g_once_init_leave (&folder, found);
  }
  return folder;
}

// In the build tree modules lie beside the command; installed ones in the library folder, also when
// the whole installation was moved.
static char *
system_folder (void)
{
  const char *here = mf_installation_folder ();
  char *candidates[] = {
    g_build_filename (here, "modules", NULL),
    g_build_filename (here, "memflow", "plugins", NULL),
    g_build_filename (here, "..", MEMFLOW_LIBDIR, "memflow", "plugins", NULL),
  };
  char *found = NULL;
  for (guint i = 0; i < G_N_ELEMENTS (candidates); i++)
    if (!found && g_file_test (candidates[i], G_FILE_TEST_IS_DIR))
      found = candidates[i];
    else
      g_free (candidates[i]);
  return found ? found
               : g_build_filename (MEMFLOW_PREFIX, MEMFLOW_LIBDIR, "memflow", "plugins", NULL);
}

static void
plugin_free (gpointer data)
{
  MfPlugin *plugin = data;
  g_free ((char *) plugin->path);
  g_free (plugin);
}

static void
add_users_folders (GPtrArray *folders, const char *const *first)
{
  for (; first && *first; first++)
    g_ptr_array_add (folders, g_strdup (*first));
  const char *variable = g_getenv ("MEMFLOW_PLUGIN_PATH");
  g_auto (GStrv) more = g_strsplit (variable ? variable : "", ":", -1);
  for (char **folder = more; *folder; folder++)
    if (**folder)
      g_ptr_array_add (folders, g_strdup (*folder));
  g_ptr_array_add (folders, g_build_filename (g_get_user_data_dir (), "memflow", "plugins", NULL));
}

MfRegistry *
mf_registry_new (const char *const *first)
{
  MfRegistry *registry = g_new0 (MfRegistry, 1);
  registry->folders = g_ptr_array_new_with_free_func (g_free);
  registry->plugins = g_ptr_array_new_with_free_func (plugin_free);
  registry->privileged = getauxval (AT_SECURE) || geteuid () != getuid ();
  if (!registry->privileged)
    add_users_folders (registry->folders, first);
  g_ptr_array_add (registry->folders, system_folder ());
  return registry;
}

void
mf_registry_free (MfRegistry *registry)
{
  if (!registry)
    return;
  g_ptr_array_free (registry->folders, TRUE);
  g_ptr_array_free (registry->plugins, TRUE);
  g_free (registry);
}

const GPtrArray *
mf_registry_folders (const MfRegistry *registry)
{
  return registry->folders;
}

bool
mf_registry_folder_is_system (const MfRegistry *registry, const char *folder)
{
  return g_str_equal (folder, g_ptr_array_index (registry->folders, registry->folders->len - 1));
}

bool
mf_registry_trusts (const MfRegistry *registry, const char *path, GString *why)
{
  struct stat status;
  if (!registry->privileged)
    return true;
  if (stat (path, &status) == 0 && status.st_uid == 0 && !(status.st_mode & S_IWOTH))
    return true;
  g_string_append (why,
      "memflow runs with raised privileges and loads only modules that belong to root "
      "and that others cannot write");
  return false;
}

// A stranger's module is tried in a child process first: what it does there cannot hurt.
static bool
is_safe (const MfRegistry *registry, const char *path, GString *why)
{
  g_autofree char *folder = g_path_get_dirname (path);
  return mf_registry_trusts (registry, path, why)
         && (mf_registry_folder_is_system (registry, folder) || mf_module_try (path, why));
}

static const MfPlugin *
pick (MfRegistry *registry, const MfModule *module, const char *path, unsigned kind, const char *id)
{
  for (const MfDescriptor *const *plugin = module->descriptors; *plugin; plugin++)
    if ((*plugin)->kind == kind && g_str_equal ((*plugin)->id, id)) {
      MfPlugin *found = g_new0 (MfPlugin, 1);
      *found = (MfPlugin){ *plugin, module, g_strdup (path) };
      g_ptr_array_add (registry->plugins, found);
      return found;
    }
  return NULL;
}

void
mf_registry_add (MfRegistry *registry, const MfModule *module, const MfDescriptor *plugin)
{
  pick (registry, module, "", plugin->kind, plugin->id);
}

static const MfPlugin *
open_at (MfRegistry *registry, const char *path, unsigned kind, const char *id, GString *why,
    bool *broken)
{
  g_autoptr (GString) reason = g_string_new (NULL);
  const MfModule *module = is_safe (registry, path, reason) ? mf_module_open (path, reason) : NULL;
  if (!module) {
    g_string_append_printf (why, "%s: %s", path, reason->str);
    *broken = true;
    return NULL;
  }
  return pick (registry, module, path, kind, id);
}

// Modules are named after their plugin; only those of strangers need not be.
static const MfPlugin *
find_by_scan (MfRegistry *registry, unsigned kind, const char *id, GString *why, bool *broken)
{
  g_autoptr (GPtrArray) all = mf_registry_scan (registry);
  for (guint i = 0; i < all->len; i++) {
    const MfFound *found = g_ptr_array_index (all, i);
    if (found->state == MF_FOUND_OK && found->kind == kind && g_str_equal (found->id, id))
      return open_at (registry, found->path, kind, id, why, broken);
  }
  return NULL;
}

const MfPlugin *
mf_registry_find (MfRegistry *registry, unsigned kind, const char *id, GString *why, bool *broken)
{
  *broken = false;
  for (guint i = 0; i < registry->plugins->len; i++) {
    const MfPlugin *plugin = g_ptr_array_index (registry->plugins, i);
    if (plugin->descriptor->kind == kind && g_str_equal (plugin->descriptor->id, id))
      return plugin;
  }
  for (guint i = 0; i < registry->folders->len && !strchr (id, '/'); i++) {
    g_autofree char *file = g_strconcat (id, ".so", NULL);
    g_autofree char *path = g_build_filename (g_ptr_array_index (registry->folders, i), file, NULL);
    if (!g_file_test (path, G_FILE_TEST_EXISTS))
      continue;
    const MfPlugin *plugin = open_at (registry, path, kind, id, why, broken);
    if (plugin || *broken)
      return plugin;
  }
  return find_by_scan (registry, kind, id, why, broken);
}
