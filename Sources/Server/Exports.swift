// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

// Whoever embeds a broker or writes a hook needs the records, the errors and the vocabulary they are made of.
@_exported public import Packets
@_exported public import Persistence
