// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets

/// The mark of a store that a migration has begun to fill and has not finished: a retained message.
///
/// Its topic is below `$SYS`, where no client may publish, so nobody else can set it. Whoever finds it reads a part of
/// what another store holds: a broker that served it would lose the rest.
package enum MigrationMark {
    /// The topic of the retained message.
    package static let topic: Text = "$SYS/roost/migration"
}

extension Store {
    /// Whether a migration into this store did not end.
    package func isMigrationTarget() throws(StoreError) -> Bool {
        try retainedMessage(MigrationMark.topic) != nil
    }
}
