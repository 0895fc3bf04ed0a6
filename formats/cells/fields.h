// SPDX-License-Identifier: Apache-2.0
// Reading one field of a row by its schema. Schemas come from strangers: what does not fit is
// refused once, by mf_field_fits, and the readers then trust it.
#pragma once

#include <memflow/event.h>

// Is the field of a known kind, of the width of that kind, and inside the row?
bool mf_field_fits (const MfType *type, const MfField *field);

// Is its value the one that stands for "not known"?
bool mf_field_unknown (const MfField *field, const uint8_t *row);

// The bits of a field of at most eight bytes, not sign-extended.
uint64_t mf_field_bits (const MfField *field, const uint8_t *row);

// A signed kind, sign-extended.
int64_t mf_field_signed (const MfField *field, const uint8_t *row);

bool mf_kind_is_signed (unsigned kind);
bool mf_kind_is_number (unsigned kind); // integers, f64, times, durations, sizes; not addresses

// A number as a double; NaN when it is not known or the kind has none.
double mf_field_real (const MfField *field, const uint8_t *row);

// "B", "ns", "%" …; "" when there is none.
const char *mf_field_unit (const MfField *field);

// Short name of a kind: "size"; "?" for an unknown one.
const char *mf_kind_name (unsigned kind);

// Label of an enum value or of bit number `value` of flags; NULL when the schema has none for it.
const char *mf_field_label (const MfField *field, uint64_t value);

// Does a text lie inside the arena of its batch?
bool mf_text_inside (const MfBatch *batch, MfText text);

// First field that has the role; NULL = none. Fields that do not fit are passed over.
const MfField *mf_field_by_role (const MfType *type, unsigned role);
