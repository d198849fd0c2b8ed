// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Glibc
import Synchronization

/// What is said when LMDB fails on a damaged file in a way that nothing but the end of the process can follow.
///
/// LMDB maps its file and trusts every page of it: a number that was damaged on the disk sends it outside of the map or of
/// its own memory, and an assertion of its own ends the process. To check every page when a store is opened would
/// take as long as the file is large. So what is small is checked then (`FileHeader`), and for the rest whoever owns the
/// process, the program and not the library, may ask for `install`: SIGSEGV, SIGBUS and SIGABRT of a thread that is
/// within a transaction are then one sentence and exit code 1. Nothing acknowledged is lost by that: what a
/// transaction has not committed was acknowledged to nobody. Other threads, and other signals (a trap of Swift's is
/// SIGILL or SIGTRAP), do what they did before, with its core.
///
/// The sentence is made when the environment is opened and never freed, so that the handler has nothing to do but to
/// look it up, write and end.
package enum FaultSentence {
    private static let key = makeKey()
    private static let signals: InlineArray<3, CInt> = [SIGSEGV, SIGBUS, SIGABRT]
    // What was to be done before. The pointer is to memory that is written once, by `install`, for each signal before its
    // handler can run, and never freed; as little are the sentences that the other pointers lead to, which nobody changes.
    nonisolated(unsafe) private static let earlier = UnsafeMutablePointer<sigaction>.allocate(capacity: 3)
    private static let isInstalled = Atomic<Bool>(false)

    /// Sets the handlers, once, before a store is opened.
    package static func install() {
        guard let key, !isInstalled.exchange(true, ordering: .acquiringAndReleasing) else { return }
        pthread_setspecific(key, nil)
        var action = sigaction()
        action.__sigaction_handler.sa_sigaction = received
        action.sa_flags = SA_SIGINFO | SA_ONSTACK
        sigemptyset(&action.sa_mask)
        for index in signals.indices { sigaction(signals[index], &action, earlier + index) }
    }

    /// The sentence about a file, for `enter`; `nil` when nobody has asked for handlers.
    static func make(_ path: String) -> UnsafeMutablePointer<CChar>? {
        guard isInstalled.load(ordering: .acquiring) else { return nil }
        return strdup(
            "roost: The database \(path)/data.mdb is damaged (LMDB could not go on): keep a copy of it and run `roost verify`.\n"
        )
    }

    /// Lets LMDB's own assertions end with the sentence, before it writes one of its own.
    static func set(on environment: OpaquePointer) {
        guard isInstalled.load(ordering: .acquiring) else { return }
        mdb_env_set_assert(environment) { _, _ in FaultSentence.end() }
    }

    /// This thread is in a transaction from now on; returns what it was in before, for `leave`.
    static func enter(_ sentence: UnsafeMutablePointer<CChar>?) -> UnsafeMutableRawPointer? {
        guard let sentence, let key else { return nil }
        let outer = pthread_getspecific(key)
        pthread_setspecific(key, sentence)
        return outer
    }

    /// It has ended.
    static func leave(_ sentence: UnsafeMutablePointer<CChar>?, to outer: UnsafeMutableRawPointer?) {
        guard sentence != nil, let key else { return }
        pthread_setspecific(key, outer)
    }

    private static func makeKey() -> pthread_key_t? {
        var key = pthread_key_t()
        return pthread_key_create(&key, nil) == 0 ? key : nil
    }

    /// Writes the sentence of this thread and ends the process; returns if the thread is in no transaction. Does only what
    /// may be done in a handler: the statics it reads were made by `install`.
    private static func end() {
        guard let key, let found = pthread_getspecific(key) else { return }
        let sentence = found.assumingMemoryBound(to: CChar.self)
        _ = write(STDERR_FILENO, sentence, strlen(sentence))
        _exit(1)
    }

    private static let received:
        @convention(c) (CInt, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?)
            -> Void = { number, info, _ in
                FaultSentence.end()
                // Not LMDB's: what faults again is done with as before; what was only sent is sent again.
                for index in signals.indices where signals[index] == number {
                    sigaction(number, earlier + index, nil)
                }
                if let info, info.pointee.si_code <= 0 { raise(number) }
            }
}
