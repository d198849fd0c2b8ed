// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// What went wrong between this process and Redis.
enum RedisFailure: Error {
    /// Nothing, or only a part of a command, was sent: Redis has executed nothing of it.
    case notSent(String)
    /// A command was sent and no answer came: what became of it is unknown.
    case lost(String)
    /// Redis answered with an error.
    case refused(String)
    /// Nothing was sent that writes: the append-only file is about to be another one (`AppendOnlyFile`).
    case rewriting

    /// Whether the connection can still be used.
    var keepsConnection: Bool {
        guard case .refused = self else { return false }
        return meaning == .full
    }

    /// The words of Redis or of the system.
    var text: String {
        switch self {
        case .notSent(let text), .lost(let text), .refused(let text): text
        case .rewriting: "it rewrites its append-only file"
        }
    }

    /// What an answer of Redis means, as far as it is known. Redis before 7 wraps the errors of a command
    /// that a script calls in a sentence of its own, so the words are looked for anywhere.
    enum Meaning {
        case full, readOnly, loading, diskError, tooFewReplicas, busy, denied, elsewhere, scriptForgotten,
            unknown
    }

    private static let meanings: [(String, Meaning)] = [
        ("OOM ", .full), ("READONLY", .readOnly), ("LOADING", .loading), ("MISCONF", .diskError),
        ("NOREPLICAS", .tooFewReplicas), ("BUSY", .busy), ("NOAUTH", .denied), ("NOPERM", .denied),
        ("WRONGPASS", .denied), ("invalid password", .denied), ("invalid username", .denied),
        ("no password is set", .denied), ("without any password", .denied), ("MOVED ", .elsewhere),
        ("CLUSTERDOWN", .elsewhere), ("MASTERDOWN", .elsewhere), ("TRYAGAIN", .elsewhere),
        ("NOSCRIPT", .scriptForgotten),
    ]

    var meaning: Meaning {
        guard case .refused(let text) = self else { return .unknown }
        return Self.meanings.first { text.firstRange(of: $0.0) != nil }?.1 ?? .unknown
    }

    /// One sentence that begins with where the server is.
    func sentence(_ location: String) -> String {
        switch meaning {
        case .full:
            return
                "\(location) has no memory left (\(text)): raise maxmemory, or let consumers drain their queues."
        case .readOnly: return "\(location) is a read-only replica: name the primary."
        case .loading: return "\(location) is still loading its data; wait."
        case .diskError: return "\(location) cannot write to its disk (\(text)): look at its log."
        case .tooFewReplicas: return "\(location) has fewer replicas than min-replicas-to-write asks for."
        case .busy: return "\(location) is busy with a script (\(text))."
        case .denied: return "\(location) refuses the user or the password (\(text)): check the address."
        case .elsewhere:
            return "\(location) does not serve this prefix now (\(text)): name the node that does."
        case .scriptForgotten: return "\(location) has forgotten its scripts; they are loaded again."
        case .unknown: break
        }
        switch self {
        case .rewriting: return "\(location) is about to rewrite its append-only file; wait."
        case .notSent: return "\(location) cannot be reached (\(text))."
        case .lost where text.hasPrefix("Protocol error"):
            return "\(location) does not answer as a Redis does (\(text)): check the address."
        case .lost: return "The connection to \(location) was lost before it answered (\(text))."
        case .refused: return "\(location) answers: \(text)."
        }
    }

    /// For a store that is being opened.
    func opening(_ location: String) -> StoreError { StoreError(.unavailable, sentence(location)) }

    /// For a page: the reader may try again.
    func reading(_ location: String) -> StoreError { StoreError(.retry, sentence(location)) }

    /// For a batch. An answer that nobody expects comes from the middle of a script, which then has done a
    /// part of its work: other programs have written to keys of the prefix.
    func committing(_ location: String) -> StoreError {
        switch self {
        case .notSent, .rewriting: return StoreError(.retry, sentence(location))
        case .lost: return StoreError(.reopen, sentence(location))
        case .refused:
            guard meaning == .unknown else { return StoreError(.retry, sentence(location)) }
            return StoreError(
                .corrupt,
                "\(sentence(location)) A batch may be applied in part: run `roost verify` on the store.")
        }
    }
}
