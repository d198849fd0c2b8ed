// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

extension ChangeBatch {
    /// Stops the process when the batch breaks a rule of `Change` that can be seen without the store.
    borrowing func requireContract() {
        var open: MessageNumber = 0
        var missing: UInt32 = 0
        for change in changes {
            if case .delivery(_, let number, _) = change {
                precondition(missing > 0 && number == open, "a delivery follows its message")
                missing -= 1
                continue
            }
            precondition(missing == 0, "a message is followed by exactly its deliveries")
            if case .message(let number, _, let references) = change {
                precondition(number > 0 && number <= message, "a batch names its greatest message number")
                precondition(references > 0, "a message has at least one delivery")
                open = number
                missing = references
            }
            if case .client(let number, _, _) = change {
                precondition(number > 0 && number <= session, "a batch names its greatest session number")
            }
        }
        precondition(missing == 0, "a message is followed by exactly its deliveries")
    }
}
