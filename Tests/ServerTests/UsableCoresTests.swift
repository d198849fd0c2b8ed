// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import Testing

@testable import Server

@Suite struct UsableCoresTests {
    @Test(arguments: [
        ("Cpus_allowed:\t1", 1), ("Cpus_allowed:\t3", 2), ("Cpus_allowed:\tff", 8),
        ("Cpus_allowed:\tffffffff,ffffffff", 64),
        ("Name:\troost\nCpus_allowed:\t5\nCpus_allowed_list:\t0,2", 2),
    ])
    func `the cores of a CPU set are the bits of its mask`(status: String, count: Int) {
        #expect(UsableCores.permitted(by: status) == count)
    }

    @Test(arguments: ["", "Cpus_allowed_list:\t0-3", "Cpus_allowed:\t", "Cpus_allowed:\t0"])
    func `where the system does not say, every core counts`(status: String) {
        #expect(UsableCores.permitted(by: status) == nil)
        #expect((1...System.coreCount).contains(UsableCores.count))
    }
}
