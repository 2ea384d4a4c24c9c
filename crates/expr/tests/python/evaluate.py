"""Evaluates one expression a line, as CPython does, and answers with one line each.

Whole numbers are held to 64 bits and sizes to those of the language under test: what is larger is
an error here too. Operators are CPython's own; only their results (and two sizes) are looked at.
"""
import ast
import re
import sys

TEXT_BYTES_MAX = 1 << 20
ITEMS_MAX = 100_000


def held(value):
    if type(value) is int and not -(2 ** 63) <= value < 2 ** 63:
        raise OverflowError
    if type(value) is complex:
        raise ValueError
    return value


def multiply(left, right):
    for whole, times in ((left, right), (right, left)):
        if isinstance(times, int) and isinstance(whole, (str, list, tuple)):
            size = len(whole.encode()) if isinstance(whole, str) else len(whole)
            if size * times > (TEXT_BYTES_MAX if isinstance(whole, str) else ITEMS_MAX):
                raise MemoryError
    return held(left * right)


def power(left, right):
    if isinstance(left, int) and isinstance(right, int) and abs(left) > 1 and right > 64:
        raise OverflowError
    return held(left ** right)


FIELD = re.compile(r"%(\((\w+)\))?[#0\- +]*(\*|\d+)?(\.(\*|\d+)?)?([a-zA-Z%])")


def remainder(left, right):
    """Holds floats that become whole numbers on the way into a text to 64 bits."""
    if isinstance(left, str):
        fields = [field for field in FIELD.finditer(left) if field.group(6) != "%"]
        values = right if isinstance(right, tuple) else (right,)
        for index, field in enumerate(fields):
            value = right[field.group(2)] if field.group(2) else values[min(index, len(values) - 1)]
            if field.group(6) in "diu" and isinstance(value, float):
                held(int(value))
    return held(left % right)


def listed_range(*bounds):
    numbers = range(*bounds)
    if len(numbers) > ITEMS_MAX:
        raise MemoryError
    return list(numbers)


def held_sum(items, start=0):
    """Holds what is added up on the way to 64 bits too."""
    sum([], start)
    for item in items:
        start = held(start + item)
    return start


class Watch(ast.NodeTransformer):
    def call(self, name, *arguments):
        return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if isinstance(node.op, ast.Mult):
            return self.call("__multiply", node.left, node.right)
        if isinstance(node.op, ast.Pow):
            return self.call("__power", node.left, node.right)
        if isinstance(node.op, ast.Mod):
            return self.call("__remainder", node.left, node.right)
        return self.call("__held", node)

    def visit_UnaryOp(self, node):
        self.generic_visit(node)
        return self.call("__held", node)

    def visit_Call(self, node):
        self.generic_visit(node)
        return self.call("__held", node)


NAMES = {
    "__builtins__": {},
    "__held": held,
    "__multiply": multiply,
    "__power": power,
    "__remainder": remainder,
    "sum": held_sum,
    "range": listed_range,
    "enumerate": lambda *a, **k: list(enumerate(*a, **k)),
    "zip": lambda *a: list(zip(*a)),
}
for name in "abs min max sorted len list tuple set any all round int float str bool format".split():
    NAMES[name] = getattr(__import__("builtins"), name)


def rank(value):
    """Orders the members of a set: numbers, then texts, then tuples."""
    if value is None:
        return (0,)
    if isinstance(value, (bool, int, float)):
        return (1, value)
    if isinstance(value, str):
        return (2, value)
    return (3, [rank(item) for item in value])


def written(value):
    if isinstance(value, (set, frozenset)):
        items = sorted(value, key=rank)
        return "{" + ", ".join(map(written, items)) + "}" if items else "set()"
    if isinstance(value, (list, type({}.keys()), type({}.values()), type({}.items()))):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, tuple):
        inside = ", ".join(map(written, value))
        return "(" + inside + (",)" if len(value) == 1 else ")")
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(k)}: {written(v)}" for k, v in value.items()) + "}"
    return repr(value)


def answer(line):
    try:
        tree = Watch().visit(ast.parse(line, mode="eval"))
        code = compile(ast.fix_missing_locations(tree), "expression", "eval")
        return written(eval(code, dict(NAMES)))
    except Exception as error:
        return "error " + type(error).__name__


for line in sys.stdin:
    print(answer(line.strip("\n")).replace("\n", "\\n"), flush=False)
