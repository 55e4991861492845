"""Sizes of files, functions, structs and lines, by a small reader of clang-formatted C."""

import re

from common import files_under, text_of, word_file

FILE_LINES = {".c": 800, ".h": 300}
PUBLIC_HEADER_LINES = 600
FUNCTION_LINES, FUNCTION_PARAMETERS, FUNCTION_NESTING = 70, 6, 4
STRUCT_FIELDS = 30
LINE_COLUMNS = 100
NOTE = re.compile(r"/\* long: \S.*")

BLANKED = re.compile(
    r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.M)
TOKEN = re.compile(r"[A-Za-z_]\w*|[{}()\[\];:?]|[^\s\w]|\d\w*")
LOOPS = {"if", "for", "while", "switch"}


def blank(match):
    return "".join(c if c == "\n" else " " for c in match.group())


def without_comments(text):
    """The text with comments and strings blanked, line for line."""
    return BLANKED.sub(blank, text)


def code_of(text):
    """The text with comments, strings and directives blanked, line for line."""
    return DIRECTIVE.sub(blank, without_comments(text))


class Reader:
    """Walks the statements of one function body to find how deep control flow nests."""

    def __init__(self, body):
        self.tokens = TOKEN.findall(body)
        self.at = 0
        self.deepest = 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self):
        token = self.peek()
        self.at += 1
        return token

    def group(self):
        """Skips a balanced (...), [...] or {...} that begins here."""
        depth = 0
        while self.peek() is not None:
            token = self.take()
            depth += token in "([{"
            depth -= token in ")]}"
            if depth == 0:
                return

    def expression(self):
        """Skips to behind the next ';' of this level, or to a '}' that closes the block."""
        while self.peek() not in (None, "}"):
            if self.peek() in "([{":
                self.group()
            elif self.take() == ";":
                return

    def label(self):
        """Skips `case x:`, `default:` and `name:`; true if there was one."""
        if self.peek() == "case":
            question = 0
            while self.peek() is not None:
                token = self.take()
                question += token == "?"
                if token == ":":
                    if question == 0:
                        return True
                    question -= 1
        following = self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else None
        if re.fullmatch(r"[A-Za-z_]\w*", self.peek() or "") and following == ":":
            self.at += 2
            return True
        return False

    def controlled(self, depth):
        self.deepest = max(self.deepest, depth + 1)
        self.statement(depth + 1, block_counts=False)

    def is_macro_loop(self):
        """An upper-case macro with arguments and a block behind them, as GW_LIST_FOREACH(...) {."""
        if not re.fullmatch(r"[A-Z][A-Z0-9_]+", self.peek() or ""):
            return False
        start = self.at
        self.take()
        if self.peek() == "(":
            self.group()
        found = self.peek() == "{"
        self.at = start
        return found

    def statement(self, depth, block_counts=True):
        while self.label():
            pass
        token = self.peek()
        if token is None:
            return
        if token == "{":
            self.block(depth + 1 if block_counts else depth)
        elif token in LOOPS or self.is_macro_loop():
            self.take()
            if self.peek() == "(":
                self.group()
            self.controlled(depth)
            while self.peek() == "else":
                self.take()
                if self.peek() == "if":
                    self.take()
                    self.group()
                self.controlled(depth)
        elif token == "do":
            self.take()
            self.controlled(depth)
            self.expression()
        else:
            self.expression()

    def block(self, depth):
        self.take()
        while self.peek() not in (None, "}"):
            before = self.at
            self.statement(depth)
            if self.at == before:
                self.take()
        self.take()


def parameters(signature):
    """How many parameters the last (...) group of a signature holds."""
    inner = signature[signature.index("(") + 1: signature.rindex(")")].strip()
    if inner in ("", "void"):
        return 0
    depth, count = 0, 1
    for c in inner:
        depth += c in "(["
        depth -= c in ")]"
        count += c == "," and depth == 0
    return count


def functions(code):
    """(name, first line, last line, signature, body) of each function; lines count from 1."""
    lines = code.split("\n")
    for number, line in enumerate(lines):
        if line != "{" and not re.match(r"^[a-z].*\) \{.*$", line):
            continue
        first = number if line != "{" else number - 1
        while first > 0 and lines[first - 1].strip() and not re.search(r"[;}:]\s*$", lines[first - 1]):
            first -= 1
        signature = "\n".join(lines[first: number + (line != "{")]).split("{")[0]
        name = re.search(r"(\w+)\s*\(", signature)
        if not name or "(" not in signature or ")" not in signature:
            continue
        last = number
        if not line.rstrip().endswith("}"):
            while last < len(lines) - 1 and not lines[last].startswith("}"):
                last += 1
        body = "\n".join(lines[number: last + 1])
        yield name.group(1), first + 1, last + 1, signature, body[body.index("{"):]


def table_lines(body):
    """Lines of the constant tables in a function: data, and what tests are asked to be made of."""
    tables = re.finditer(r"^    static const\b[^\n]*\{\n.*?^    \};", body, re.S | re.M)
    return sum(match.group().count("\n") + 1 for match in tables)


def structs(code):
    """(name, first line, fields) of each struct with a body."""
    for match in re.finditer(r"\b(?:struct|union)\b([^;{}()=]*)\{", code):
        depth, fields, at = 1, 0, match.end()
        inside = 0
        while at < len(code) and depth:
            c = code[at]
            depth += c == "{"
            depth -= c == "}"
            inside += c in "(["
            inside -= c in ")]"
            fields += depth == 1 and inside == 0 and c in ";,"
            at += 1
        name = match.group(1).split()
        yield (name[-1] if name else "without a name"), line_of_start(code, match.start()), fields


def line_of_start(code, offset):
    return code.count("\n", 0, offset) + 1


class File:
    """One file, its findings and how many `long:` notes it holds."""

    def __init__(self, path):
        self.path = path
        self.text = text_of(path)
        self.lines = self.text.split("\n")
        self.notes = sum(1 for line in self.lines if NOTE.search(line))
        self.findings = []

    def noted(self, line):
        """Is there a note on the line above (or, for line 1, on line 1 itself)?"""
        return bool(NOTE.search(self.lines[max(line - 2, 0)]))

    def fault(self, line, what, exempt=True):
        if not (exempt and self.noted(line)):
            self.findings.append(f"{self.path}:{line}: {what}")

    def judge_file(self):
        limit = FILE_LINES[self.path.suffix]
        if self.path.parts[0] == "include":
            limit = PUBLIC_HEADER_LINES
        count = len(self.lines) - 1
        if count > limit and not any(NOTE.search(line) for line in self.lines[:1]):
            self.fault(1, f"{count} lines, allowed are {limit}", exempt=False)
        for number, line in enumerate(self.lines, 1):
            if len(line) > LINE_COLUMNS:
                self.fault(number, f"{len(line)} columns, allowed are {LINE_COLUMNS}")

    def judge_parts(self):
        code = code_of(self.text)
        for name, first, last, signature, body in functions(code):
            lines = last - first + 1 - table_lines(body)
            if lines > FUNCTION_LINES:
                self.fault(first, f"{name} has {lines} lines, allowed are {FUNCTION_LINES}")
            count = parameters(signature)
            if count > FUNCTION_PARAMETERS:
                self.fault(first, f"{name} has {count} parameters, allowed are {FUNCTION_PARAMETERS}")
            reader = Reader(body)
            reader.block(0)
            if reader.deepest > FUNCTION_NESTING:
                self.fault(first, f"{name} nests {reader.deepest} deep, allowed are {FUNCTION_NESTING}")
        for name, first, fields in structs(code):
            if fields > STRUCT_FIELDS:
                self.fault(first, f"struct {name} has {fields} fields, allowed are {STRUCT_FIELDS}")


def check():
    paths = files_under("src", "include", "test", "bench")
    findings, notes, count = [], 0, 0
    for path in paths:
        file = File(path)
        file.judge_file()
        file.judge_parts()
        findings += file.findings
        notes += file.notes
        count += len(list(functions(code_of(file.text))))
    stored = int(word_file("long-notes")[0][0])
    if notes > stored:
        findings.append(f"{notes} long notes, script/check.d/long-notes allows {stored}: the count may only fall")
    elif notes < stored:
        findings.append(f"{notes} long notes: write {notes} into script/check.d/long-notes (it says {stored})")
    return findings, f"{len(paths)} files, {count} functions, {notes} long notes"
