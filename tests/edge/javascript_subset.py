"""What a script uses that `cloudfront-js-2.0` lacks, found in its syntax tree by what `cloudfront_js_2_0.yaml` has."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tree_sitter_javascript
import yaml
from tree_sitter import Language, Node, Parser

_PARSER = Parser(Language(tree_sitter_javascript.language()))
_FUNCTIONS = ("function_declaration", "function_expression", "arrow_function", "method_definition")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F_]+|[\d_]*\.?[\d_]+(?:[eE][+-]?\d+)?|\d+\.")


def _names(listed: Any) -> frozenset[str]:
    """All names of however deep lists and mappings."""
    if isinstance(listed, str):
        return frozenset((listed,))
    parts: Sequence[Any] = list(listed.values()) if isinstance(listed, dict) else listed
    return frozenset(name for part in parts for name in _names(part))


_RUNTIME = yaml.safe_load(Path(__file__).with_name("cloudfront_js_2_0.yaml").read_text(encoding="utf-8"))
_SYNTAX, _OPERATORS, _METHODS = (_names(_RUNTIME[key]) for key in ("syntax", "operators", "methods"))
_GLOBALS = {name: _names(members) for name, members in _RUNTIME["globals"].items()}
_MODULES = {name: _names(members) for name, members in _RUNTIME["modules"].items()}


@dataclass(frozen=True)
class Lacking:
    """What is used, and on which line, from 1 on."""

    line: int
    what: str


def lacking(code: str) -> list[Lacking]:
    """Empty where the runtime has all of it.

    Names are looked up in the script as a whole, and not by scope; what is called on an object that is not known is
    looked for among all methods of all types.
    """
    tree = _PARSER.parse(code.encode()).root_node
    imported = dict(_imports(tree))
    declared = frozenset(_declared(tree)) | imported.keys()
    return [
        Lacking(node.start_point.row + 1, what)
        for node in _nodes(tree)
        for what in (*_of_syntax(node), *_of_names(node, declared, imported))
    ]


def _of_syntax(node: Node) -> Iterator[str]:
    if node.is_error or node.is_missing:
        yield "no JavaScript"
    elif node.is_named and node.type not in _SYNTAX:
        yield node.type
    elif rule := _RULES.get(node.type):
        yield from rule(node)


def _operator(node: Node) -> Iterator[str]:
    operator = _text(node.child_by_field_name("operator"))
    if operator not in _OPERATORS:
        yield operator


def _function(node: Node) -> Iterator[str]:
    """ "async arguments and closures are not supported": a function that is asynchronous has a name of its own."""
    if _has(node, "async") and (node.type != "function_declaration" or _parent(node).type != "program"):
        yield "async closure"
    if node.type == "method_definition" and not (_has(node, "get") or _has(node, "set")):
        yield "method_definition"


def _await(node: Node) -> Iterator[str]:
    """Inside of asynchronous functions alone, and not in arguments or templates.

    The page says that "async arguments" are not supported. nginx's njs, whose features it lists in the same words, says
    what that is: "await in arguments not supported" (github.com/nginx/njs, 0.8.2, src/njs_parser.c, read 2026-11-26).
    """
    outer = _parent(node)
    while outer.type not in (*_FUNCTIONS, "program"):
        if outer.type in ("arguments", "template_substitution"):
            yield f"await in {outer.type}"
        outer = _parent(outer)
    if not _has(outer, "async"):
        yield "await outside of an async function"


def _call(node: Node) -> Iterator[str]:
    called, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if arguments is not None and arguments.type == "template_string":
        yield "tagged template"
    if called is not None and called.type not in ("identifier", "member_expression", "import"):
        yield f"call of {called.type}"


def _for_in(node: Node) -> Iterator[str]:
    if _text(node.child_by_field_name("operator")) != "in":
        yield "for-of"


def _catch(node: Node) -> Iterator[str]:
    if node.child_by_field_name("parameter") is None:
        yield "catch without a name"


def _last_comma(node: Node) -> Iterator[str]:
    if len(node.children) > 2 and node.children[-2].type == ",":
        yield "comma after the last argument"


def _number(node: Node) -> Iterator[str]:
    if not _NUMBER.fullmatch(_text(node)):
        yield f"number {_text(node)}"


def _flags(node: Node) -> Iterator[str]:
    if not set(_text(node)) <= set(_RUNTIME["regular_expression_flags"]):
        yield f"flags {_text(node)}"


def _escape(node: Node) -> Iterator[str]:
    if _text(node).startswith(r"\u{"):
        yield f"escape {_text(node)}"


def _console(node: Node) -> Iterator[str]:
    called, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if _text(called) == "console.log" and arguments is not None and arguments.named_child_count > 1:
        yield "console.log of more than one argument"


_RULES: dict[str, Callable[[Node], Iterator[str]]] = {
    **dict.fromkeys(("binary_expression", "unary_expression"), _operator),
    **dict.fromkeys(("augmented_assignment_expression", "update_expression"), _operator),
    **dict.fromkeys(_FUNCTIONS, _function),
    **dict.fromkeys(("arguments", "formal_parameters"), _last_comma),
    "await_expression": _await,
    "call_expression": lambda node: iter((*_call(node), *_console(node))),
    "for_in_statement": _for_in,
    "catch_clause": _catch,
    "number": _number,
    "regex_flags": _flags,
    "escape_sequence": _escape,
}


def _of_names(node: Node, declared: frozenset[str], imported: dict[str, str]) -> Iterator[str]:
    if node.type == "import_statement" and (module := _module(node)) not in _MODULES:
        yield f"module {module}"
    if node.type == "identifier" and _text(node) not in declared and _text(node) not in _GLOBALS:
        yield _text(node)
    if node.type == "member_expression":
        of, name = _text(node.child_by_field_name("object")), _text(node.child_by_field_name("property"))
        owner = imported.get(of, "" if of in declared else of)
        members = _MODULES.get(owner, _GLOBALS.get(owner))
        if members is not None and name not in members:
            yield f"{owner}.{name}"
        if members is None and _is_called(node) and name not in _METHODS:
            yield f".{name}"


def _is_called(node: Node) -> bool:
    outer = _parent(node)
    return outer.type == "call_expression" and outer.child_by_field_name("function") == node


def _imports(tree: Node) -> Iterator[tuple[str, str]]:
    for node in _nodes(tree):
        if node.type == "import_statement":
            yield from ((_text(name), _module(node)) for name in _nodes(node) if name.type == "identifier")


def _declared(tree: Node) -> Iterator[str]:
    for node in _nodes(tree):
        if node.type in _FUNCTIONS or node.type == "variable_declarator":
            bound = (node.child_by_field_name(field) for field in ("name", "parameter", "parameters"))
        elif node.type == "catch_clause":
            bound = (node.child_by_field_name("parameter"),)
        elif node.type == "for_in_statement" and node.child_by_field_name("kind"):
            bound = (node.child_by_field_name("left"),)
        else:
            continue
        yield from (_text(name) for one in bound if one for name in _nodes(one) if name.type == "identifier")


def _module(node: Node) -> str:
    return _text(node.child_by_field_name("source")).strip("'\"")


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _nodes(child)


def _has(node: Node, word: str) -> bool:
    return any(child.type == word for child in node.children)


def _parent(node: Node) -> Node:
    assert node.parent is not None
    return node.parent


def _text(node: Node | None) -> str:
    return node.text.decode() if node is not None and node.text is not None else ""
