// SPDX-License-Identifier: Apache-2.0
// The kinds of options as a table: how wide each is in the instance, how it is parsed, and
// what unset means.
#include "option-kinds.h"

#include <string.h>

static const char *
keep_text (MfOptionValue *value, char *text)
{
  g_ptr_array_add (value->arena, text);
  return text;
}

static bool refuse (MfOptionValue *value, const char *hint, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

static bool
refuse (MfOptionValue *value, const char *hint, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_strlcpy (value->error.text, text, sizeof value->error.text);
  g_strlcpy (value->error.hint, hint, sizeof value->error.hint);
  return false;
}

static bool
refuse_range (const MfOption *option, MfOptionValue *value, const char *text)
{
  g_autoptr (GString) range = g_string_new (NULL);
  mf_option_print_range (option, range);
  return refuse (
      value, range->str, "'%s' is out of the range of '%s'", text, mf_option_name (option).text);
}

static bool
check_range (const MfOption *option, MfOptionValue *value, const char *text, double number)
{
  bool inside = number >= option->low && number <= option->high;
  return inside || !(option->low < option->high) || refuse_range (option, value, text);
}

// ---- numbers

static bool
parse_bool (const MfOption *option, MfOptionValue *value, void *to)
{
  (void) option;
  const char *text = value->entry->value;
  return mf_bool_parse (text, strlen (text), to, &value->error);
}

// clang-format off
static const struct { uint64_t largest; int64_t smallest; } integers[] = {
  [MF_U8] = { UINT8_MAX, 0 }, [MF_U16] = { UINT16_MAX, 0 }, [MF_U32] = { UINT32_MAX, 0 },
  [MF_U64] = { UINT64_MAX, 0 }, [MF_ADDRESS] = { UINT64_MAX - 1, 0 },
  [MF_I8] = { INT8_MAX, INT8_MIN }, [MF_I16] = { INT16_MAX, INT16_MIN },
  [MF_I32] = { INT32_MAX, INT32_MIN }, [MF_I64] = { INT64_MAX, INT64_MIN }
};
// clang-format on

static void
store_integer (uint16_t kind, uint64_t bits, void *to)
{
  uint8_t u8 = (uint8_t) bits;
  uint16_t u16 = (uint16_t) bits;
  uint32_t u32 = (uint32_t) bits;
  const void *narrow[] = { [1] = &u8, [2] = &u16, [4] = &u32, [8] = &bits };
  size_t width = mf_option_kind (kind)->width;
  memcpy (to, narrow[width], width);
}

// All bits set stands for `not set` where there is no default.
static bool
check_unset (const MfOption *option, MfOptionValue *value, const void *number)
{
  static const uint8_t ones[8] = { 255, 255, 255, 255, 255, 255, 255, 255 };
  if (option->fallback || memcmp (number, ones, mf_option_kind (option->kind)->width) != 0)
    return true;
  return refuse (
      value, "leave the key out", "'%s' is the mark for 'not set' here", value->entry->value);
}

static bool
refuse_width (const MfOption *option, MfOptionValue *value)
{
  if (option->low < option->high)
    return refuse_range (option, value, value->entry->value);
  g_autofree char *hint = g_strdup_printf ("%" G_GINT64_FORMAT " to %" G_GUINT64_FORMAT,
      integers[option->kind].smallest, integers[option->kind].largest);
  return refuse (value, hint, "'%s' is out of the range of '%s'", value->entry->value,
      mf_option_name (option).text);
}

static bool
parse_natural (const MfOption *option, MfOptionValue *value, void *to)
{
  uint64_t number;
  const char *text = value->entry->value;
  if (!mf_natural_parse (text, strlen (text), &number, &value->error))
    return false;
  if (number > integers[option->kind].largest)
    return refuse_width (option, value);
  store_integer (option->kind, number, to);
  return check_range (option, value, text, (double) number) && check_unset (option, value, to);
}

static bool
parse_integer (const MfOption *option, MfOptionValue *value, void *to)
{
  int64_t number;
  const char *text = value->entry->value;
  if (!mf_integer_parse (text, strlen (text), &number, &value->error))
    return false;
  if (number < integers[option->kind].smallest
      || (number > 0 && (uint64_t) number > integers[option->kind].largest))
    return refuse_width (option, value);
  store_integer (option->kind, (uint64_t) number, to);
  return check_range (option, value, text, (double) number) && check_unset (option, value, to);
}

static bool
parse_number (const MfOption *option, MfOptionValue *value, void *to)
{
  double number;
  const char *text = value->entry->value;
  if (!mf_number_parse (text, strlen (text), &number, &value->error))
    return false;
  memcpy (to, &number, sizeof number);
  return check_range (option, value, text, number);
}

static bool
parse_duration (const MfOption *option, MfOptionValue *value, void *to)
{
  MfDuration *duration = to;
  const char *text = value->entry->value;
  return mf_duration_parse (text, strlen (text), duration, &value->error)
         && check_range (option, value, text, (double) duration->ns);
}

static bool
parse_one_size (const MfOption *option, MfOptionValue *value, const char *text, MfSize *size)
{
  return mf_size_parse (text, strlen (text), size, &value->error)
         && check_range (option, value, text, (double) size->bytes);
}

static bool
parse_size (const MfOption *option, MfOptionValue *value, void *to)
{
  return parse_one_size (option, value, value->entry->value, to);
}

static bool
parse_choice (const MfOption *option, MfOptionValue *value, void *to)
{
  const char *text = value->entry->value;
  for (uint32_t i = 0; option->labels[i]; i++)
    if (strcmp (option->labels[i], text) == 0) {
      memcpy (to, &i, sizeof i);
      return true;
    }
  const char *nearest = mf_nearest (text, option->labels);
  g_autoptr (GString) hint = g_string_new (NULL);
  if (nearest)
    g_string_printf (hint, "did you mean '%s'?", nearest);
  else
    mf_option_print_range (option, hint);
  return refuse (
      value, hint->str, "'%s' is none of the choices of '%s'", text, mf_option_name (option).text);
}

// ---- texts

static bool
parse_text (const MfOption *option, MfOptionValue *value, void *to)
{
  (void) option;
  const char **text = to;
  *text = keep_text (value, g_strdup (value->entry->value));
  return true;
}

static bool
parse_path (const MfOption *option, MfOptionValue *value, void *to)
{
  (void) option;
  MfPath *path = to;
  const char *text = value->entry->value;
  char *resolved
      = strcmp (text, "-") == 0 ? g_strdup (text) : mf_config_path (value->entry->folder, text);
  path->path = keep_text (value, resolved);
  return true;
}

// ---- lists

static bool
take_word (MfOptionValue *value, const MfConfigWord *word)
{
  value->blame = word->place;
  return *word->text || refuse (value, "remove one comma", "empty item in a list");
}

// A copy of each word, or what `make` makes of it.
static bool
parse_words (
    MfOptionValue *value, char *(*make) (const char *folder, const char *word), MfTexts *to)
{
  g_autoptr (GArray) words = mf_config_words (value->entry);
  const char **items = g_new0 (const char *, words->len + 1);
  g_ptr_array_add (value->arena, items);
  for (unsigned i = 0; i < words->len; i++) {
    const MfConfigWord *word = &g_array_index (words, MfConfigWord, i);
    if (!take_word (value, word))
      return false;
    items[i]
        = keep_text (value, make ? make (value->entry->folder, word->text) : g_strdup (word->text));
  }
  *to = (MfTexts){ .items = items, .n = words->len };
  return true;
}

static bool
parse_texts (const MfOption *option, MfOptionValue *value, void *to)
{
  (void) option;
  return parse_words (value, NULL, to);
}

static bool
parse_paths (const MfOption *option, MfOptionValue *value, void *to)
{
  (void) option;
  MfTexts words;
  bool fine = parse_words (value, mf_config_path, &words);
  if (fine)
    *(MfPaths *) to = (MfPaths){ .items = words.items, .n = words.n };
  return fine;
}

static bool
parse_sizes (const MfOption *option, MfOptionValue *value, void *to)
{
  g_autoptr (GArray) words = mf_config_words (value->entry);
  MfSize *items = g_new0 (MfSize, words->len + 1);
  g_ptr_array_add (value->arena, items);
  for (unsigned i = 0; i < words->len; i++) {
    const MfConfigWord *word = &g_array_index (words, MfConfigWord, i);
    if (!take_word (value, word) || !parse_one_size (option, value, word->text, &items[i]))
      return false;
  }
  *(MfSizes *) to = (MfSizes){ .items = items, .n = words->len };
  return true;
}

// "NAME <= SIZE"; *text becomes the size.
static bool
take_limited (MfOptionValue *value, const char **text, MfLimit *limit)
{
  const char *sign = strstr (*text, "<=");
  if (!sign || sign == *text)
    return refuse (value, "write NAME <= SIZE, as app.net <= 12KiB", "'%s' is no limit", *text);
  limit->what = keep_text (value, g_strchomp (g_strndup (*text, (gsize) (sign - *text))));
  for (sign += strlen ("<="); *sign == ' ' || *sign == '\t'; sign++)
    ;
  *text = sign;
  return *sign
         || refuse (
             value, "write NAME <= SIZE, as app.net <= 12KiB", "'%s' has no limit", limit->what);
}

static bool
parse_limits (const MfOption *option, MfOptionValue *value, void *to)
{
  g_autoptr (GArray) words = mf_config_words (value->entry);
  MfLimit *items = g_new0 (MfLimit, words->len + 1);
  g_ptr_array_add (value->arena, items);
  for (unsigned i = 0; i < words->len; i++) {
    const MfConfigWord *word = &g_array_index (words, MfConfigWord, i);
    const char *text = word->text;
    if (!take_word (value, word) || !take_limited (value, &text, &items[i])
        || !parse_one_size (option, value, text, &items[i].at_most))
      return false;
  }
  *(MfLimits *) to = (MfLimits){ .items = items, .n = words->len };
  return true;
}

// ---- targets

static bool
add_target (MfOptionValue *value, GPtrArray *found, const char *name)
{
  const MfTargetFacts *facts = value->targets->find (
      value->targets->user, name, value->entry->folder, &value->error, value->diagnostics);
  if (facts && !g_ptr_array_find (found, facts, NULL))
    g_ptr_array_add (found, (gpointer) facts);
  return facts;
}

// "*", "*-micropython": of those that are installed.
static bool
add_targets (MfOptionValue *value, GPtrArray *found, const char *pattern)
{
  g_auto (GStrv) names = value->targets->installed (value->targets->user);
  guint before = found->len, matching = 0;
  for (char **name = names; *name; name++) {
    if (!g_pattern_match_simple (pattern, *name))
      continue;
    matching++;
    if (!add_target (value, found, *name))
      return false;
  }
  return matching || found->len > before
         || refuse (
             value, "memflow targets shows what there is", "no target matches '%s'", pattern);
}

static bool
add_words (MfOptionValue *value, GArray *words, GPtrArray *found, bool patterns,
    bool (*add) (MfOptionValue *value, GPtrArray *found, const char *text))
{
  for (unsigned i = 0; i < words->len; i++) {
    const MfConfigWord *word = &g_array_index (words, MfConfigWord, i);
    bool is_pattern = strpbrk (word->text, "*?");
    if (is_pattern == patterns && (!take_word (value, word) || !add (value, found, word->text)))
      return false;
  }
  return true;
}

static bool
parse_targets (const MfOption *option, MfOptionValue *value, void *to)
{
  g_autoptr (GArray) words = mf_config_words (value->entry);
  g_autoptr (GPtrArray) found = g_ptr_array_new ();
  if (!value->targets)
    return refuse (value, "", "'%s' cannot name targets here", mf_option_name (option).text);
  if (!add_words (value, words, found, false, add_target))
    return false;
  guint named = found->len;
  if (!add_words (value, words, found, true, add_targets))
    return false;
  guint n = found->len;
  gpointer *items = g_ptr_array_steal (found, NULL);
  g_ptr_array_add (value->arena, items);
  *(MfTargets *) to = (MfTargets){ .items = (const MfTargetFacts *const *) items, .n = n, .n_named = named };
  return true;
}

static bool
parse_argv (const MfOption *option, MfOptionValue *value, void *to)
{
  (void) to;
  value->blame = value->entry->key_place;
  return refuse (value, "memflow run CONFIG -- COMMAND",
      "'%s' cannot be written into a configuration", mf_option_name (option).text);
}

// ---- the table

// clang-format off
static const MfOptionKindRow rows[MF_OPTION_END] = {
  [MF_BOOL] = { "yes or no", sizeof (bool), MF_UNSET_NEVER, false, parse_bool },
  [MF_U8] = { "whole number", 1, MF_UNSET_ONES, false, parse_natural },
  [MF_U16] = { "whole number", 2, MF_UNSET_ONES, false, parse_natural },
  [MF_U32] = { "whole number", 4, MF_UNSET_ONES, false, parse_natural },
  [MF_U64] = { "whole number", 8, MF_UNSET_ONES, false, parse_natural },
  [MF_I8] = { "whole number", 1, MF_UNSET_ONES, false, parse_integer },
  [MF_I16] = { "whole number", 2, MF_UNSET_ONES, false, parse_integer },
  [MF_I32] = { "whole number", 4, MF_UNSET_ONES, false, parse_integer },
  [MF_I64] = { "whole number", 8, MF_UNSET_ONES, false, parse_integer },
  [MF_F64] = { "number", sizeof (double), MF_UNSET_ONES, false, parse_number },
  [MF_DURATION] = { "duration", sizeof (MfDuration), MF_UNSET_INT64_MIN, false, parse_duration },
  [MF_ADDRESS] = { "address", sizeof (MfAddress), MF_UNSET_ONES, false, parse_natural },
  [MF_SIZE] = { "size", sizeof (MfSize), MF_UNSET_ONES, false, parse_size },
  [MF_OPTION_TEXT] = { "text", sizeof (char *), MF_UNSET_NULL, true, parse_text },
  [MF_OPTION_PATH] = { "path", sizeof (MfPath), MF_UNSET_NULL, false, parse_path },
  [MF_OPTION_OUTPUT] = { "output file", sizeof (MfOutputName), MF_UNSET_NULL, false, parse_text },
  [MF_OPTION_TEXTS] = { "list of texts", sizeof (MfTexts), MF_UNSET_NULL, true, parse_texts },
  [MF_OPTION_PATHS] = { "list of paths", sizeof (MfPaths), MF_UNSET_NULL, true, parse_paths },
  [MF_OPTION_SIZES] = { "list of sizes", sizeof (MfSizes), MF_UNSET_NULL, true, parse_sizes },
  [MF_OPTION_ARGV] = { "command", sizeof (MfArgv), MF_UNSET_NULL, true, parse_argv },
  [MF_OPTION_TARGETS] = { "targets", sizeof (MfTargets), MF_UNSET_NULL, false, parse_targets },
  [MF_OPTION_LIMITS] = { "list of limits", sizeof (MfLimits), MF_UNSET_NULL, true, parse_limits },
  [MF_OPTION_CHOICE] = { "choice", sizeof (uint32_t), MF_UNSET_ONES, false, parse_choice },
};
// clang-format on

_Static_assert(sizeof (MfPath) == sizeof (char *) && sizeof (MfOutputName) == sizeof (char *),
    "one-member structs are stored as their member");

const MfOptionKindRow *
mf_option_kind (uint16_t kind)
{
  return kind < MF_OPTION_END && rows[kind].parse ? &rows[kind] : NULL;
}
