// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets

/// What libFuzzer calls with every input; `main` is its own. The pointer and its count are libFuzzer's promise,
/// and nothing keeps them.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    DecoderFuzzing.run(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}
