// SPDX-License-Identifier: Apache-2.0
// One shared object opened and checked.
#include "plugin/module.h"

#include <gmodule.h>
#include <pthread.h>
#include <unistd.h>

#include "config/options.h"
#include "event/schema.h"

enum { MAX_PLUGINS = 64, MAX_PORTS = 64 };

// The kinds of stages. What each must and must not have is data, so a new kind is a row.
// clang-format off
static const struct {
  const char *name;
  bool collects, consumes, publishes;
} kinds[MF_N_STAGE_KINDS] = {
  [MF_COLLECTOR] = { "collector", .collects = true, .publishes = true },
  [MF_ANALYZER] = { "analyzer", .consumes = true, .publishes = true },
  [MF_FORMAT] = { "format", .consumes = true },
};
// clang-format on

const char *
mf_stage_kind_name (unsigned kind)
{
  return kind < MF_N_STAGE_KINDS ? kinds[kind].name : NULL;
}

unsigned
mf_stage_kind_from (const char *name)
{
  for (unsigned kind = 1; kind < MF_N_STAGE_KINDS; kind++)
    if (g_str_equal (kinds[kind].name, name))
      return kind;
  return 0;
}

static bool refuse (GString *why, const char *format, ...) G_GNUC_PRINTF (2, 3);

static bool
refuse (GString *why, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_string_append_vprintf (why, format, arguments);
  va_end (arguments);
  return false;
}

static bool
id_is_sane (const char *id)
{
  if (!id || !g_ascii_islower (id[0]) || strlen (id) > 64)
    return false;
  for (const char *c = id; *c; c++)
    if (!g_ascii_islower (*c) && !g_ascii_isdigit (*c) && *c != '-')
      return false;
  return true;
}

static bool
check_publishes (const MfDescriptor *plugin, GString *why)
{
  uint32_t n = 0;
  for (const MfOutputPort *out = plugin->publishes; out && out->type; out++, n++) {
    if (n == MAX_PORTS)
      return refuse (why, "plugin '%s' publishes more than %d types", plugin->id, MAX_PORTS);
    if (!mf_type_check (out->type, why))
      return false;
    if (out->offset % _Alignof(MfPort) || plugin->instance_size < sizeof (MfPort)
        || out->offset < sizeof (MfStage) || out->offset > plugin->instance_size - sizeof (MfPort))
      return refuse (why, "plugin '%s': the port of '%s' lies outside of its instance", plugin->id,
          out->type->name);
  }
  return n == 0 || kinds[plugin->kind].publishes
         || refuse (
             why, "plugin '%s' of kind %s may not publish", plugin->id, kinds[plugin->kind].name);
}

static bool
check_consumes (const MfDescriptor *plugin, GString *why)
{
  uint32_t n = 0;
  for (const MfInput *in = plugin->consumes; in && (in->type || in->glob); in++, n++) {
    if (!in->process)
      return refuse (why, "plugin '%s': the input '%s' has no handler", plugin->id,
          in->glob ? in->glob : in->type->name);
    if (in->type && !mf_type_check (in->type, why))
      return false;
  }
  if (kinds[plugin->kind].consumes != (n > 0))
    return refuse (why,
        n ? "plugin '%s' of kind %s may not consume" : "plugin '%s' of kind %s consumes nothing",
        plugin->id, kinds[plugin->kind].name);
  return true;
}

// `plugin` and `from` are how every stage is declared: an option of that name could never be set.
static bool
check_option_names (const MfDescriptor *plugin, GString *why)
{
  for (const MfOption *option = plugin->options; option && option->name; option++)
    if (g_str_equal (option->name, "plugin") || g_str_equal (option->name, "from"))
      return refuse (why, "plugin '%s': an option may not be called '%s', which every stage has",
          plugin->id, option->name);
  return true;
}

static bool
check_plugin (const MfDescriptor *plugin, GString *why)
{
  if (plugin->size < sizeof *plugin)
    return refuse (why, "a plugin descriptor of %u bytes is smaller than the %zu of this ABI",
        plugin->size, sizeof *plugin);
  if (!id_is_sane (plugin->id))
    return refuse (why, "a plugin has no proper id (a-z, 0-9, -)");
  if (plugin->kind == 0 || plugin->kind >= MF_N_STAGE_KINDS)
    return refuse (why, "plugin '%s' is of the unknown kind %u", plugin->id, plugin->kind);
  if (!plugin->summary || !*plugin->summary)
    return refuse (why, "plugin '%s' has no summary", plugin->id);
  if (plugin->instance_size < sizeof (MfStage) || plugin->instance_size > (64u << 20))
    return refuse (
        why, "plugin '%s' has an instance of %zu bytes", plugin->id, plugin->instance_size);
  if (kinds[plugin->kind].collects != (plugin->collect != NULL))
    return refuse (why,
        plugin->collect ? "plugin '%s' of kind %s may not collect"
                        : "plugin '%s' of kind %s has no collect function",
        plugin->id, kinds[plugin->kind].name);
  GString *table = g_string_new (NULL);
  bool sane = mf_options_check_table (plugin->options, plugin->instance_size, table)
              || refuse (why, "plugin '%s': %s", plugin->id, table->str);
  g_string_free (table, TRUE);
  return sane && check_option_names (plugin, why) && check_publishes (plugin, why)
         && check_consumes (plugin, why);
}

bool
mf_module_check (const MfModule *module, GString *why)
{
  if (!module)
    return refuse (why, "memflow_module returned nothing");
  if (module->magic != MF_MAGIC)
    return refuse (why, "it begins with 0x%08x, which is not the magic number of memflow modules",
        module->magic);
  if (module->major != MF_ABI_MAJOR)
    return refuse (why, "needs plugin ABI %u.x, this memflow has %d.%d", module->major,
        MF_ABI_MAJOR, MF_ABI_MINOR);
  if (module->minor > MF_ABI_MINOR)
    return refuse (why, "needs plugin ABI %u.%u, this memflow has %d.%d: a newer memflow is needed",
        module->major, module->minor, MF_ABI_MAJOR, MF_ABI_MINOR);
  if (module->size < sizeof *module)
    return refuse (
        why, "its module record has %u bytes instead of %zu", module->size, sizeof *module);
  if (!module->name || !*module->name || !module->version || !*module->version || !module->licence)
    return refuse (why, "it does not state its name, version and licence");
  if (!module->descriptors || !module->descriptors[0])
    return refuse (why, "it contains no plugin");
  for (uint32_t i = 0; module->descriptors[i]; i++) {
    if (i == MAX_PLUGINS)
      return refuse (why, "it contains more than %d plugins", MAX_PLUGINS);
    if (!check_plugin (module->descriptors[i], why))
      return false;
  }
  return true;
}

static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

pid_t
mf_module_fork (void)
{
  pthread_mutex_lock (&opening);
  pid_t child = fork ();
  pthread_mutex_unlock (&opening);
  return child;
}

static const MfModule *
open_and_check (const char *path, GString *why)
{
  GModule *handle = g_module_open (path, G_MODULE_BIND_LOCAL);
  if (!handle) {
    const char *error = g_module_error (),
               *reason = g_str_has_prefix (error, path) ? error + strlen (path) : error;
    refuse (why, "cannot be opened: %s", reason + strspn (reason, ": "));
    return NULL;
  }
  g_module_make_resident (handle);
  gpointer symbol = NULL;
  if (!g_module_symbol (handle, "memflow_module", &symbol) || !symbol) {
    refuse (why, "is not a memflow module: it has no symbol memflow_module");
    return NULL;
  }
  const MfModule *module = ((const MfModule *(*) (void) ) symbol) ();
  return mf_module_check (module, why) ? module : NULL;
}

const MfModule *
mf_module_open (const char *path, GString *why)
{
  pthread_mutex_lock (&opening);
  const MfModule *module = open_and_check (path, why);
  pthread_mutex_unlock (&opening);
  return module;
}
