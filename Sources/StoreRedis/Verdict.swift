// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// The word with which a script says why it did nothing.
enum Verdict: String {
    case gone = "GONE"
    case headless = "HEADLESS"
    case replaced = "REPLACED"
    case older = "OLDER"
    case newer = "NEWER"
    case held = "HELD"
    case taken = "TAKEN"
    case fenced = "FENCED"
    case denied = "DENIED"

    /// Throws unless the script did what it is for.
    static func check(_ reply: Reply.Value, _ location: String, _ claim: Claim) throws(StoreError) {
        let word = reply.count > 0 ? reply[0].text : ""
        if word == "OK" { return }
        guard let verdict = Verdict(rawValue: word) else {
            throw StoreError(.corrupt, "\(location) gives an answer that no script of Roost gives: \(word).")
        }
        throw verdict.error(reply.count > 1 ? reply[1].text : "", location, claim.acknowledged)
    }

    /// The owner that has the prefix, when its process has ended on this machine.
    static func deserter(_ reply: Reply.Value) -> String? {
        guard reply.count > 3, reply[0].text == held.rawValue else { return nil }
        return OwnerPlace(reply[3].text)?.isDeserted == true ? reply[2].text : nil
    }

    private func error(_ detail: String, _ location: String, _ acknowledged: UInt64) -> StoreError {
        let advice = "restore its data, or start this broker again to go on with what is there."
        return switch self {
        case .gone:
            StoreError(.corrupt, "\(location) has come back empty, after batch \(acknowledged): \(advice)")
        case .headless:
            StoreError(.corrupt, "\(location) has lost its key info, but has \(detail): restore a copy.")
        case .replaced:
            StoreError(.corrupt, "\(location) holds other data than this broker has written: \(advice)")
        case .older:
            StoreError(
                .corrupt,
                "\(location) has come back as of batch \(UInt64(detail) ?? 0), but \(acknowledged) was acknowledged: \(advice)"
            )
        case .newer:
            StoreError(.newerFormat, "\(location) has format \(detail), which is newer than this Roost.")
        case .held:
            StoreError(.inUse, "\(location) is in use by another Roost (\(detail)).")
        case .denied:
            StoreError(
                .retry,
                "\(location) does not let its user run \(detail), which the store needs: allow it (ACL SETUSER)."
            )
        case .taken, .fenced:
            StoreError(
                .inUse, "\(location) was taken over by another Roost (\(detail)): start this one again.")
        }
    }
}
