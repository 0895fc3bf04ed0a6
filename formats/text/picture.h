// SPDX-License-Identifier: Apache-2.0
// What is drawn of one event type from one source: a class for each view, found by the roles of the
// fields alone. A picture keeps a bounded amount, however many rows it is given.
#pragma once

#include "kept-rows.h"
#include "page.h"
#include "places.h"

typedef enum { MF_MAP_CELLS, MF_MAP_BRAILLE, MF_MAP_LETTERS } MfMapStyle;

typedef struct {
  uint32_t rows; // of a table
  MfMapStyle map;
  bool all_maps; // one for each key, not only the last
} MfPictureOptions;

typedef struct MfPicture MfPicture;

typedef struct {
  size_t size;                       // of the picture, zeroed before `open`
  void (*open) (MfPicture *picture); // may be NULL
  bool (*add) (
      MfPicture *picture, const MfBatch *batch, const uint8_t *row); // false = out of memory
  void (*close_key) (MfPicture *picture, uint64_t key); // the rows of this key are all there
  void (*draw) (MfPicture *picture, MfPage *page);
  void (*free) (MfPicture *picture);
} MfPictureClass;

// The beginning of every picture.
struct MfPicture {
  const MfPictureClass *class;
  const MfType *type; // borrowed
  const MfPictureOptions *options;
  MfMemory memory;
  MfString stage, input;
  const MfField *roles[MF_N_ROLES]; // the first field of each role, or NULL
  uint64_t rows;
  const MfPlaces *places; // borrowed
  bool name_source;       // in the heading: there are several of this type
  bool told;              // statements tell figures: a single value needs no picture
  const MfPage *page;     // what it will be drawn on, without an output
};

extern const MfPictureClass mf_picture_table, mf_picture_map, mf_picture_histogram,
    mf_picture_series, mf_picture_tree;

// The class that draws a view; a type that lacks the roles which the view needs is drawn as a
// table.
const MfPictureClass *mf_picture_class_for (const MfType *type);

MfPicture *mf_picture_new (const MfPictureClass *class, const MfType *type, const MfBatch *first,
    const MfPictureOptions *options, const MfPage *page, MfMemory memory);
void mf_picture_free (MfPicture *picture);

// Takes the rows of a batch. False = out of memory. Rows shorter than the schema are passed over.
bool mf_picture_take (MfPicture *picture, const MfBatch *batch);

// The heading: what it shows, then the type and what else tells it from others.
void mf_picture_heading (const MfPicture *picture, MfPage *page, const char *more);

// "snapshot 2", clean; "" when the type has no key. Free it.
char *mf_picture_key_text (const MfPicture *picture, const MfPage *page, uint64_t key);

// Bits of a field, 0 for NULL.
uint64_t mf_picture_bits (const MfField *field, const uint8_t *row);

// One value as a reader of text wants it, clean; "" when it is not known. Free it.
char *mf_cell_text (
    const MfPage *page, const MfField *field, const MfBatch *batch, const uint8_t *row);
