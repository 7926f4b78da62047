"""The CloudFront Function keeps to what its runtime has; each construct that it lacks is found."""

from pathlib import Path

import pytest

import moorage.edge

from .javascript_subset import Lacking, lacking

CODE = (Path(moorage.edge.__file__).parent / "viewer_request.js").read_text()


def test_the_function_uses_nothing_that_its_runtime_lacks():
    assert lacking(CODE) == []


@pytest.mark.parametrize(
    "code",
    [
        "var a = 1, b = a ** 2; let c; const d = 1_000;",
        "var o = { a: 1, 'b': 2, 3: 4, get e() { return this.a; } }; delete o.a;",
        "var t = `a ${1 + 1} ${`b`}`;",
        "const add = (a, b) => a + b; add(1, 2);",
        "function rest(...all) { return all.length + arguments.length; }",
        "async function one() { return 1; } async function handler() { const a = await one(); return a; }",
        "for (var i = 0; i < 3; i++) { if (i) { continue; } else { break; } }",
        "for (const key in { a: 1 }) { console.log(key); }",
        "outer: do { switch (1) { case 1: break outer; default: } } while (false);",
        "try { throw new TypeError('a'); } catch (error) { console.log(error.message); } finally { }",
        "/(?<name>a)/gimy.exec('a'); 'a'.replaceAll('a', 'b').padStart(3); [1].includes(1);",
        "import qs from 'querystring'; qs.parse('a=b'); Object.entries({}); Array.of(1);",
        "import crypto from 'crypto'; crypto.createHmac('sha256', 'a').update('b').digest('base64url');",
        "var f = function g() { return typeof g === 'function' ? 0x1f : .5e3; }; f.call(null);",
    ],
)
def test_what_the_runtime_has_is_let_through(code: str):
    assert lacking(code) == []


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("class A {}", "class_declaration"),
        ("var A = class {};", "class"),
        ("var a = null; a?.b;", "optional_chain"),
        ("var a = null; a ?? 1;", "??"),
        ("var a = 1; a ||= 2;", "||="),
        ("var a = 1; a **= 2;", "**="),
        ("for (const a of []) {}", "for-of"),
        ("const { a } = {};", "object_pattern"),
        ("const [a] = [];", "array_pattern"),
        ("function f(a = 1) {}", "assignment_pattern"),
        ("var a = [...[]];", "spread_element"),
        ("Math.max(...[1]);", "spread_element"),
        ("var a = 1, b = { a };", "shorthand_property_identifier"),
        ("var a = { f() {} };", "method_definition"),
        ("var a = { ['b']: 1 };", "computed_property_name"),
        ("function tag() {} tag`a`;", "tagged template"),
        ("function* f() { yield 1; }", "generator_function_declaration"),
        ("function* f() { yield 1; }", "yield_expression"),
        ("function f() { return new.target; }", "meta_property"),
        ("try { } catch { }", "catch without a name"),
        ("var a = 10n;", "number 10n"),
        ("var a = 0b1;", "number 0b1"),
        ("var a = '\\u{61}';", "escape \\u{61}"),
        ("/a/u.test('a');", "flags u"),
        ("/a/s.test('a');", "flags s"),
        ("function f(a, ) {}", "comma after the last argument"),
        ("isNaN(1,);", "comma after the last argument"),
        ("export default 1;", "export_statement"),
        ("import { createHmac } from 'crypto';", "named_imports"),
        ("import * as crypto from 'crypto';", "namespace_import"),
        ("import('crypto');", "import"),
        ("import fs from 'fs';", "module fs"),
        ("with ({}) {}", "with_statement"),
        ("debugger;", "debugger_statement"),
        ("var = 1;", "no JavaScript"),
        ("async function one() {} await one();", "await outside of an async function"),
        ("async function one() {} function f() { await one(); }", "await outside of an async function"),
        ("async function one() {} async function two() { isNaN(await one()); }", "await in arguments"),
        ("async function one() {} async function two() { isNaN(1 || (await one())); }", "await in arguments"),
        ("async function one() {} async function two() { return `${await one()}`; }", "await in template_substitution"),
        ("[].map(async (a) => a);", "async closure"),
        ("var f = async function () {};", "async closure"),
        ("function f() { async function g() {} }", "async closure"),
        ("eval('1');", "eval"),
        ("new Function('return 1');", "Function"),
        ("(function () {}).constructor('return 1');", ".constructor"),
        ("var f = isNaN; f['constructor']('return 1')();", "call of subscript_expression"),
        ("setTimeout(isNaN, 1);", "setTimeout"),
        ("setImmediate(isNaN);", "setImmediate"),
        ("fetch('https://example.com');", "fetch"),
        ("new XMLHttpRequest();", "XMLHttpRequest"),
        ("process.exit();", "process"),
        ("new Map();", "Map"),
        ("new Set();", "Set"),
        ("new URL('https://example.com');", "URL"),
        ("structuredClone({});", "structuredClone"),
        ("undeclared = 1;", "undeclared"),
        ("Object.fromEntries([]);", "Object.fromEntries"),
        ("Array.from([]);", "Array.from"),
        ("console.error('a');", "console.error"),
        ("console.log('a', 'b');", "console.log of more than one argument"),
        ("[1].flatMap(isNaN);", ".flatMap"),
        ("[1].at(0);", ".at"),
        ("'a'.charCodeAt(0);", ".charCodeAt"),
        ("'a'.matchAll(/a/g);", ".matchAll"),
        ("import crypto from 'crypto'; crypto.randomUUID();", "crypto.randomUUID"),
        ("import cf from 'cloudfront'; cf.fetch();", "cloudfront.fetch"),
    ],
)
def test_what_the_runtime_lacks_is_found(code: str, what: str):
    assert what in [found.what for found in lacking(code)]


def test_it_says_on_which_line():
    assert lacking("var a = 1;\nvar b = a ?? 2;") == [Lacking(2, "??")]
