// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// The number of a session: rises, is never used twice, is never zero.
public typealias SessionNumber = UInt64

/// The number of a message: rises in commit order, is never used twice, is never zero.
public typealias MessageNumber = UInt64

/// A wall-clock time in milliseconds since 1970-01-01 00:00 UTC; zero means "none".
public typealias Milliseconds = Int64
