"""Texts in the manner of JSONTestSuite: some JSON must accept, some refuse, some may be either."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

MUST_ACCEPT = [
    # literals, white space
    b"null", b"true", b"false", b" \t\r null \t\r ",
    # numbers: every part of the grammar, present and absent
    *(b"".join(parts) for parts in product(
        (b"", b"-"), (b"0", b"7", b"120"), (b"", b".0", b".05"), (b"", b"e0", b"E+10", b"e-3"))),
    # strings: each escape, UTF-8 of each length, what needs no escape
    *(b'"\\' + letter + b'"' for letter in (b'"', b"\\", b"/", b"b", b"f", b"n", b"r", b"t")),
    b'""', b'"\\u0041"', b'"\\u0000"', b'"\\uaBcD"', b'"\\uD834\\uDd1e"', b'"\\\\u0041"', b'"\x7f"',
    *(b'"' + one.encode() + b'"' for one in "aé₹𝄞\u2028\ufeff\uffff\U0010ffff"),
    # arrays and objects
    b"[]", b"[ ]", b"[1]", b"[1,[2,[3]],{}]", b"[[],[],[[]]]", b'["a",null,1e1,{"b":[]}]',
    b"{}", b"{ }", b'{"":0}', b'{"a":1,"a":2}', b'{"a":{"b":{"c":[]}}}', b'{"\\u0061":1,"b":null}',
    b'{ "a" : 1 , "b" : [ 2 , 3 ] }', b"[" * 100 + b"]" * 100,
]  # fmt: skip
MUST_REFUSE = [
    # literals, white space
    b"", b" ", b"nul", b"nulll", b"True", b"TRUE", b"undefined", b"nan", b"NaN", b"-NaN",
    b"Infinity", b"-Infinity", b"\x0cnull", b"\x0bnull", b"\xc2\xa0null", b"\xe2\x80\xa8null",
    b"\x00", b"null\x00", b"//1", b"1//", b"/**/1", b"1/**/", b"#1",
    # numbers
    b"+1", b"-", b"--1", b"- 1", b"01", b"-01", b"00", b"1.", b"-1.", b".5", b"-.5", b"1..2",
    b"1.2.3", b"1e", b"1E+", b"1e-", b"1e+-1", b"e1", b"1.e1", b"1.5e", b"1 2", b"0x1", b"0b1",
    b"1_000", b"1a", b"1e1.5", b"\xef\xbc\x91", b"1,", b"1]", b"1}",
    # strings
    b'"', b'"a', b'a"', b"'a'", b"a", b'"\\"', b'"\\', b'"\\x41"', b'"\\a"', b'"\\u12"', b'"\\u"',
    b'"\\u00g0"', b'"\\U00000041"', b'"\\ud834\\u"', b'"a" "b"', b'"\\\xc3\xa9"',
    *(b'"' + bytes([control]) + b'"' for control in range(0x20) if control != 0x0A),
    # arrays
    b"[", b"]", b"[1", b"[1,", b"[,", b"[,1]", b"[1,]", b"[1,,2]", b"[1 2]", b"[1:2]", b"[1}",
    b"[1]]", b"[]]", b"[[]", b"[}", b"[*]", b"[...]", b'["a"',
    # objects
    b"{", b"}", b'{"a"', b'{"a"}', b'{"a":', b'{"a":}', b'{"a":1', b'{"a":1,', b'{"a":1,}',
    b'{"a":1,,"b":2}', b"{,}", b"{a:1}", b"{'a':1}", b"{1:1}", b"{null:1}", b'{"a" 1}', b'{"a"::1}',
    b'{"a":1 "b":2}', b'{"a":1]', b'{"a":1}}', b'{"a":1}{', b'{"a","b"}', b'{"a"=1}', b"{[]:1}",
    b'{"a":1}#', b'{"a":1}/**/', b'{"a":1};',
    # bytes that are no UTF-8: alone, cut short, overlong, surrogates, past the last code point
    *(b'"' + bad + b'"' for bad in (
        b"\x80", b"\xbf", b"\xc3", b"\xe2\x82", b"\xf0\x9d\x84", b"\xc0\xaf", b"\xc1\xbf",
        b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80", b"\xfe", b"\xff", b"a\xffb")),
    b"\xff", b"[\xff]", b'{"\xff":1}', b'{"a":\xff}', b"\xff\xfe1\x00", b"\xfe\xff\x001",
    # nested without an end
    b"[" * 100_000, b'{"a":' * 100_000, b"[{" * 50_000, b'[{"a":' * 50_000, b"[" * 100_000 + b"}",
]  # fmt: skip
OPEN = [
    # section 9: a parser may limit depth, range and length
    b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    b"1e400", b"-1e400", b"1e-400", b"123123e100000", b"-1e-99999999999", b"9" * 4_000,
    b"0." + b"1" * 4_000, b"18446744073709551616", b"-9223372036854775809",
    b'"' + b"a" * 500_000 + b'"',
    # section 8.2: halves of surrogate pairs, escaped
    b'"\\ud800"', b'"\\udc00"', b'"\\udc00\\ud800"', b'"\\ud800\\ud800"', b'"\\ud800a"',
    b'"\\uD834\\n"',
    # section 8.1: a byte order mark
    b"\xef\xbb\xbf1",
]  # fmt: skip

SEEDS = [
    b'{"a":[1,-0.5e+3,true,null],"b":"x\\n\\u00e9\xe2\x82\xb9"}',
    b'[{"k":{"l":[]}},"\\\\",[false,[0]]]',
]
PUT_IN = [bytes([one]) for one in b'\0\t "\\/[]{}:,.+-0e1nut\x7f\x80\xc3\xff']


def mutations() -> Iterator[bytes]:
    """Yield each seed cut off, and with one byte left out, put in or changed, at every place."""
    for seed in SEEDS:
        for place in range(len(seed) + 1):
            yield seed[:place]
            yield seed[:place] + seed[place + 1 :]
            for byte in PUT_IN:
                yield seed[:place] + byte + seed[place:]
                yield seed[:place] + byte + seed[place + 1 :]
