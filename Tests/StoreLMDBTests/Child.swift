// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc

/// A Python program in a process of its own, that has said it is ready.
final class Child {
    struct NotReady: Error {}

    /// Opens the environment of its argument, begins to read, and waits.
    static let reader = """
        import ctypes, sys
        lmdb = ctypes.CDLL('liblmdb.so.0')
        environment, transaction = ctypes.c_void_p(), ctypes.c_void_p()
        assert lmdb.mdb_env_create(ctypes.byref(environment)) == 0
        assert lmdb.mdb_env_open(environment, sys.argv[1].encode(), 0x20000, 0o600) == 0
        assert lmdb.mdb_txn_begin(environment, None, 0x20000, ctypes.byref(transaction)) == 0
        print('.', end='', flush=True)
        sys.stdin.read()
        """

    private var process: pid_t = 0
    private var input: Int32 = -1
    private var output: Int32 = -1

    /// Waits until the program has written something. It ends at the latest when its input is closed.
    init(_ program: String, _ argument: String) throws {
        var (stdin, stdout): ([Int32], [Int32]) = ([0, 0], [0, 0])
        guard pipe(&stdin) == 0, pipe(&stdout) == 0 else { throw NotReady() }
        for end in stdin + stdout { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (input, output) = (stdin[1], stdout[0])
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, stdin[0], 0)
        posix_spawn_file_actions_adddup2(&actions, stdout[1], 1)
        let words = ["python3", "-c", program, argument].map { (word: String) in strdup(word) }
        let status = posix_spawnp(&process, "python3", &actions, nil, words + [nil], environ)
        posix_spawn_file_actions_destroy(&actions)
        for word in words { free(word) }
        close(stdin[0])
        close(stdout[1])
        var byte: UInt8 = 0
        guard status == 0, read(output, &byte, 1) == 1 else { throw NotReady() }
    }

    /// Writes a line to the program and waits until it has written something again.
    func ask() throws {
        var line: UInt8 = 10
        var byte: UInt8 = 0
        guard write(input, &line, 1) == 1, read(output, &byte, 1) == 1 else { throw NotReady() }
    }

    deinit {
        close(input)
        close(output)
        kill()
    }

    /// Ends it at once, and waits until it is gone.
    func kill() {
        guard process > 0 else { return }
        Glibc.kill(process, SIGKILL)
        var status: Int32 = 0
        waitpid(process, &status, 0)
        process = 0
    }
}
