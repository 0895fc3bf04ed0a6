// SPDX-License-Identifier: Apache-2.0
// By the names of mappings: a file in memory, or one of a folder that is gone again.
#include "agent-image.h"

#include "ring.h"

bool
mf_agent_image_read (MfAgentImage *agent, const char *path, GError **error)
{
  *agent = (MfAgentImage) { .path = path };
  if (!g_file_get_contents (path, &agent->bytes, &agent->n, error))
    return false;
  g_autofree char *sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) agent->bytes, agent->n);
  agent->name = g_strdup_printf ("memflow-agent-%.16s", sum);
  return true;
}

bool
mf_agent_image_find (MfAgentImage *agent, MfProcess *process)
{
  const GArray *mappings = agent->image ? NULL : mf_process_mappings (process, NULL);
  g_autofree char *in_memory = g_strdup_printf ("memfd:%s", agent->name);
  for (guint i = 0; mappings && !agent->image && i < mappings->len; i++) {
    const MfMapping *mapping = &g_array_index (mappings, MfMapping, i);
    g_autofree char *name = g_path_get_basename (mapping->path);
    if (!mapping->offset && mapping->inode && (g_str_has_prefix (name, in_memory) || g_str_has_prefix (name, agent->name)))
      agent->image = mf_elf_image_open (agent->path, mapping->from, NULL);
  }
  return agent->image != NULL;
}

uint64_t
mf_agent_image_attach (const MfAgentImage *agent)
{
  MfElfPart function;
  return mf_elf_image_symbol (agent->image, "memflow_attach", &function) ? function.at : 0;
}

void
mf_agent_image_clear (MfAgentImage *agent)
{
  g_clear_pointer (&agent->image, mf_elf_image_free);
  g_clear_pointer (&agent->bytes, g_free);
  g_clear_pointer (&agent->name, g_free);
}

const char *
mf_agent_answer (int64_t answer)
{
  static const char *const reasons[MF_N_ATTACH_ANSWERS] = {
    [MF_ATTACH_NO_REGION] = "it cannot map the memory of the rings: a limit of its address space (ulimit -v); a smaller `threads` or "
      "`ring` may fit",
    [MF_ATTACH_RECORDED] = "it is recorded already",
    [MF_ATTACH_UNFINISHED] = "a thread is still in a call of the last recording",
    [MF_ATTACH_NO_PYTHON] = "there is no Python in it that the agent can find",
    [MF_ATTACH_NOT_RUNNING] = "its Python is not running yet, or not any more",
    [MF_ATTACH_WRAPPED] = "others have put allocators in front of those of an earlier recording (tracemalloc, memray): stop those first",
    [MF_ATTACH_NO_MEMORY] = "it has no memory, or no key for the data of threads",
  };
  bool known = answer > 0 && answer < MF_N_ATTACH_ANSWERS && reasons[answer];
  return known ? reasons[answer] : "its agent gives an unknown answer";
}
