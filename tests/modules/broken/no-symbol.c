// SPDX-License-Identifier: Apache-2.0
// A shared object that is no module at all.
int another_symbol = 1;
