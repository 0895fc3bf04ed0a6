// SPDX-License-Identifier: Apache-2.0
// The recording sink of the serial tests.
#include "serial-recorder.h"

#include <string.h>

static void
clear_dump (gpointer item)
{
  RecordedDump *record = item;

  g_free ((gpointer)record->dump.map);
  g_free ((gpointer)record->dump.areas);
}

static void
clear_damage (gpointer item)
{
  RecordedDamage *record = item;

  g_free ((gpointer)record->damage.reason);
}

Recorder *
recorder_new (void)
{
  Recorder *self = g_new0 (Recorder, 1);

  self->dumps = g_array_new (FALSE, TRUE, sizeof (RecordedDump));
  g_array_set_clear_func (self->dumps, clear_dump);
  self->damages = g_array_new (FALSE, TRUE, sizeof (RecordedDamage));
  g_array_set_clear_func (self->damages, clear_damage);
  self->faults = g_array_new (FALSE, TRUE, sizeof (MfTextFault));
  self->boots = g_array_new (FALSE, TRUE, sizeof (MfTextBoot));
  self->pools = g_array_new (FALSE, TRUE, sizeof (MfQstrPools));
  self->layouts = g_array_new (FALSE, TRUE, sizeof (MfMemoryLayout));
  self->order = g_string_new (NULL);
  self->sizes = g_hash_table_new (NULL, NULL);
  return self;
}

void
recorder_free (Recorder *self)
{
  g_assert_cmpuint (g_hash_table_size (self->sizes), ==, 0); // what was allocated was freed
  g_array_unref (self->dumps);
  g_array_unref (self->damages);
  g_array_unref (self->faults);
  g_array_unref (self->boots);
  g_array_unref (self->pools);
  g_array_unref (self->layouts);
  g_string_free (self->order, TRUE);
  g_hash_table_unref (self->sizes);
  g_free (self->error);
  g_free (self);
}

static void *
resize (void *user, void *old, size_t bytes)
{
  Recorder *self = user;
  void *block;

  if (bytes > 0 && ++self->allocations == self->refuse)
    return NULL;
  if (old)
    self->held -= GPOINTER_TO_SIZE (g_hash_table_lookup (self->sizes, old));
  if (old)
    g_assert_true (g_hash_table_remove (self->sizes, old));
  block = g_realloc (old, bytes);
  if (block)
    g_hash_table_insert (self->sizes, block, GSIZE_TO_POINTER (bytes));
  self->held += bytes;
  self->peak = MAX (self->peak, self->held);
  return block;
}

static void
record_dump (void *user, const MfHeapDump *dump)
{
  Recorder *self = user;
  RecordedDump record = { *dump };

  record.dump.map = g_memdup2 (dump->map, dump->n_granules);
  record.dump.areas = g_memdup2 (dump->areas, dump->n_areas * sizeof *dump->areas);
  g_array_append_val (self->dumps, record);
  g_string_append_c (self->order, 'D');
}

static void
record_damage (void *user, const MfDumpDamage *damage)
{
  Recorder *self = user;
  RecordedDamage record = { *damage };

  g_assert_cmpuint (damage->line, >=, damage->first_line);
  g_assert_cmpstr (damage->reason, !=, "");
  record.damage.reason = g_strdup (damage->reason);
  g_array_append_val (self->damages, record);
  g_string_append_c (self->order, 'd');
}

static void
record_fault (void *user, const MfTextFault *fault)
{
  Recorder *self = user;

  g_array_append_vals (self->faults, fault, 1);
  g_string_append_c (self->order, 'F');
}

static void
record_boot (void *user, const MfTextBoot *boot)
{
  Recorder *self = user;

  g_array_append_vals (self->boots, boot, 1);
  g_string_append_c (self->order, 'B');
}

static void
record_pools (void *user, const MfQstrPools *pools)
{
  Recorder *self = user;

  g_array_append_vals (self->pools, pools, 1);
  g_string_append_c (self->order, 'Q');
}

static void
record_layout (void *user, const MfMemoryLayout *layout)
{
  Recorder *self = user;

  g_array_append_vals (self->layouts, layout, 1);
  g_string_append_c (self->order, 'L');
}

MfTextSink
recorder_get_sink (Recorder *self)
{
  return (MfTextSink){
    .user = self,
    .resize = resize,
    .map_limit = self->map_limit,
    .dump = record_dump,
    .damaged = record_damage,
    .fault = record_fault,
    .boot = record_boot,
    .qstr = record_pools,
    .layout = record_layout,
  };
}

bool
recorder_read (Recorder *self, const char *text, size_t length, size_t chunk)
{
  MfTextSink sink = recorder_get_sink (self);
  MfDeviceText *reader = mf_device_text_new (&sink);
  bool going = reader != NULL;

  if (!reader)
    return false;
  chunk = chunk ? chunk : length;
  for (size_t i = 0; going && i < length; i += chunk) {
    // a block of its own, so that a sanitizer sees the reader look beyond
    g_autofree char *piece = g_memdup2 (text + i, MIN (chunk, length - i));

    going = mf_device_text_feed (reader, piece, MIN (chunk, length - i));
  }
  going = going && mf_device_text_end (reader, MF_END_OF_STREAM);
  self->counts = mf_device_text_get_counts (reader);
  self->error = g_strdup (mf_device_text_get_error (reader));
  mf_device_text_free (reader);
  return going;
}

Recorder *
recorder_new_for_text (const char *text)
{
  Recorder *self = recorder_new ();

  g_assert_true (recorder_read (self, text, strlen (text), 0));
  return self;
}

const MfHeapDump *
recorder_get_dump (Recorder *self, unsigned i)
{
  g_assert_cmpuint (i, <, self->dumps->len);
  return &g_array_index (self->dumps, RecordedDump, i).dump;
}

const MfDumpDamage *
recorder_get_damage (Recorder *self, unsigned i)
{
  g_assert_cmpuint (i, <, self->damages->len);
  return &g_array_index (self->damages, RecordedDamage, i).damage;
}

const MfTextFault *
recorder_get_fault (Recorder *self, unsigned i)
{
  g_assert_cmpuint (i, <, self->faults->len);
  return &g_array_index (self->faults, MfTextFault, i);
}

const MfTextBoot *
recorder_get_boot (Recorder *self, unsigned i)
{
  g_assert_cmpuint (i, <, self->boots->len);
  return &g_array_index (self->boots, MfTextBoot, i);
}

static void
append_figures (GString *out, const MfDumpFigures *figures)
{
  const uint64_t *values = (const uint64_t *)figures;

  for (size_t i = 0; i < sizeof *figures / sizeof *values; i++)
    g_string_append_printf (out, " %" G_GINT64_FORMAT, (gint64)values[i]);
}

char *
describe_dump (const MfHeapDump *dump)
{
  GString *out = g_string_new (NULL);

  g_string_append_printf (out,
      "dump %" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT " granule %u/%d map %d headerless %d",
      dump->first_line, dump->last_line, dump->granule, dump->granule_source, dump->has_map,
      dump->headerless);
  append_figures (out, &dump->figures);
  for (unsigned i = 0; i < dump->n_areas; i++)
    g_string_append_printf (out, " area %" G_GINT64_MODIFIER "x:%zu+%zu", dump->areas[i].base,
        dump->areas[i].first_granule, dump->areas[i].granules);
  if (dump->map) {
    g_autofree char *digest
        = g_compute_checksum_for_data (G_CHECKSUM_MD5, dump->map, dump->n_granules);

    g_string_append_printf (out, " %s", digest);
  }
  return g_string_free (out, FALSE);
}

static void
append_fault (GString *out, const MfTextFault *fault)
{
  g_string_append_printf (out,
      "fault %d caught %d truncated %d %" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT
      " %" G_GINT64_FORMAT " %s: %s",
      fault->kind, fault->caught, fault->truncated, fault->first_line, fault->last_line,
      (gint64)fault->bytes, fault->type, fault->text);
  for (unsigned i = 0; i < fault->n_frames; i++)
    g_string_append_printf (out, " [%s:%" G_GUINT64_FORMAT " %s]", fault->frames[i].file,
        fault->frames[i].line, fault->frames[i].function);
  g_string_append_c (out, '\n');
}

char *
recorder_describe (Recorder *self)
{
  GString *out = g_string_new (self->order->str);

  g_string_append_c (out, '\n');
  for (unsigned i = 0; i < self->dumps->len; i++) {
    g_autofree char *dump = describe_dump (recorder_get_dump (self, i));

    g_string_append_printf (out, "%s\n", dump);
  }
  for (unsigned i = 0; i < self->damages->len; i++)
    g_string_append_printf (out, "damage line %" G_GUINT64_FORMAT ": %s\n",
        recorder_get_damage (self, i)->line, recorder_get_damage (self, i)->reason);
  for (unsigned i = 0; i < self->faults->len; i++)
    append_fault (out, recorder_get_fault (self, i));
  for (unsigned i = 0; i < self->boots->len; i++) {
    const MfTextBoot *boot = recorder_get_boot (self, i);

    g_string_append_printf (out, "boot %" G_GUINT64_FORMAT " %d %d %s/%s/%s\n", boot->line,
        boot->rebooted, boot->soft, boot->version, boot->board, boot->mcu);
  }
  return g_string_free (out, FALSE);
}
