//! Which kind of content a head announces, and the scanner for it.

use std::fmt;

use super::InspectError;
use super::form::FormScanner;
use super::json::JsonScanner;
use super::media::Parameterised;
use super::multipart::MultipartScanner;
use super::params::ParamRules;
use crate::http1::Fields;

const CODED: InspectError =
    InspectError::NotInspectable("the content is compressed or encoded: send it as it is, without Content-Encoding");
const TYPE: InspectError = InspectError::NotInspectable(
    "the content has no type that is looked into: say so once, with application/json, multipart/form-data or \
     application/x-www-form-urlencoded",
);
const CHARSET: InspectError = InspectError::NotInspectable("the content must be in UTF-8");
const BOUNDARY: InspectError = InspectError::NotInspectable("multipart/form-data must name its boundary once");

/// Looks at the content of one request while it comes.
pub struct BodyInspection(Kind);

/// The kind only: a scanner holds some of the content.
impl fmt::Debug for BodyInspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::Json(_) => "JSON",
            Kind::Form(_) => "form",
            Kind::Multipart(_) => "multipart",
        })
    }
}

enum Kind {
    Json(Box<JsonScanner>),
    Form(Box<FormScanner>),
    Multipart(Box<MultipartScanner>),
}

impl BodyInspection {
    /// For content with those fields.
    ///
    /// # Errors
    /// If it cannot be looked into.
    pub(super) fn new(fields: &Fields, rules: ParamRules) -> Result<Self, InspectError> {
        let mut codings = fields.get_all("content-encoding");
        if codings.next().is_some_and(|coding| !coding.eq_ignore_ascii_case(b"identity")) || codings.next().is_some() {
            return Err(CODED);
        }
        let mut types = fields.get_all("content-type");
        let (Some(value), None) = (types.next(), types.next()) else { return Err(TYPE) };
        // A type that ends here would leave the upstream to guess.
        if fields.list_contains("connection", "content-type") {
            return Err(TYPE);
        }
        let media = Parameterised::parse(value).ok_or(TYPE)?;
        if media.has_odd_charset() {
            return Err(CHARSET);
        }
        let kind = media.kind.to_ascii_lowercase();
        match &kind[..] {
            b"application/json" => Ok(Kind::Json(Box::new(JsonScanner::new(rules)))),
            b"application/x-www-form-urlencoded" => Ok(Kind::Form(Box::new(FormScanner::new(rules)))),
            b"multipart/form-data" => {
                let boundary = media.only("boundary").map_err(|()| BOUNDARY)?.ok_or(BOUNDARY)?;
                Ok(Kind::Multipart(Box::new(MultipartScanner::new(boundary, rules)?)))
            }
            kind if kind.starts_with(b"application/") && kind.ends_with(b"+json") => {
                Ok(Kind::Json(Box::new(JsonScanner::new(rules))))
            }
            _ => Err(TYPE),
        }
        .map(Self)
    }

    /// Looks at the next bytes.
    ///
    /// # Errors
    /// The first reason against the content. It must not be used after that.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), InspectError> {
        match &mut self.0 {
            Kind::Json(json) => json.feed(bytes),
            Kind::Form(form) => form.feed(bytes),
            Kind::Multipart(multipart) => multipart.feed(bytes),
        }
    }

    /// The content ends here: may it pass?
    ///
    /// # Errors
    /// If it is not complete, or its last words are against it.
    pub fn finish(self) -> Result<(), InspectError> {
        match self.0 {
            Kind::Json(json) => json.finish(),
            Kind::Form(form) => form.finish(),
            Kind::Multipart(multipart) => multipart.finish(),
        }
    }
}
