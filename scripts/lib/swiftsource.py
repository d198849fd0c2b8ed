# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""A Swift file as the style test sees it: code without comments and strings, comments by line, functions."""
import dataclasses
import re

FUNCTION = re.compile(
    r"(?<![.\w`])(?:(?P<keyword>func|init|deinit|subscript)(?![\w`])|var\s+(?P<variable>\w+)\s*:[^={}\n]*(?=\{))"
)

NAME = re.compile(r"\s*(`[^`]*`|\w+|[^\s\w(]+)")
QUOTED_NAME = re.compile(r"`[^`\n]*`")
STRING = re.compile(r'(#*)("""|")')


@dataclasses.dataclass
class Function:
    """A function, initialiser, subscript or computed property; `length` counts the lines of its braces."""

    name: str
    line: int
    length: int


class SwiftSource:
    """Masks comments and string literals of a Swift file, so that braces and words can be trusted."""

    def __init__(self, text):
        self.text = text
        self.comments = {}
        self._masked = list(text)
        self._position = 0
        self._scan(closing=None)
        self.code = "".join(self._masked)
        self.lines = text.split("\n")
        self.code_lines = self.code.split("\n")

    # ------------------------------------------------------------------ masking

    def _scan(self, closing):
        """Reads code until the parenthesis that closes an interpolation, or the end."""
        text, depth = self.text, 0
        while self._position < len(text):
            at = self._position
            if text.startswith("//", at):
                self._comment(self._find("\n", at))
            elif text.startswith("/*", at):
                self._comment(self._end_of_block(at))
            elif match := STRING.match(text, at):
                self._string(match)
            elif match := QUOTED_NAME.match(text, at):
                self._mask(match.end())
            else:
                depth += {"(": 1, ")": -1}.get(text[at], 0) if closing else 0
                self._position += 1
                if closing and depth == 0:
                    return

    def _find(self, what, start):
        found = self.text.find(what, start)
        return len(self.text) if found < 0 else found

    def _end_of_block(self, at):
        depth = 0
        for match in re.compile(r"/\*|\*/").finditer(self.text, at):
            depth += 1 if match.group() == "/*" else -1
            if depth == 0:
                return match.end()
        return len(self.text)

    def _comment(self, end):
        line = self.text.count("\n", 0, self._position) + 1
        for offset, words in enumerate(self.text[self._position : end].split("\n")):
            self.comments[line + offset] = self.comments.get(line + offset, "") + words
        self._mask(end)

    def _mask(self, end):
        for at in range(self._position, end):
            if self._masked[at] != "\n":
                self._masked[at] = " "
        self._position = end

    def _string(self, opening):
        hashes, quotes = opening.groups()
        self._mask(opening.end())
        while self._position < len(self.text):
            at = self._position
            if self.text.startswith(quotes + hashes, at):
                self._mask(at + len(quotes + hashes))
                return
            if self.text.startswith("\\" + hashes + "(", at):
                self._mask(at + 1 + len(hashes))
                self._scan(closing=")")
            elif self.text.startswith("\\" + hashes, at):
                self._mask(at + 2 + len(hashes))
            elif quotes == '"' and self.text[at] == "\n":
                return
            else:
                self._mask(at + 1)

    # ---------------------------------------------------------------- functions

    def functions(self):
        """Every declaration with a body, in order."""
        found = []
        for match in FUNCTION.finditer(self.code):
            opening = self._body(match)
            if opening is None:
                continue
            ending = self._matching(opening)
            first, last = (self.code.count("\n", 0, at) + 1 for at in (opening, ending))
            line = self.code.count("\n", 0, match.start()) + 1
            found.append(Function(self._name(match), line, last - first + 1))
        return found

    def _name(self, match):
        if match["variable"]:
            return match["variable"]
        if match["keyword"] != "func":
            return match["keyword"]
        return NAME.match(self.text, match.end())[1]

    def _body(self, match):
        """Where the body opens; None for a requirement, a call of `.init`, or an `init` without body."""
        if match["variable"]:
            return self.code.index("{", match.start())
        at, depth = match.end(), 0
        if match["keyword"] == "func":
            at = NAME.match(self.text, at).end()
        if match["keyword"] == "deinit":
            return self.code.find("{", at)
        while at < len(self.code):
            character = self.code[at]
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(character, 0)
            if depth < 0 or (depth == 0 and character == "}"):
                return None
            if depth == 0 and character == "{":
                return at
            if depth == 0 and character == "\n" and not self._goes_on(at):
                return None
            at += 1
        return None

    def _goes_on(self, newline):
        """Whether a signature continues on the next line."""
        following = self.code[newline:].lstrip()[:8]
        before = self.code[:newline].rstrip()[-1:]
        return before in (",", "&", ">", ":") and following[:1] not in ("}", "") \
            or following.startswith(("->", "where", "throws", "async", "{", ")"))

    def _matching(self, opening):
        depth = 0
        for match in re.compile(r"[{}]").finditer(self.code, opening):
            depth += 1 if match.group() == "{" else -1
            if depth == 0:
                return match.end()
        return len(self.code)
