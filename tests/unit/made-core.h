// SPDX-License-Identifier: Apache-2.0
// A core file made by a test: of 32 or 64 bits, with the notes of two threads, a mapped file, and memory.
#pragma once

#include <elf.h>
#include <glib.h>
#include <stdint.h>
#include <string.h>

enum { MADE_PID = 77, MADE_THREAD = 78, MADE_SIGNAL = 11, MADE_BYTES = 256 };
enum { MADE_AT = 0x10000, MADE_PARTIAL_AT = 0x20000, MADE_FILE_AT = 0x30000 };

static inline void
made_number (GByteArray *bytes, uint64_t number, unsigned width)
{
  g_byte_array_append (bytes, (const uint8_t *) &number, width);
}

static inline void
made_note (GByteArray *notes, uint32_t type, const GByteArray *content)
{
  static const uint8_t padding[4] = { 0 };
  const uint32_t head[] = { 5, content->len, type };
  g_byte_array_append (notes, (const uint8_t *) head, sizeof head);
  g_byte_array_append (notes, (const uint8_t *) "CORE\0\0\0", 8);
  g_byte_array_append (notes, content->data, content->len);
  g_byte_array_append (notes, padding, -content->len % 4);
}

static inline GByteArray *
made_room (unsigned n)
{
  GByteArray *bytes = g_byte_array_new ();
  g_byte_array_set_size (bytes, n);
  memset (bytes->data, 0, n);
  return bytes;
}

static inline void
made_thread_note (GByteArray *notes, unsigned word, int32_t thread, uint16_t signal)
{
  g_autoptr (GByteArray) state = made_room (word == 8 ? 336 : 144);
  memcpy (state->data + 12, &signal, sizeof signal);
  memcpy (state->data + 16 + 2 * word, &thread, sizeof thread);
  made_note (notes, NT_PRSTATUS, state);
}

static inline void
made_process_note (GByteArray *notes, unsigned word)
{
  const int32_t process = MADE_PID;
  g_autoptr (GByteArray) record = made_room (word == 8 ? 136 : 124);
  memcpy (record->data + (word == 8 ? 24 : 12), &process, sizeof process);
  memcpy (record->data + (word == 8 ? 40 : 28), "python3", 7);
  made_note (notes, NT_PRPSINFO, record);
}

static inline void
made_file_note (GByteArray *notes, unsigned word, const char *path)
{
  g_autoptr (GByteArray) files = g_byte_array_new ();
  const uint64_t numbers[] = { 1, 4096, MADE_FILE_AT, MADE_FILE_AT + 4096, 0 };
  for (size_t i = 0; i < G_N_ELEMENTS (numbers); i++)
    made_number (files, numbers[i], word);
  g_byte_array_append (files, (const uint8_t *) path, (guint) strlen (path) + 1);
  made_note (notes, NT_FILE, files);
}

static inline void
made_segment (GByteArray *core, unsigned word, uint32_t type, uint64_t offset, uint64_t at, uint64_t dumped, uint64_t size)
{
  const Elf64_Phdr wide = { .p_type = type, .p_flags = PF_R | PF_W, .p_offset = offset, .p_vaddr = at, .p_filesz = dumped, .p_memsz = size };
  const Elf32_Phdr narrow = { .p_type = type, .p_flags = PF_R | PF_W, .p_offset = (uint32_t) offset, .p_vaddr = (uint32_t) at,
    .p_filesz = (uint32_t) dumped, .p_memsz = (uint32_t) size };
  g_byte_array_append (core, word == 8 ? (const void *) &wide : (const void *) &narrow, word == 8 ? sizeof wide : sizeof narrow);
}

static inline void
made_header (GByteArray *core, unsigned word, uint16_t segments)
{
  const Elf64_Ehdr wide = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_CORE,
    .e_machine = EM_X86_64, .e_phoff = sizeof wide, .e_phentsize = sizeof (Elf64_Phdr), .e_phnum = segments };
  const Elf32_Ehdr narrow = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_CORE,
    .e_machine = EM_ARM, .e_phoff = sizeof narrow, .e_phentsize = sizeof (Elf32_Phdr), .e_phnum = segments };
  g_byte_array_append (core, word == 8 ? (const void *) &wide : (const void *) &narrow, word == 8 ? sizeof wide : sizeof narrow);
}

// Memory: bytes 0, 1, 2... at MADE_AT; half of those at MADE_PARTIAL_AT were dumped; none of the file at MADE_FILE_AT. Notes come first.
static inline GByteArray *
made_core (unsigned word, const char *path)
{
  GByteArray *core = g_byte_array_new ();
  g_autoptr (GByteArray) notes = g_byte_array_new ();
  uint64_t at = word == 8 ? sizeof (Elf64_Ehdr) + 4 * sizeof (Elf64_Phdr) : sizeof (Elf32_Ehdr) + 4 * sizeof (Elf32_Phdr);
  made_thread_note (notes, word, MADE_THREAD, MADE_SIGNAL);
  made_thread_note (notes, word, MADE_PID, 0);
  made_process_note (notes, word);
  made_file_note (notes, word, path);
  made_header (core, word, 4);
  made_segment (core, word, PT_NOTE, at, 0, notes->len, 0);
  made_segment (core, word, PT_LOAD, at + notes->len, MADE_AT, MADE_BYTES, MADE_BYTES);
  made_segment (core, word, PT_LOAD, at + notes->len, MADE_PARTIAL_AT, MADE_BYTES / 2, MADE_BYTES);
  made_segment (core, word, PT_LOAD, at + notes->len, MADE_FILE_AT, 0, 4096);
  g_byte_array_append (core, notes->data, notes->len);
  for (unsigned i = 0; i < MADE_BYTES; i++)
    made_number (core, i, 1);
  return core;
}

// One that does not say which files were mapped, but holds its loader's list: of the program, which has no name, and of a library.
static inline GByteArray *
made_list_core (unsigned word, const char *library)
{
  enum { DEBUG, PROGRAM = 64, LIBRARY = 128, NAME = 256 };
  GByteArray *core = made_core (word, "/nowhere/python3");
  const uint64_t lists[][6] = { { DEBUG, 1, MADE_FILE_AT + PROGRAM, 0x1234, 0, 0x70000 },
    { PROGRAM, 0, 0, MADE_AT, MADE_FILE_AT + LIBRARY, 0 },
    { LIBRARY, 0, MADE_FILE_AT + NAME, MADE_AT + 8, 0, MADE_FILE_AT + PROGRAM } };
  const uint32_t file_note = NT_FILE;
  uint8_t *note = memmem (core->data, core->len, &file_note, sizeof file_note);
  size_t segments = word == 8 ? sizeof (Elf64_Ehdr) : sizeof (Elf32_Ehdr), size = word == 8 ? sizeof (Elf64_Phdr) : sizeof (Elf32_Phdr);
  g_autoptr (GByteArray) segment = g_byte_array_new ();
  note[0] = 0;  // a type that nobody knows
  made_segment (segment, word, PT_LOAD, core->len, MADE_FILE_AT, 512, 4096);
  memcpy (core->data + segments + 3 * size, segment->data, segment->len);
  g_byte_array_set_size (core, core->len + 512);
  uint8_t *memory = core->data + core->len - 512;
  memset (memory, 0, 512);
  for (size_t i = 0; i < G_N_ELEMENTS (lists); i++)
    for (size_t k = 1; k < G_N_ELEMENTS (lists[i]); k++)
      memcpy (memory + lists[i][0] + (k - 1) * word, &lists[i][k], word);
  memcpy (memory + NAME, library, strlen (library) + 1);
  return core;
}
