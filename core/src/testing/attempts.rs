//! Ways around a list of models that were tried, and requests that look much like them and must pass. Bytes only: it uses
//! nothing of any crate, so that the dialogues of the core and the tests over sockets read the same table.
//!
//! All are for a provider with [`LIST`], which allows every path.

/// What the provider's entry says.
pub(crate) const LIST: &str = "{model: [gpt-4o, gpt-4.1-*]}";

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    /// What is tried, as a sentence goes on after "someone".
    pub(crate) name: &'static str,
    /// The dialect of the provider.
    pub(crate) dialect: &'static str,
    line: String,
    fields: String,
    /// Everything after the head, chunks included.
    pub(crate) content: Vec<u8>,
    /// The code of the refusal; empty where the request must pass.
    pub(crate) code: &'static str,
}

impl Attempt {
    /// The whole request with that token.
    pub(crate) fn bytes(&self, token: &str) -> Vec<u8> {
        let Self { line, fields, content, .. } = self;
        let mut bytes =
            format!("{line} HTTP/1.1\r\nHost: proxy\r\nAuthorization: Bearer {token}\r\n{fields}\r\n").into_bytes();
        bytes.extend_from_slice(content);
        bytes
    }

    fn dialect(self, dialect: &'static str) -> Self {
        Self { dialect, ..self }
    }
}

const NOT_ALLOWED: &str = "param_not_allowed";
const NOT_INSPECTABLE: &str = "body_not_inspectable";
const PASSES: &str = "";

const CHAT: &str = "POST /v1/chat/completions";
const EDITS: &str = "POST /v1/images/edits";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Field lines and content as they are.
fn raw(name: &'static str, line: &str, fields: &str, content: impl AsRef<[u8]>, code: &'static str) -> Attempt {
    let (line, fields, content) = (line.to_owned(), fields.to_owned(), content.as_ref().to_vec());
    Attempt { name, dialect: "openai", line, fields, content, code }
}

/// Content of that type, and its length.
fn typed(name: &'static str, line: &str, media: &str, content: impl AsRef<[u8]>, code: &'static str) -> Attempt {
    let length = content.as_ref().len();
    raw(name, line, &format!("Content-Type: {media}\r\nContent-Length: {length}\r\n"), content, code)
}

fn json(name: &'static str, content: impl AsRef<[u8]>, code: &'static str) -> Attempt {
    typed(name, CHAT, JSON, content, code)
}

fn form(name: &'static str, content: impl AsRef<[u8]>, code: &'static str) -> Attempt {
    typed(name, CHAT, FORM, content, code)
}

fn multipart(name: &'static str, content: impl AsRef<[u8]>, code: &'static str) -> Attempt {
    typed(name, EDITS, "multipart/form-data; boundary=b", content, code)
}

/// A request without content.
fn bare(name: &'static str, line: &str, code: &'static str) -> Attempt {
    raw(name, line, "", "", code)
}

/// Every way that must not lead to the upstream.
pub(crate) fn attempts() -> Vec<Attempt> {
    [values(), texts(), codings(), chunks(), forms(), parts(), dispositions(), paths(), queries(), endpoints()].concat()
}

/// Members of the top level.
fn values() -> Vec<Attempt> {
    vec![
        json("names another model", r#"{"model":"o3"}"#, NOT_ALLOWED),
        json("names one in another case", r#"{"model":"GPT-4o"}"#, NOT_ALLOWED),
        json("names one that only begins so", r#"{"model":"gpt-4o-mini"}"#, NOT_ALLOWED),
        json("puts a blank before it", r#"{"model":" gpt-4o"}"#, NOT_ALLOWED),
        json("puts a NUL after it", r#"{"model":"gpt-4o\u0000"}"#, NOT_ALLOWED),
        json("says null", r#"{"model":null}"#, NOT_ALLOWED),
        json("says a number", r#"{"model":4}"#, NOT_ALLOWED),
        json("says true", r#"{"model":true}"#, NOT_ALLOWED),
        json("says a list of one", r#"{"model":["gpt-4o"]}"#, NOT_ALLOWED),
        json("says an object", r#"{"model":{"id":"gpt-4o"}}"#, NOT_ALLOWED),
        json("says nothing", r#"{"model":""}"#, NOT_ALLOWED),
        json("says something very long", format!(r#"{{"model":"gpt-4.1-{}"}}"#, "x".repeat(5000)), NOT_ALLOWED),
        json("says it after much else", format!(r#"{{"a":"{}","model":"o3"}}"#, "x".repeat(3000)), NOT_ALLOWED),
        json("says it twice, the other first", r#"{"model":"o3","model":"gpt-4o"}"#, NOT_ALLOWED),
        json("says it twice, the other last", r#"{"model":"gpt-4o","model":"o3"}"#, NOT_INSPECTABLE),
        json("says it twice, once escaped", r#"{"model":"gpt-4o","mod\u0065l":"o3"}"#, NOT_INSPECTABLE),
        json("says it twice alike", r#"{"model":"gpt-4o","model":"gpt-4o"}"#, NOT_INSPECTABLE),
        json("escapes a letter of the name", r#"{"mod\u0065l":"o3"}"#, NOT_ALLOWED),
        json("escapes the whole name", r#"{"\u006d\u006F\u0064\u0065\u006C":"o3"}"#, NOT_ALLOWED),
        json("escapes the value", r#"{"model":"\u006f3"}"#, NOT_ALLOWED),
        json("ends the name with a NUL", r#"{"model\u0000x":"o3"}"#, NOT_INSPECTABLE),
        json("hides it behind blanks", "{ \t\r\n\"model\" \n:\n \"o3\" }", NOT_ALLOWED),
        json("hides it behind an object of the same name", r#"{"x":{"model":"gpt-4o"},"model":"o3"}"#, NOT_ALLOWED),
        json("hides it behind a text with quotes", r#"{"x":"\\\"","model":"o3"}"#, NOT_ALLOWED),
    ]
}

/// What is no JSON, or not to everyone.
fn texts() -> Vec<Attempt> {
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    vec![
        json("sends a list", r#"[{"model":"o3"}]"#, NOT_INSPECTABLE),
        json("sends a text", r#""model""#, NOT_INSPECTABLE),
        json("sends null", "null", NOT_INSPECTABLE),
        json("sends nothing but a blank", " ", NOT_INSPECTABLE),
        json("sends a byte order mark", "\u{feff}{\"model\":\"o3\"}", NOT_INSPECTABLE),
        json("sends UTF-16", utf16(r#"{"model":"o3"}"#), NOT_INSPECTABLE),
        json("sends UTF-16 with a mark", [&[0xFF, 0xFE], &utf16(r#"{"model":"o3"}"#)[..]].concat(), NOT_INSPECTABLE),
        json("sends UTF-32", b"{\0\0\0}\0\0\0", NOT_INSPECTABLE),
        json("sends no UTF-8", b"{\"x\":\"\xFF\",\"model\":\"gpt-4o\"}", NOT_INSPECTABLE),
        json("sends an overlong quote", b"{\"x\":\"\xC0\xA2\",\"model\":\"gpt-4o\"}", NOT_INSPECTABLE),
        json("sends an encoded surrogate", b"{\"x\":\"\xED\xA0\x80\",\"model\":\"gpt-4o\"}", NOT_INSPECTABLE),
        json("sends half a pair", r#"{"model\ud800":"o3"}"#, NOT_INSPECTABLE),
        json("sends a pair the wrong way round", r#"{"x":"\udc00\ud800"}"#, NOT_INSPECTABLE),
        json("sends two documents", r#"{"model":"gpt-4o"}{"model":"o3"}"#, NOT_INSPECTABLE),
        json("sends something after it", r#"{"model":"gpt-4o"},"#, NOT_INSPECTABLE),
        json("sends a NUL after it", "{\"model\":\"gpt-4o\"}\0", NOT_INSPECTABLE),
        json("sends half of it", r#"{"model":"gpt-4o""#, NOT_INSPECTABLE),
        json("ends with a comma", r#"{"model":"gpt-4o",}"#, NOT_INSPECTABLE),
        json("writes a comment", r#"{"model":"gpt-4o"/*","model":"o3*/}"#, NOT_INSPECTABLE),
        json("writes a comment to the line's end", "{//\n\"model\":\"gpt-4o\"}", NOT_INSPECTABLE),
        json("uses single quotes", "{'model':'o3'}", NOT_INSPECTABLE),
        json("uses no quotes", r#"{model:"o3"}"#, NOT_INSPECTABLE),
        json("breaks a line within a text", "{\"x\":\"\n\",\"model\":\"gpt-4o\"}", NOT_INSPECTABLE),
        json("escapes what has no escape", r#"{"x":"\x6d","model":"gpt-4o"}"#, NOT_INSPECTABLE),
        json("writes NaN", r#"{"x":NaN,"model":"gpt-4o"}"#, NOT_INSPECTABLE),
        json("writes a leading zero", r#"{"x":01,"model":"gpt-4o"}"#, NOT_INSPECTABLE),
        json("writes a plus", r#"{"x":+1,"model":"gpt-4o"}"#, NOT_INSPECTABLE),
        json("writes a form feed between", "{\x0C\"model\":\"gpt-4o\"}", NOT_INSPECTABLE),
        json("writes a hard space between", "{\u{a0}\"model\":\"gpt-4o\"}", NOT_INSPECTABLE),
        json("nests it without end", format!(r#"{{"x":{}"#, "[".repeat(2000)), NOT_INSPECTABLE),
    ]
}

/// How the content is labelled and coded.
fn codings() -> Vec<Attempt> {
    const O3: &str = r#"{"model":"o3"}"#;
    const OK: &str = r#"{"model":"gpt-4o"}"#;
    let with = |fields: &str| format!("Content-Length: 18\r\n{fields}");
    vec![
        typed("calls it a text", CHAT, "text/plain", O3, NOT_INSPECTABLE),
        typed("calls it bytes", CHAT, "application/octet-stream", O3, NOT_INSPECTABLE),
        typed("calls it XML", CHAT, "application/xml", "<model>o3</model>", NOT_INSPECTABLE),
        typed("calls it JSON in capitals", CHAT, "APPLICATION/JSON", O3, NOT_ALLOWED),
        typed("adds a parameter to its type", CHAT, "application/json; charset=utf-8; x=y", O3, NOT_ALLOWED),
        typed("calls it a kind of JSON", CHAT, "application/vnd.api+json", O3, NOT_ALLOWED),
        typed("calls it JSON in UTF-16", CHAT, "application/json; charset=utf-16", OK, NOT_INSPECTABLE),
        typed("calls it JSON in UTF-7", CHAT, "application/json; charset=\"utf-7\"", OK, NOT_INSPECTABLE),
        typed("names two charsets", CHAT, "application/json; charset=utf-8; charset=utf-16", OK, NOT_INSPECTABLE),
        typed("names two types in one line", CHAT, "application/json, text/plain", OK, NOT_INSPECTABLE),
        typed("calls it JSON lines", CHAT, "application/x-ndjson", OK, NOT_INSPECTABLE),
        typed("calls JSON a form", CHAT, FORM, O3, NOT_INSPECTABLE),
        typed("calls JSON behind a blank a form", CHAT, FORM, format!(" {O3}"), NOT_INSPECTABLE),
        typed("calls JSON behind a line end a form", CHAT, FORM, format!("\n{O3}"), NOT_INSPECTABLE),
        typed("calls JSON multipart", EDITS, "multipart/form-data; boundary=b", O3, NOT_INSPECTABLE),
        raw("says no type", CHAT, "Content-Length: 14\r\n", O3, NOT_INSPECTABLE),
        raw("says an empty type", CHAT, &with("Content-Type:\r\n"), OK, NOT_INSPECTABLE),
        raw(
            "says two types",
            CHAT,
            &with("Content-Type: application/json\r\nContent-Type: text/plain\r\n"),
            OK,
            NOT_INSPECTABLE,
        ),
        raw(
            "has the type taken away on the way",
            CHAT,
            &with("Content-Type: application/json\r\nConnection: content-type\r\n"),
            OK,
            NOT_INSPECTABLE,
        ),
        raw(
            "compresses it",
            CHAT,
            &with("Content-Type: application/json\r\nContent-Encoding: gzip\r\n"),
            OK,
            NOT_INSPECTABLE,
        ),
        raw(
            "says a coding that nobody knows",
            CHAT,
            &with("Content-Type: application/json\r\nContent-Encoding: x\r\n"),
            OK,
            NOT_INSPECTABLE,
        ),
        raw(
            "compresses it and then does not",
            CHAT,
            &with("Content-Type: application/json\r\nContent-Encoding: gzip, identity\r\n"),
            OK,
            NOT_INSPECTABLE,
        ),
        raw(
            "says a second coding",
            CHAT,
            &with("Content-Type: application/json\r\nContent-Encoding: identity\r\nContent-Encoding: br\r\n"),
            OK,
            NOT_INSPECTABLE,
        ),
        raw(
            "sends content with GET",
            "GET /v1/responses",
            "Content-Type: application/json\r\nContent-Length: 14\r\n",
            O3,
            NOT_ALLOWED,
        ),
        raw(
            "sends content with DELETE",
            "DELETE /v1/responses/1",
            "Content-Type: text/plain\r\nContent-Length: 14\r\n",
            O3,
            NOT_INSPECTABLE,
        ),
    ]
}

/// How the content is framed.
fn chunks() -> Vec<Attempt> {
    let chunked = |name, media: &str, content: &str, code| {
        raw(name, CHAT, &format!("Content-Type: {media}\r\nTransfer-Encoding: chunked\r\n"), content, code)
    };
    vec![
        chunked("cuts the name in two", JSON, "5\r\n{\"mod\r\n9\r\nel\":\"o3\"}\r\n0\r\n\r\n", NOT_ALLOWED),
        chunked(
            "cuts an escape in two",
            JSON,
            "8\r\n{\"mod\\u00\r\nA\r\n65l\":\"o3\"\r\n1\r\n}\r\n0\r\n\r\n",
            "bad_request",
        ),
        chunked("sends an empty body in chunks", JSON, "0\r\n\r\n", NOT_INSPECTABLE),
        chunked("sends a form in chunks", FORM, "3\r\nmod\r\n5\r\nel=o3\r\n0\r\n\r\n", NOT_ALLOWED),
        chunked("says the model in a trailer", JSON, "2\r\n[]\r\n0\r\nmodel: o3\r\n\r\n", NOT_INSPECTABLE),
    ]
}

fn forms() -> Vec<Attempt> {
    vec![
        form("names another model in a form", "a=b&model=o3", NOT_ALLOWED),
        form("encodes the name", "%6d%6F%64%65%6C=o3", NOT_ALLOWED),
        form("encodes the value", "model=%6f3", NOT_ALLOWED),
        form("puts a plus before the value", "model=+gpt-4o", NOT_ALLOWED),
        form("says it twice in a form", "model=gpt-4o&model=o3", NOT_INSPECTABLE),
        form("says it twice, once encoded", "model=gpt-4o&%6dodel=o3", NOT_INSPECTABLE),
        form("says it with brackets", "model=gpt-4o&model[]=o3", NOT_INSPECTABLE),
        form("says it with encoded brackets", "model%5B0%5D=o3", NOT_INSPECTABLE),
        form("says it with a blank before it", "+model=o3", NOT_INSPECTABLE),
        form("says it with a NUL after it", "model%00x=o3", NOT_INSPECTABLE),
        form("encodes the name twice", "%256dodel=o3", NOT_INSPECTABLE),
        form("separates with a semicolon", "a=b;model=gpt-4o", NOT_INSPECTABLE),
        form("goes on after a semicolon", "model=gpt-4o;model=o3", NOT_INSPECTABLE),
        form("says it without a value", "model", NOT_ALLOWED),
        form("says something very long in a form", format!("model=gpt-4.1-{}", "x".repeat(5000)), NOT_ALLOWED),
        form("sends bytes in a form", b"a=\xFF&model=gpt-4o", NOT_INSPECTABLE),
        form("breaks lines in a form", "a=b\r\nmodel=o3", NOT_INSPECTABLE),
    ]
}

const PART: &str = "--b\r\nContent-Disposition: form-data; name=";

/// Delimiters and what is between them.
fn parts() -> Vec<Attempt> {
    let file = format!("{PART}\"image\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\x01\r\n--x\r\n");
    let model = format!("{PART}\"model\"\r\n\r\n");
    let ending = "\r\n--b--\r\n";
    vec![
        multipart("names another model in a part", format!("{model}o3{ending}"), NOT_ALLOWED),
        multipart("names it after a file", format!("{file}{model}o3{ending}"), NOT_ALLOWED),
        multipart("says it twice in parts", format!("{model}gpt-4o\r\n{model}o3{ending}"), NOT_INSPECTABLE),
        multipart("puts a line end into the value", format!("{model}gpt-4o\r\n{ending}"), NOT_ALLOWED),
        multipart(
            "says something very long in a part",
            format!("{model}gpt-4.1-{}{ending}", "x".repeat(5000)),
            NOT_ALLOWED,
        ),
        multipart("says nothing in a part", format!("{model}{ending}"), NOT_ALLOWED),
        multipart("leaves out the line end before a delimiter", format!("{model}--b--\r\n"), NOT_INSPECTABLE),
        multipart("lacks the closing delimiter", format!("{model}gpt-4o\r\n"), NOT_INSPECTABLE),
        multipart("lacks what ends the delimiter", format!("{model}gpt-4o\r\n--b"), NOT_INSPECTABLE),
        multipart("writes a part after the end", format!("{model}gpt-4o{ending}{model}o3{ending}"), NOT_INSPECTABLE),
        multipart(
            "writes something before the first delimiter",
            format!("x\r\n{model}gpt-4o{ending}"),
            NOT_INSPECTABLE,
        ),
        multipart(
            "writes a line end before the first delimiter",
            format!("\r\n{model}gpt-4o{ending}"),
            NOT_INSPECTABLE,
        ),
        multipart("ends lines with LF", format!("{model}o3{ending}").replace("\r\n", "\n"), NOT_INSPECTABLE),
        multipart("ends the line before a delimiter with LF", format!("{file}x\n{model}o3{ending}"), NOT_INSPECTABLE),
        multipart(
            "puts a blank after a delimiter",
            format!("{model}gpt-4o{ending}").replacen("--b\r", "--b \r", 1),
            NOT_INSPECTABLE,
        ),
        multipart("writes more after a delimiter", format!("{model}gpt-4o\r\n--bx\r\n{ending}"), NOT_INSPECTABLE),
        multipart("sends no part", "--b--\r\n{\"model\":\"o3\"}", NOT_INSPECTABLE),
        multipart("writes a head without end", format!("{PART}\"a\"\r\nx: {}", "x".repeat(9000)), NOT_INSPECTABLE),
        typed("names no boundary", EDITS, "multipart/form-data", format!("{model}o3{ending}"), NOT_INSPECTABLE),
        typed(
            "names two boundaries",
            EDITS,
            "multipart/form-data; boundary=b; boundary=c",
            format!("{model}gpt-4o{ending}"),
            NOT_INSPECTABLE,
        ),
        typed(
            "names a boundary another way too",
            EDITS,
            "multipart/form-data; boundary=b; boundary*=utf-8''c",
            format!("{model}gpt-4o{ending}"),
            NOT_INSPECTABLE,
        ),
        typed(
            "names a long boundary",
            EDITS,
            &format!("multipart/form-data; boundary={}", "b".repeat(71)),
            format!("{model}gpt-4o{ending}"),
            NOT_INSPECTABLE,
        ),
        typed(
            "names an empty boundary",
            EDITS,
            "multipart/form-data; boundary=\"\"",
            format!("{model}gpt-4o{ending}"),
            NOT_INSPECTABLE,
        ),
        typed(
            "calls it multipart of another kind",
            EDITS,
            "multipart/mixed; boundary=b",
            format!("{model}o3{ending}"),
            NOT_INSPECTABLE,
        ),
    ]
}

/// The heads of parts.
fn dispositions() -> Vec<Attempt> {
    let part = |name, head: &str, value: &str, code| {
        multipart(name, format!("--b\r\n{head}\r\n\r\n{value}\r\n--b--\r\n"), code)
    };
    let disposed = |name, disposition: &str, value: &str, code| {
        part(name, &format!("Content-Disposition: {disposition}"), value, code)
    };
    vec![
        disposed("does not quote the name", "form-data; name=model", "o3", NOT_ALLOWED),
        disposed("writes all in capitals", "FORM-DATA; NAME=\"model\"", "o3", NOT_ALLOWED),
        disposed("calls the value a file", "form-data; name=\"model\"; filename=\"x\"", "o3", NOT_ALLOWED),
        disposed("names the part twice", "form-data; name=\"a\"; name=\"model\"", "o3", NOT_INSPECTABLE),
        disposed("names the part another way too", "form-data; name=\"a\"; name*=utf-8''model", "o3", NOT_INSPECTABLE),
        disposed("names the part in pieces", "form-data; name*0=mo; name*1=del", "o3", NOT_INSPECTABLE),
        disposed("escapes a letter of the part's name", "form-data; name=\"mod\\el\"", "o3", NOT_INSPECTABLE),
        disposed("encodes the part's name", "form-data; name=\"%6dodel\"", "o3", NOT_INSPECTABLE),
        disposed("names the part with brackets", "form-data; name=\"model[]\"", "o3", NOT_INSPECTABLE),
        disposed("names the part with a blank", "form-data; name=\" model\"", "o3", NOT_INSPECTABLE),
        disposed("hides the name in a file's", "form-data; filename=\"a\\\"; name=\"model\"", "o3", NOT_INSPECTABLE),
        disposed("does not name the part", "form-data", "o3", NOT_INSPECTABLE),
        disposed("calls it an attachment", "attachment; name=\"model\"", "gpt-4o", NOT_INSPECTABLE),
        part("has a part without a disposition", "Content-Type: text/plain", "o3", NOT_INSPECTABLE),
        part(
            "has a part with two dispositions",
            "Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=model",
            "o3",
            NOT_INSPECTABLE,
        ),
        part(
            "codes a part in Base64",
            "Content-Disposition: form-data; name=model\r\nContent-Transfer-Encoding: base64",
            "bzM=",
            NOT_INSPECTABLE,
        ),
        part(
            "compresses a part",
            "Content-Disposition: form-data; name=model\r\nContent-Encoding: gzip",
            "gpt-4o",
            NOT_INSPECTABLE,
        ),
        part(
            "writes a part in UTF-7",
            "Content-Disposition: form-data; name=model\r\nContent-Type: text/plain; charset=utf-7",
            "gpt-4.1-+AG8-",
            NOT_INSPECTABLE,
        ),
        part(
            "names the charset of all parts",
            "Content-Disposition: form-data; name=\"_charset_\"",
            "utf-7",
            NOT_INSPECTABLE,
        ),
        part(
            "puts parts into a part",
            "Content-Disposition: form-data; name=x\r\nContent-Type: multipart/mixed; boundary=c",
            "--c",
            NOT_INSPECTABLE,
        ),
        part("folds a line of a part's head", "Content-Disposition: form-data;\r\n name=model", "o3", NOT_INSPECTABLE),
    ]
}

/// The model in the path.
fn paths() -> Vec<Attempt> {
    const GEMINI: &str = "POST /v1beta/models/";
    let gemini = |name, model: &str, code| typed(name, &format!("{GEMINI}{model}"), JSON, "{}", code).dialect("gemini");
    let azure =
        |name, model: &str, code| typed(name, &format!("POST /openai/{model}/chat/completions"), JSON, "{}", code);
    vec![
        gemini("asks for another model by its path", "gemini-pro:generateContent", NOT_ALLOWED),
        gemini("encodes a letter of the path", "g%65mini-pro:generateContent", NOT_ALLOWED),
        gemini("encodes the colon", "gemini-pro%3AgenerateContent", NOT_ALLOWED),
        gemini("writes two colons", "gpt-4o:x:generateContent", NOT_INSPECTABLE),
        gemini("goes round by dots", "gpt-4o/../gemini-pro:generateContent", NOT_ALLOWED),
        gemini("goes round by encoded dots", "gpt-4o/%2e%2e/gemini-pro:generateContent", NOT_ALLOWED),
        gemini("sends a batch to a model", "gpt-4o:batchGenerateContent", NOT_INSPECTABLE),
        azure("asks for another deployment", "deployments/o3", NOT_ALLOWED),
        azure("writes deployments in capitals", "Deployments/o3", NOT_ALLOWED),
        azure("adds a path parameter", "deployments;x=y/o3", NOT_ALLOWED),
        azure("adds a path parameter to the model", "deployments/gpt-4o;x", NOT_ALLOWED),
        bare("reads about another model", "GET /v1/models/o3", NOT_ALLOWED),
        bare("deletes another model", "DELETE /v1/models/ft:gpt-4o:team::1", NOT_ALLOWED),
        bare("uses an engine", "GET /v1/engines/o3", NOT_ALLOWED),
    ]
}

/// The model in the query.
fn queries() -> Vec<Attempt> {
    vec![
        bare("asks for another model by the query", "GET /v1/x?model=o3", NOT_ALLOWED),
        bare("encodes the query's name", "GET /v1/x?a=b&mod%65l=o3", NOT_ALLOWED),
        bare("encodes the query's value", "GET /v1/x?model=%6f3", NOT_ALLOWED),
        bare("says it twice in the query", "GET /v1/x?model=gpt-4o&model=o3", NOT_INSPECTABLE),
        bare("separates the query by a semicolon", "GET /v1/x?a=b;model=o3", NOT_INSPECTABLE),
        bare("writes brackets in the query", "GET /v1/x?model[]=o3", NOT_INSPECTABLE),
        bare("says it without a value in the query", "GET /v1/x?model", NOT_ALLOWED),
        typed(
            "says one in the query, one in the content",
            "POST /v1/x?model=o3",
            JSON,
            r#"{"model":"gpt-4o"}"#,
            NOT_ALLOWED,
        ),
        raw("asks for another model's WebSocket", "GET /v1/realtime?model=o3", UPGRADE, "", NOT_ALLOWED),
        raw("asks for a WebSocket", "GET /v1/realtime?model=gpt-4o", UPGRADE, "", NOT_INSPECTABLE),
    ]
}

/// Endpoints whose content names models elsewhere.
fn endpoints() -> Vec<Attempt> {
    let empty = |name, path: &str| typed(name, &format!("POST {path}"), JSON, "{}", NOT_INSPECTABLE);
    let batch =
        format!("{PART}\"purpose\"\r\n\r\nbatch\r\n{PART}\"file\"; filename=\"a.jsonl\"\r\n\r\n{{}}\r\n--b--\r\n");
    let late =
        format!("{PART}\"file\"; filename=\"a.jsonl\"\r\n\r\n{{}}\r\n{PART}\"purpose\"\r\n\r\nbatch\r\n--b--\r\n");
    let files = |name, content: &str| {
        typed(name, "POST /v1/files", "multipart/form-data; boundary=b", content, NOT_INSPECTABLE)
    };
    vec![
        empty("starts a batch", "/v1/batches"),
        empty("starts a batch behind a slash", "/v1/batches/"),
        empty("starts a batch of messages", "/v1/messages/batches"),
        empty("makes a client secret", "/v1/realtime/client_secrets"),
        empty("makes a session", "/v1/realtime/sessions"),
        empty("makes a session for transcripts", "/v1/realtime/transcription_sessions"),
        empty("calls", "/v1/realtime/calls"),
        empty("writes it in capitals", "/v1/Batches"),
        empty("runs an evaluation", "/v1/evals/1/runs"),
        files("uploads a batch", &batch),
        files("uploads a batch and says so last", &late),
        files("uploads a file for two purposes", &late.replace("\"file\"; filename=\"a.jsonl\"", "purpose")),
        typed("begins the upload of a batch", "POST /v1/uploads", JSON, r#"{"purpose":"batch"}"#, NOT_INSPECTABLE),
        raw("starts a batch without content", "POST /v1/batches", "Content-Length: 0\r\n", "", NOT_INSPECTABLE),
    ]
}

/// What looks alike and must pass, byte for byte.
pub(crate) fn passing() -> Vec<Attempt> {
    [passing_json(), passing_forms(), passing_heads()].concat()
}

fn passing_json() -> Vec<Attempt> {
    let gemini =
        |name, model: &str| typed(name, &format!("POST /v1beta/models/{model}"), JSON, "{}", PASSES).dialect("gemini");
    vec![
        json("names an allowed model", r#"{"model":"gpt-4o"}"#, PASSES),
        json("names one by its beginning", r#"{"model":"gpt-4.1-mini"}"#, PASSES),
        json("names no model", r#"{"input":"x"}"#, PASSES),
        json(
            "writes odd but valid JSON",
            " \r\n{ \"\\u006dodel\" : \"gpt\\u002d4o\", \"x\":[-0.0e+1,1E5,[],{},\"\\ud83d\\ude00é\"]}\t\n",
            PASSES,
        ),
        json(
            "names another model within",
            r#"{"messages":[{"model":"o3","model":null}],"model":"gpt-4o","Model":1}"#,
            PASSES,
        ),
        json("repeats what has no list", r#"{"a":1,"a":2,"model":"gpt-4o"}"#, PASSES),
        json("sends a long text", format!(r#"{{"input":"{}","model":"gpt-4o"}}"#, "é\\n x".repeat(3000)), PASSES),
        json("nests deeply", format!("{{\"x\":{}{}}}", "[".repeat(126), "]".repeat(126)), PASSES),
        typed("calls it a kind of JSON", CHAT, "application/merge-patch+json;", r#"{"model":"gpt-4o"}"#, PASSES),
        typed("says the charset", CHAT, "Application/JSON; Charset=\"UTF-8\"", r#"{"model":"gpt-4o"}"#, PASSES),
        raw(
            "says that nothing is coded",
            CHAT,
            "Content-Type: application/json\r\nContent-Encoding: identity\r\nContent-Length: 2\r\n",
            "{}",
            PASSES,
        ),
        raw(
            "sends chunks and trailers",
            CHAT,
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n",
            "9\r\n{\"model\":\r\n9\r\n\"gpt-4o\"}\r\n0\r\nX-Sum: 1\r\n\r\n",
            PASSES,
        ),
        gemini("asks for an allowed model by its path", "gpt-4.1-x:streamGenerateContent?alt=sse"),
    ]
}

fn passing_forms() -> Vec<Attempt> {
    let model = format!("{PART}\"model\"\r\n\r\ngpt-4o\r\n");
    let file = format!(
        "{PART}\"file\"; filename=\"a \\ é.bin\"\r\nContent-Type: image/png\r\nX: y\r\n\r\n\r\n-b\r\n--\r\n--a\0\r\n"
    );
    let upload = format!("{PART}\"purpose\"\r\n\r\nassistants\r\n{file}--b--\r\n");
    vec![
        form("names an allowed model in a form", "prompt=a+b%26model%3Do3;x=1&model=gpt%2D4o", PASSES),
        form("names no model in a form", "a&=b&&c=d=e", PASSES),
        multipart("names the model before a file", format!("{model}{file}--b--"), PASSES),
        multipart("names the model after a file", format!("{file}{model}--b--\r\n"), PASSES),
        multipart("sends no model", format!("{file}--b--\r\n"), PASSES),
        multipart("sends no part at all", "--b--\r\n", PASSES),
        typed(
            "quotes the boundary",
            EDITS,
            "multipart/form-data;boundary=\"a b:c\"",
            format!("{model}--b--\r\n").replace("--b", "--a b:c"),
            PASSES,
        ),
        typed("uploads a file for something else", "POST /v1/files", "multipart/form-data; boundary=b", upload, PASSES),
    ]
}

fn passing_heads() -> Vec<Attempt> {
    vec![
        bare("lists the models", "GET /v1/models", PASSES),
        bare("reads about an allowed model", "GET /v1/models/gpt-4o", PASSES),
        bare("reads batches", "GET /v1/batches/1?limit=2", PASSES),
        bare("asks for an allowed model by the query", "GET /v1/x?a=o3&model=gpt%2d4o", PASSES),
        bare("deletes a response", "DELETE /v1/responses/1", PASSES),
        raw("cancels without content", "POST /v1/responses/1/cancel", "Content-Length: 0\r\n", "", PASSES),
        typed(
            "uses an allowed deployment",
            "POST /openai/deployments/gpt-4o/chat/completions?api-version=1",
            JSON,
            "{}",
            PASSES,
        ),
    ]
}
