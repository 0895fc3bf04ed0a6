// SPDX-License-Identifier: Apache-2.0
// The contract of a text grammar: one file for each allocator or runtime whose words it knows, a
// row in the table of device-text.c. Every line is offered to every grammar.
#pragma once

#include "device-text.h"

typedef enum {
  MF_LINE_UNKNOWN, // not of this grammar
  MF_LINE_TAKEN,
  MF_LINE_FAILED, // memory could not be had; the grammar has written `error`
} MfLineVerdict;

typedef struct {
  const MfTextSink *sink;
  char error[192];
} MfGrammarContext;

typedef struct {
  const char *id;
  const char *summary;
  size_t size; // of an instance, which begins as zeros
  void (*start) (void *self);
  MfLineVerdict (*line) (void *self, MfGrammarContext *context, const MfLine *line);
  // Delivers or gives up what is open. Returns false if memory could not be had.
  bool (*end) (void *self, MfGrammarContext *context, MfTextEnd why);
  void (*clear) (void *self, MfGrammarContext *context);
} MfGrammar;

extern const MfGrammar mf_micropython_grammar;
