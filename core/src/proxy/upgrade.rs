//! What heads say of a WebSocket: the two fields that ask for it and grant it, and the subprotocols, among which
//! a client may have put its credential. It never decides whether one is granted.

use bytes::{BufMut, BytesMut};

use super::leak::shows;
use super::request::write_field;
use crate::auth::credential_of_subprotocol;
use crate::http1::Field;

/// Our word to the next hop, in place of the client's or the upstream's (RFC 9110 section 7.8, RFC 6455 section 4).
pub(super) const UPGRADE_FIELDS: &[u8] = b"Connection: Upgrade\r\nUpgrade: websocket\r\n";

/// Writes a `Sec-WebSocket-Protocol` field as it came; without the subprotocols that carry a credential or show `token`,
/// if there are any, and not at all if none is left.
pub(super) fn write_subprotocols(field: Field<'_>, token: &[u8], out: &mut BytesMut) {
    let stays = |subprotocol: &&[u8]| credential_of_subprotocol(subprotocol).is_none() && !shows(subprotocol, token);
    let offered = || field.value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    if offered().all(|subprotocol| stays(&subprotocol)) {
        return out.put_slice(field.line);
    }
    let left: Vec<&[u8]> = offered().filter(|subprotocol| stays(subprotocol) && !subprotocol.is_empty()).collect();
    if !left.is_empty() {
        write_field(out, field.name, &[&left.join(&b", "[..])]);
    }
}
