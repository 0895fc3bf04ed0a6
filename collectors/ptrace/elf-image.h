// SPDX-License-Identifier: Apache-2.0
// A program or library as a file: where its symbols and writable parts come to lie in memory.
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct MfElfImage MfElfImage;

// A part of the memory of a loaded image, by addresses of the process.
typedef struct {
  uint64_t at, size;
} MfElfPart;

// `loaded_at` is the address of the mapping of the file's first byte. NULL = not a readable ELF file, or a big-endian one.
MfElfImage *mf_elf_image_open (const char *path, uint64_t loaded_at, GError **error);
void mf_elf_image_free (MfElfImage *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MfElfImage, mf_elf_image_free)

uint16_t mf_elf_image_machine (const MfElfImage *image);  // EM_* of elf.h
// Each returns false when there is none of that name.
bool mf_elf_image_symbol (const MfElfImage *image, const char *name, MfElfPart *part);
bool mf_elf_image_section (const MfElfImage *image, const char *name, MfElfPart *part);
// The n-th writable part (.data and .bss of one segment together); false = there are no more.
bool mf_elf_image_writable (const MfElfImage *image, unsigned n, MfElfPart *part);

unsigned mf_elf_image_word (const MfElfImage *image);     // bytes of a pointer
// Whether it is a program that lies at the addresses that its file says; `*at` is where its first byte is to be, then.
bool mf_elf_image_fixed (const MfElfImage *image, uint64_t *at);
// Words to which the loader adds where it put the image, and what they hold then, if that is where it was opened for. Some words of the
// dynamic section are written by glibc's loader alone. Returns how many there are, at most `most`.
typedef struct {
  uint64_t at, to;
} MfElfPointer;
unsigned mf_elf_image_pointers (const MfElfImage *image, MfElfPointer *pointers, unsigned most);

// Where its dynamic section lies, by the addresses of the file; 0 = it has none.
uint64_t mf_elf_image_dynamic (const MfElfImage *image);
// The n-th part that is loaded, by the addresses of the file; false = there are no more.
typedef struct {
  uint64_t at, offset, in_file;  // in_file: bytes
} MfElfLoad;
bool mf_elf_image_load (const MfElfImage *image, unsigned n, MfElfLoad *part);
