# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""The style test finds what it says it finds, and nothing in a file that keeps the rules."""
import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
from swiftsource import SwiftSource  # noqa: E402

loader = importlib.machinery.SourceFileLoader("style", os.path.join(ROOT, "scripts", "style"))
sys.dont_write_bytecode = True
style = importlib.util.module_from_spec(importlib.util.spec_from_loader("style", loader))
loader.exec_module(style)

HEADER = "".join(f"// {line}\n" for line in style.HEADER) + "\n"
PYTHON_HEADER = "".join(f"# {line}\n" for line in style.HEADER)


def violations(path, text):
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
        with open(os.path.join(root, path), "w", encoding="utf-8") as file:
            file.write(text)
        return [message for _, _, message in style.Style(root, [path]).check()]


class Findings(unittest.TestCase):
    def assert_finds(self, part, body, path="Sources/Engine/Thing.swift", header=HEADER):
        found = violations(path, header + body)
        self.assertTrue(any(part in each for each in found), f"{part!r} not in {found}")

    def assert_clean(self, body, path="Sources/Engine/Thing.swift", header=HEADER):
        self.assertEqual(violations(path, header + body), [])

    def test_a_good_file_is_clean(self):
        self.assert_clean('import NIOCore\n\nlet a = "try! \\(b as? "x") TODAY {"\n')

    def test_missing_and_incomplete_headers(self):
        self.assert_finds("header", "let a = 1\n", header="")
        self.assert_finds("header", "let a = 1\n", header=HEADER.split("\n")[0] + "\n\n")
        self.assert_finds("blank line", "let a = 1\n", header=HEADER[:-1])

    def test_headers_after_a_tools_version_and_a_shebang(self):
        self.assert_clean("let a = 1\n", "Package.swift", "// swift-tools-version: 6.3\n" + HEADER)
        self.assert_clean("true\n", "scripts/x", "#!/bin/bash\n" + PYTHON_HEADER)
        self.assert_finds("header", "true\n", "scripts/x", "#!/bin/bash\n")

    def test_imports_outside_the_list(self):
        self.assert_finds("Engine must not import Foundation", "import Foundation\n")
        self.assert_finds("must not import Glibc", "@preconcurrency internal import struct Glibc.stat\n")
        self.assert_finds("no list", "import Packets\n", "Sources/Other/Thing.swift")
        self.assert_clean("public import Packets\n// import Foundation\n")

    def test_forbidden_constructs(self):
        self.assert_finds("try! is", "let a = try! f()\n")
        self.assert_finds("as! is", "let a = b as! Int\n")
        self.assert_clean("// try! and as! are not used.\nlet a = 1\n")

    def test_a_silent_try_needs_a_comment(self):
        self.assert_finds("try? without", "let a = try? f()\n")
        self.assert_clean("// The file may be gone already.\nlet a = try? f()\n")
        self.assert_clean("let a = try? f()  // The file may be gone already.\n")

    def test_unsafe_code_needs_a_proof(self):
        for code in ("final class A: @unchecked Sendable {}\n", "let a: UnsafeRawPointer\n", "Unmanaged<A>\n"):
            self.assert_finds("comment that proves", code)
        self.assert_clean("// Sendable: a lock guards every field.\nfinal class A: @unchecked Sendable {}\n")

    def test_leftover_markers(self):
        for marker in ("TO" + "DO", "FIX" + "ME", "XX" + "X"):
            self.assert_finds("leftover marker", f"// {marker} later\nlet a = 1\n")

    def test_paths_of_one_machine(self):
        self.assert_finds("path of one machine", "// see /wo" + "rk/main\nlet a = 1\n")
        self.assertNotEqual(violations("README.md", "see ../sh" + "ared/DESIGN.md\n"), [])
        self.assertEqual(violations("README.md", "a shared/exclusive lock, network/work/home\n"), [])

    def test_dead_files(self):
        self.assert_finds("dead file", "// Nothing yet.\n")

    def test_long_files_but_not_fixtures(self):
        self.assert_finds("lines, no file", "let a = 1\n" * 400)
        self.assert_clean("let a = 1\n" * 397)
        self.assert_clean("let a = 1\n" * 900, "Tests/PacketFixtures/Table.swift")

    def test_long_functions(self):
        self.assert_finds("f: 61 lines", "func f() {\n" + "    g()\n" * 59 + "}\n")
        self.assert_clean("func f() {\n" + "    g()\n" * 58 + "}\n")
        long_python = "def f():\n" + "    g()\n" * 60
        self.assert_finds("f: 61 lines", long_python, "scripts/x.py", PYTHON_HEADER)

    def test_the_distribution_of_function_lengths(self):
        ten = "".join(f"func f{i}() {{\n" + "    g()\n" * 8 + "}\n" for i in range(10))
        self.assert_finds("median function has 10", ten)
        long_tail = "func f() { g() }\n" * 10 + ("func f() {\n" + "    g()\n" * 30 + "}\n") * 3
        self.assert_finds("90th percentile of functions has 32", long_tail)

    def test_the_command_fails_when_it_finds_something(self):
        with tempfile.TemporaryDirectory() as root:
            subprocess.run(["git", "init", "-q", root], check=True)
            path = os.path.join(root, "a.swift")
            for text, status in (("let a = 1\n", 1), (HEADER + "let a = 1\n", 0)):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
                done = subprocess.run(
                    [os.path.join(ROOT, "scripts", "style"), "--root", root, "--report"],
                    stdout=subprocess.PIPE, text=True, check=False,
                )  # fmt: skip
                self.assertEqual(done.returncode, status, done.stdout)


class Reading(unittest.TestCase):
    def functions(self, text):
        return [(each.name, each.length) for each in SwiftSource(text).functions()]

    def test_every_kind_of_function_is_measured(self):
        self.assertEqual(self.functions("func f() { g() }"), [("f", 1)])
        self.assertEqual(self.functions("func f<T>(\n    a: T\n) throws(E) -> [T]\nwhere T: P {\n    a\n}"), [("f", 3)])
        self.assertEqual(self.functions("init?(a: Int = { 1 }()) {\n}"), [("init", 2)])
        self.assertEqual(self.functions("deinit {\n    a()\n}"), [("deinit", 3)])
        self.assertEqual(self.functions("subscript(i: Int) -> Int {\n    get { 1 }\n}"), [("subscript", 3)])
        self.assertEqual(self.functions("var a: [Int: Int] {\n    [:]\n}"), [("a", 3)])
        self.assertEqual(self.functions("static func < (a: A, b: A) -> Bool { true }"), [("<", 1)])
        self.assertEqual(self.functions('@Test func `it says "no" {`() {\n}'), [('`it says "no" {`', 2)])

    def test_what_has_no_body_is_not_a_function(self):
        self.assertEqual(self.functions("protocol P {\n    func f(a: Int) throws\n    init()\n}"), [])
        self.assertEqual(self.functions("let a: A = .init(b: 1)\nif a { self.init(c) }"), [])
        self.assertEqual(self.functions("var a: Int = 1\nvar b = 2"), [])

    def test_braces_in_strings_and_comments_do_not_count(self):
        for quirk in (
            '"}"', '#"\\("}"#', '"""\n}\n"""', "/* } /* } */ } */ 1", '"\\(f("}", { "}" }))"', "1  // }", '"\\"}"',
        ):  # fmt: skip
            text = f"func f() {{\n    let a = {quirk}\n    g()\n}}\nfunc h() {{}}"
            names = [name for name, _ in self.functions(text)]
            self.assertEqual(names, ["f", "h"], quirk)
            self.assertEqual(self.functions(text)[0][1], text.count("\n"), quirk)


if __name__ == "__main__":
    unittest.main()
