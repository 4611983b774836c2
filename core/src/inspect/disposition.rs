//! The head of one part of `multipart/form-data` (RFC 7578 section 4): which field it is.

use bytes::Bytes;

use super::InspectError;
use super::media::Parameterised;
use crate::http1::Fields;

const HEAD: InspectError = InspectError::NotInspectable("a part of the form has a head that is not understood");
const NAME: InspectError =
    InspectError::NotInspectable("a part of the form must have one plain name: form-data; name=\"…\"");
const CODED: InspectError = InspectError::NotInspectable("a part of the form is encoded: send it as it is, in UTF-8");

/// The name of the field that a part with this head is. `head` ends with its empty line.
///
/// # Errors
/// If there is none, or readers could disagree on it.
pub(super) fn field_name(head: Bytes) -> Result<Vec<u8>, InspectError> {
    let fields = Fields::parse(head).map_err(|_| HEAD)?;
    check_coding(&fields)?;
    let mut dispositions = fields.get_all("content-disposition");
    let (Some(disposition), None) = (dispositions.next(), dispositions.next()) else { return Err(NAME) };
    let disposition = Parameterised::parse(disposition).ok_or(NAME)?;
    if !disposition.kind.eq_ignore_ascii_case(b"form-data") {
        return Err(NAME);
    }
    let name = disposition.only("name").map_err(|()| NAME)?.ok_or(NAME)?;
    // The name of the field that names the others' charset (RFC 7578 section 4.6).
    if name.is_empty() || name.contains(&b'\\') || name == b"_charset_" {
        return Err(NAME);
    }
    Ok(name.to_vec())
}

fn check_coding(fields: &Fields) -> Result<(), InspectError> {
    let plain =
        |coding: &[u8]| ["7bit", "8bit", "binary"].iter().any(|name| coding.eq_ignore_ascii_case(name.as_bytes()));
    if !fields.get_all("content-transfer-encoding").all(plain) || fields.contains("content-encoding") {
        return Err(CODED);
    }
    for value in fields.get_all("content-type") {
        let media = Parameterised::parse(value).ok_or(HEAD)?;
        let is_multipart = media.kind.to_ascii_lowercase().starts_with(b"multipart/");
        if is_multipart || media.has_odd_charset() {
            return Err(CODED);
        }
    }
    Ok(())
}
