//! Chunks and their extensions (RFC 9112 section 7.1).

use super::super::replay::{Kind, Outcome, replay};
use super::Malformed::{
    BareCr, BareLf, ChunkEnd, ChunkExtension, ChunkLineTooLong, ChunkOverhead, ChunkSize, ControlByte,
};
use super::{Case, MORE, body, check_chunked, refused};

const SIZES: &[Case] = &[
    ("no chunk", "9112 7.1", b"0\r\n\r\n", body(b"")),
    ("two chunks", "9112 7.1", b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", body(b"abcde")),
    ("what follows stays", "9112 7.1", b"1\r\na\r\n0\r\n\r\nGET /", body(b"a").then(b"GET /")),
    (
        "digits of both cases",
        "9112 7.1",
        b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
        body(b"01234567890123456789"),
    ),
    ("leading zeros", "9112 7.1", b"0000000000000001\r\na\r\n000\r\n\r\n", body(b"a")),
    ("line ends in the data", "9112 7.1", b"6\r\n\r\n0\r\n\r\r\n0\r\n\r\n", body(b"\r\n0\r\n\r")),
    ("more digits than a size needs", "9112 7.1", b"00000000000000001\r\na\r\n", refused(ChunkSize)),
    ("the largest size", "9112 7.1", b"ffffffffffffffff\r\na", MORE),
    ("one more", "9112 7.1", b"10000000000000000\r\na", refused(ChunkSize)),
    ("no size", "9112 7.1", b"\r\n", refused(ChunkSize)),
    ("a size that is no number", "9112 7.1", b"g\r\n", refused(ChunkSize)),
    ("a prefix", "9112 7.1", b"0x1\r\na\r\n", refused(ChunkSize)),
    ("a sign", "9112 7.1", b"+1\r\na\r\n", refused(ChunkSize)),
    ("a negative size", "9112 7.1", b"-1\r\na\r\n", refused(ChunkSize)),
    ("a separator", "9112 7.1", b"1_0\r\na\r\n", refused(ChunkSize)),
    ("a fraction", "9112 7.1", b"1.0\r\na\r\n", refused(ChunkSize)),
    ("a comma", "9112 7.1", b"1,\r\na\r\n", refused(ChunkSize)),
    ("a space first", "9112 7.1", b" 1\r\na\r\n", refused(ChunkSize)),
    ("a space last", "9112 7.1", b"1 \r\na\r\n", refused(ChunkSize)),
    ("a tab last", "9112 7.1", b"1\t\r\na\r\n", refused(ChunkSize)),
    ("two sizes", "9112 7.1", b"1 1\r\na\r\n", refused(ChunkSize)),
    ("a NUL", "9112 7.1", b"1\0", refused(ControlByte)),
    ("a line that ends with LF", "9112 2.2", b"1\na\r\n0\r\n\r\n", refused(BareLf)),
    ("a line that ends with CR", "9112 2.2", b"1\ra\r\n0\r\n\r\n", refused(BareCr)),
    ("a line that ends with CR CR LF", "9112 2.2", b"1\r\r\na\r\n0\r\n\r\n", refused(BareCr)),
];

const ENDS: &[Case] = &[
    ("data that ends with LF", "9112 7.1", b"1\r\na\n0\r\n\r\n", refused(ChunkEnd)),
    ("data that ends with CR", "9112 7.1", b"1\r\na\r0\r\n\r\n", refused(ChunkEnd)),
    ("data that ends with nothing", "9112 7.1", b"1\r\na0\r\n\r\n", refused(ChunkEnd)),
    ("more data than the size says", "9112 7.1", b"1\r\nab\r\n0\r\n\r\n", refused(ChunkEnd)),
    ("less data than the size says", "9112 7.1", b"3\r\na\r\n0\r\n\r\n", refused(ChunkEnd)),
    ("data that ends with two bytes", "9112 7.1", b"1\r\naXX0\r\n\r\n", refused(ChunkEnd)),
    ("nothing came", "9112 7.1", b"", MORE),
    ("a size without its line end", "9112 7.1", b"1", MORE),
    ("a size without its LF", "9112 7.1", b"1\r", MORE),
    ("no data", "9112 7.1", b"1\r\n", MORE),
    ("no CRLF after the data", "9112 7.1", b"1\r\na", MORE),
    ("no LF after the data", "9112 7.1", b"1\r\na\r", MORE),
    ("no last chunk", "9112 7.1", b"1\r\na\r\n", MORE),
    ("no end after the last chunk", "9112 7.1", b"0\r\n", MORE),
    ("no LF at the end", "9112 7.1", b"0\r\n\r", MORE),
];

const EXTENSIONS: &[Case] = &[
    ("a name", "9112 7.1.1", b"1;a\r\nx\r\n0;b\r\n\r\n", body(b"x")),
    ("a name and a value", "9112 7.1.1", b"1;a=b\r\nx\r\n0\r\n\r\n", body(b"x")),
    ("a quoted value", "9112 7.1.1", b"1;a=\"b; \\\" c\"\r\nx\r\n0\r\n\r\n", body(b"x")),
    ("an empty quoted value", "9112 7.1.1", b"1;a=\"\"\r\nx\r\n0\r\n\r\n", body(b"x")),
    ("obs-text in quotes", "9110 5.6.4", b"1;a=\"\xc3\xa9\\\xff\"\r\nx\r\n0\r\n\r\n", body(b"x")),
    ("several", "9112 7.1.1", b"1;a;b=c;d=\"e\"\r\nx\r\n0\r\n\r\n", body(b"x")),
    ("whitespace where the grammar has it", "9112 7.1.1", b"1 \t; a = b ;\tc\r\nx\r\n0\r\n\r\n", body(b"x")),
    ("whitespace last", "9112 7.1.1", b"1;a \r\nx\r\n0\r\n\r\n", refused(ChunkExtension)),
    ("no name", "9112 7.1.1", b"1;\r\nx\r\n0\r\n\r\n", refused(ChunkExtension)),
    ("no name between semicolons", "9112 7.1.1", b"1;;a\r\nx\r\n0\r\n\r\n", refused(ChunkExtension)),
    ("no value", "9112 7.1.1", b"1;a=\r\nx\r\n0\r\n\r\n", refused(ChunkExtension)),
    ("a value without a name", "9112 7.1.1", b"1;=a\r\nx\r\n0\r\n\r\n", refused(ChunkExtension)),
    ("two values", "9112 7.1.1", b"1;a=b=c\r\nx\r\n0\r\n\r\n", refused(ChunkExtension)),
    ("a name that is no token", "9112 7.1.1", b"1;(a)\r\nx\r\n0\r\n\r\n", refused(ChunkExtension)),
    ("obs-text in a name", "9112 7.1.1", b"1;\xc3\xa9\r\nx\r\n0\r\n\r\n", refused(ChunkExtension)),
    ("a quote that does not close", "9112 7.1.1", b"1;a=\"b\r\nx\r\n0\r\n\r\n", refused(ChunkExtension)),
    ("a quote that an escape keeps open", "9110 5.6.4", b"1;a=\"b\\\"\r\nx\r\n0\r\n\r\n", refused(ChunkExtension)),
    ("an escape last", "9110 5.6.4", b"1;a=\"b\\\r\nx\r\n0\r\n\r\n", refused(ChunkExtension)),
    ("a line end in quotes ends the line", "9112 7.1.1", b"1;a=\"\r\n\"\r\n", refused(ChunkExtension)),
    ("something after a quoted value", "9112 7.1.1", b"1;a=\"b\"c\r\nx\r\n0\r\n\r\n", refused(ChunkExtension)),
    ("a LF in an extension", "9112 7.1.1", b"1;a\nb\r\nx\r\n0\r\n\r\n", refused(BareLf)),
    ("a CR in an extension", "9112 7.1.1", b"1;a\rb\r\nx\r\n0\r\n\r\n", refused(BareCr)),
    ("a LF in quotes", "9112 7.1.1", b"1;a=\"\n\"\r\nx\r\n0\r\n\r\n", refused(BareLf)),
    ("a NUL in quotes", "9112 7.1.1", b"1;a=\"\0\"\r\nx\r\n0\r\n\r\n", refused(ControlByte)),
];

#[test]
fn sizes() {
    check_chunked(SIZES);
}

#[test]
fn ends() {
    check_chunked(ENDS);
}

#[test]
fn extensions() {
    check_chunked(EXTENSIONS);
}

/// A chunk-size line of exactly so many bytes, for a chunk of one byte.
fn line_of_length(length: usize) -> Vec<u8> {
    [b"1;", &vec![b'a'; length - 4][..], b"\r\n"].concat()
}

fn replay_chunked(wire: &[u8]) -> Outcome {
    let whole = replay(&Kind::Chunked, [wire]);
    assert_eq!(whole, replay(&Kind::Chunked, wire.chunks(1)));
    whole
}

#[test]
fn a_chunk_size_line_may_be_as_long_as_the_limit() {
    assert_eq!(replay_chunked(&line_of_length(4096)), Outcome::Incomplete);
    assert_eq!(replay_chunked(&line_of_length(4097)), Outcome::Refused(ChunkLineTooLong));
    assert_eq!(replay_chunked(&line_of_length(4097)[..4096]), Outcome::Refused(ChunkLineTooLong));
}

#[test]
fn tiny_chunks_with_long_extensions_are_refused_after_a_while() {
    let chunk = [line_of_length(4096), b"x\r\n".to_vec()].concat();
    assert_eq!(replay_chunked(&chunk.repeat(4)), Outcome::Incomplete);
    assert_eq!(replay_chunked(&chunk.repeat(5)), Outcome::Refused(ChunkOverhead));
}

#[test]
fn tiny_chunks_without_extensions_are_no_fault() {
    assert_eq!(replay_chunked(&b"1\r\nx\r\n".repeat(10_000)), Outcome::Incomplete);
}

#[test]
fn long_extensions_beside_much_data_are_no_fault() {
    let chunk = [b"800;".to_vec(), vec![b'a'; 4090], b"\r\n".to_vec(), vec![b'x'; 0x800], b"\r\n".to_vec()].concat();
    assert_eq!(replay_chunked(&chunk.repeat(20)), Outcome::Incomplete);
}
