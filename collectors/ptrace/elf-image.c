// SPDX-License-Identifier: Apache-2.0
// libelf reads the file. Symbols come from .symtab where it is there, else from .dynsym.
#include "elf-image.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <unistd.h>

struct MfElfImage {
  int fd;
  Elf *elf;
  uint64_t bias;
};

static bool
is_readable (const MfElfImage *image)
{
  size_t n;
  return image->elf && elf_kind (image->elf) == ELF_K_ELF && elf_getphdrnum (image->elf, &n) == 0;
}

static bool
is_big_endian (const MfElfImage *image)
{
  const char *start = image->elf && elf_kind (image->elf) == ELF_K_ELF ? elf_getident (image->elf, NULL) : NULL;
  return start && start[EI_DATA] == ELFDATA2MSB;
}

// The lowest address that the file wants for itself.
static uint64_t
lowest_address (Elf *elf)
{
  size_t n = 0;
  uint64_t lowest = UINT64_MAX;
  elf_getphdrnum (elf, &n);
  for (size_t i = 0; i < n; i++) {
    GElf_Phdr part;
    if (gelf_getphdr (elf, (int) i, &part) && part.p_type == PT_LOAD && part.p_vaddr - part.p_offset < lowest)
      lowest = part.p_vaddr - part.p_offset;
  }
  return lowest == UINT64_MAX ? 0 : lowest & ~UINT64_C (4095);
}

MfElfImage *
mf_elf_image_open (const char *path, uint64_t loaded_at, GError **error)
{
  g_autoptr (MfElfImage) image = g_new0 (MfElfImage, 1);
  elf_version (EV_CURRENT);
  image->fd = open (path, O_RDONLY | O_CLOEXEC);
  if (image->fd < 0) {
    int why = errno;
    g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (why), "cannot open %s: %s", path, g_strerror (why));
    return NULL;
  }
  image->elf = elf_begin (image->fd, ELF_C_READ_MMAP, NULL);
  if (is_big_endian (image)) {
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s is for a big-endian machine: only little-endian ones are read", path);
    return NULL;
  }
  if (!is_readable (image)) {
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s is not an ELF file", path);
    return NULL;
  }
  image->bias = loaded_at - lowest_address (image->elf);
  return g_steal_pointer (&image);
}

void
mf_elf_image_free (MfElfImage *image)
{
  if (!image)
    return;
  if (image->elf)
    elf_end (image->elf);
  if (image->fd >= 0)
    close (image->fd);
  g_free (image);
}

uint16_t
mf_elf_image_machine (const MfElfImage *image)
{
  GElf_Ehdr header;
  return gelf_getehdr (image->elf, &header) ? header.e_machine : EM_NONE;
}

// ---- symbols and sections

static bool
find_in_table (const MfElfImage *image, Elf_Scn *section, const GElf_Shdr *header, const char *name, MfElfPart *part)
{
  Elf_Data *table = elf_getdata (section, NULL);
  GElf_Sym symbol;
  for (int i = 0; table && gelf_getsym (table, i, &symbol); i++) {
    const char *its_name = elf_strptr (image->elf, header->sh_link, symbol.st_name);
    if (!its_name || symbol.st_shndx == SHN_UNDEF || strcmp (its_name, name) != 0)
      continue;
    *part = (MfElfPart) { symbol.st_value + image->bias, symbol.st_size };
    return true;
  }
  return false;
}

bool
mf_elf_image_symbol (const MfElfImage *image, const char *name, MfElfPart *part)
{
  GElf_Shdr header;
  for (Elf_Scn *section = NULL; (section = elf_nextscn (image->elf, section));)
    if (gelf_getshdr (section, &header) && (header.sh_type == SHT_DYNSYM || header.sh_type == SHT_SYMTAB)
        && find_in_table (image, section, &header, name, part))
      return true;
  return false;
}

bool
mf_elf_image_section (const MfElfImage *image, const char *name, MfElfPart *part)
{
  size_t names;
  GElf_Shdr header;
  if (elf_getshdrstrndx (image->elf, &names))
    return false;
  for (Elf_Scn *section = NULL; (section = elf_nextscn (image->elf, section));) {
    const char *its_name = gelf_getshdr (section, &header) ? elf_strptr (image->elf, names, header.sh_name) : NULL;
    if (!its_name || strcmp (its_name, name) != 0)
      continue;
    *part = (MfElfPart) { header.sh_addr + image->bias, header.sh_size };
    return true;
  }
  return false;
}

bool
mf_elf_image_writable (const MfElfImage *image, unsigned n, MfElfPart *part)
{
  size_t parts = 0;
  elf_getphdrnum (image->elf, &parts);
  for (size_t i = 0; i < parts; i++) {
    GElf_Phdr header;
    if (!gelf_getphdr (image->elf, (int) i, &header) || header.p_type != PT_LOAD || !(header.p_flags & PF_W) || n--)
      continue;
    *part = (MfElfPart) { header.p_vaddr + image->bias, header.p_memsz };
    return true;
  }
  return false;
}

// ---- what the loader writes

unsigned
mf_elf_image_word (const MfElfImage *image)
{
  return gelf_getclass (image->elf) == ELFCLASS32 ? 4 : 8;
}

bool
mf_elf_image_fixed (const MfElfImage *image, uint64_t *at)
{
  GElf_Ehdr header;
  *at = lowest_address (image->elf);
  return gelf_getehdr (image->elf, &header) && header.e_type == ET_EXEC;
}

typedef struct {
  const MfElfImage *image;
  MfElfPointer *pointers;
  unsigned n, most;
} Pointers;

static void
add_pointer (Pointers *to, uint64_t at, uint64_t value)
{
  if (to->n < to->most)
    to->pointers[to->n++] = (MfElfPointer) { at + to->image->bias, value + to->image->bias };
}

static bool
is_moved_entry (int64_t tag)
{
  return tag == DT_STRTAB || tag == DT_SYMTAB || tag == DT_GNU_HASH || tag == DT_HASH || tag == DT_PLTGOT || tag == DT_VERSYM;
}

static void
add_dynamic (Pointers *to, Elf_Scn *section, const GElf_Shdr *header)
{
  Elf_Data *table = elf_getdata (section, NULL);
  unsigned word = mf_elf_image_word (to->image);
  GElf_Dyn entry;
  for (int i = 0; table && gelf_getdyn (table, i, &entry) && entry.d_tag != DT_NULL; i++)
    if (is_moved_entry (entry.d_tag))
      add_pointer (to, header->sh_addr + (2 * (uint64_t) i + 1) * word, entry.d_un.d_ptr);
}

// What the file has at an address that is loaded from it.
static bool
word_of_file (const MfElfImage *image, uint64_t at, uint64_t *word)
{
  size_t n = 0, size = 0;
  const char *bytes = elf_rawfile (image->elf, &size);
  elf_getphdrnum (image->elf, &n);
  *word = 0;
  for (size_t i = 0; i < n && bytes; i++) {
    GElf_Phdr part;
    if (!gelf_getphdr (image->elf, (int) i, &part) || part.p_type != PT_LOAD || at < part.p_vaddr || at - part.p_vaddr >= part.p_filesz)
      continue;
    uint64_t offset = part.p_offset + (at - part.p_vaddr);
    if (offset > size || mf_elf_image_word (image) > size - offset)
      return false;
    memcpy (word, bytes + offset, mf_elf_image_word (image));
    return true;
  }
  return false;
}

// R_*_RELATIVE: the psABI supplement of each machine.
static uint64_t
relative_type (const MfElfImage *image)
{
  static const struct { uint16_t machine, type; } types[] = { { EM_X86_64, 8 }, { EM_386, 8 }, { EM_ARM, 23 }, { EM_AARCH64, 1027 } };
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
    if (types[i].machine == mf_elf_image_machine (image))
      return types[i].type;
  return 0;
}

static void
add_relocations (Pointers *to, Elf_Scn *section, const GElf_Shdr *header)
{
  Elf_Data *table = elf_getdata (section, NULL);
  uint64_t relative = relative_type (to->image), word;
  GElf_Rela with;
  GElf_Rel without;
  for (int i = 0; table && relative && to->n < to->most; i++) {
    if (header->sh_type == SHT_RELA) {
      if (!gelf_getrela (table, i, &with))
        return;
      if (GELF_R_TYPE (with.r_info) == relative)
        add_pointer (to, with.r_offset, (uint64_t) with.r_addend);
    } else {
      if (!gelf_getrel (table, i, &without))
        return;
      if (GELF_R_TYPE (without.r_info) == relative && word_of_file (to->image, without.r_offset, &word))
        add_pointer (to, without.r_offset, word);
    }
  }
}

unsigned
mf_elf_image_pointers (const MfElfImage *image, MfElfPointer *pointers, unsigned most)
{
  Pointers to = { image, pointers, 0, most };
  GElf_Shdr header;
  for (Elf_Scn *section = NULL; (section = elf_nextscn (image->elf, section));) {
    if (!gelf_getshdr (section, &header))
      continue;
    if (header.sh_type == SHT_DYNAMIC)
      add_dynamic (&to, section, &header);
    else if ((header.sh_type == SHT_REL || header.sh_type == SHT_RELA) && header.sh_flags & SHF_ALLOC)
      add_relocations (&to, section, &header);
  }
  return to.n;
}

bool
mf_elf_image_load (const MfElfImage *image, unsigned n, MfElfLoad *part)
{
  size_t parts = 0;
  elf_getphdrnum (image->elf, &parts);
  for (size_t i = 0; i < parts; i++) {
    GElf_Phdr header;
    if (!gelf_getphdr (image->elf, (int) i, &header) || header.p_type != PT_LOAD || n--)
      continue;
    *part = (MfElfLoad) { header.p_vaddr, header.p_offset, header.p_filesz };
    return true;
  }
  return false;
}

uint64_t
mf_elf_image_dynamic (const MfElfImage *image)
{
  size_t parts = 0;
  GElf_Phdr header;
  elf_getphdrnum (image->elf, &parts);
  for (size_t i = 0; i < parts; i++)
    if (gelf_getphdr (image->elf, (int) i, &header) && header.p_type == PT_DYNAMIC)
      return header.p_vaddr;
  return 0;
}
