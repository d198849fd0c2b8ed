// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors
#ifndef ROOST_CLMDB_SHIM_H
#define ROOST_CLMDB_SHIM_H

#include <lmdb.h>

#endif
