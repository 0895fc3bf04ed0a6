// SPDX-License-Identifier: Apache-2.0
// A page of plain text of a given width: lines, paragraphs with a left column, numbers for people.
// Whatever is put on it, no line is wider than the page and none holds a control character.
#pragma once

#include <glib.h>

#include "cells/cell-writer.h"

typedef enum { MF_INK_PLAIN, MF_INK_STRONG, MF_INK_ALARM, MF_N_INKS } MfInk;

enum { MF_PAGE_LEFT = 14 }; // columns of the left column of a paragraph

typedef struct {
  MfBuffer *out; // of the caller
  const MfNames *names;
  unsigned width; // columns, at least MF_PAGE_NARROWEST
  bool ascii, colour;
} MfPage;

enum { MF_PAGE_NARROWEST = 40, MF_PAGE_WIDEST = 1000 };

// Columns that clean text takes on a terminal: wide characters take two, combining ones none.
unsigned mf_columns (const char *clean);

// Text from outside as it may stand on the page, at most `limit` bytes of it. Free it.
char *mf_page_clean (const MfPage *page, const char *bytes, size_t n, size_t limit);
char *mf_page_clean_name (const MfPage *page, MfString name);

// Appends a line of clean text, cut at the width of the page; a line that was cut says so.
void mf_page_line (MfPage *page, const char *clean);
void mf_page_printf (MfPage *page, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
void mf_page_blank (MfPage *page);

// Appends clean text wrapped at the width of the page; its further lines hang below `hang` columns.
void mf_page_wrap (MfPage *page, const char *clean, unsigned hang);

// Where a beginning of clean text ends that takes at most `room` columns: at a gap of three blanks,
// else at its last blank that does not part a number from its unit or short parentheses, else in a
// word that is longer. Never at the very beginning, unless the text is empty.
const char *mf_break_line (const char *clean, unsigned room);

// Appends clean text wrapped beside a left column; a line feed starts a new line, its indent is
// kept.
void mf_page_paragraph (MfPage *page, MfInk ink, const char *left, const char *clean);

// Picks what the page can show.
const char *mf_page_sign (const MfPage *page, const char *unicode, const char *ascii);

// ---- numbers: with thousands separators

void mf_put_grouped (GString *to, uint64_t n);
void mf_put_grouped_signed (GString *to, int64_t n);
// A number of at most `decimals` decimals, grouped; "-" when it is not finite.
void mf_put_grouped_real (GString *to, double value, unsigned decimals);
// The shortest exact form of a number of bytes: "160 B", "8 KiB", "12,000 B".
void mf_put_size (GString *to, uint64_t bytes);
// Exact bytes, and beside them the rounded form where it helps: "12,000 B (11.7 KiB)".
void mf_put_size_both (GString *to, uint64_t bytes);

// Pads clean text with blanks to a number of columns, at its left or right; cuts what is longer.
void mf_put_padded (
    GString *to, const MfPage *page, const char *clean, unsigned columns, bool right);
