//! The keys of a database: the token key, which is made once, and the encryption key that it is sealed under.

use llm_proxy_core::auth::TokenKey;

use super::dialect::{self, Dialect, values};
use super::rows::Columns;
use super::statements;
use crate::error::OpenError;
use crate::key::EncryptionKey;
use crate::random;
use crate::seal::Sealer;

/// The name under which the key of the token digests is stored, and what it is sealed for.
pub(super) const TOKEN_KEY: &str = "token_key";
pub(super) const TOKEN_KEY_OWNER: &str = "llm-proxy token key";

/// The token key as it is stored, if there is one.
pub(super) async fn sealed_token_key<D: Dialect>(connection: &mut D::Connection) -> Result<Option<String>, OpenError> {
    let row = dialect::one::<D>(connection, &statements::READ_SECRET, values![TOKEN_KEY]).await;
    let row = row.map_err(OpenError::Keys)?;
    row.map(|row| Columns::<D>(&row).text("sealed")).transpose().map_err(|_| OpenError::TokenKeyDamaged)
}

/// Finds or makes the token key. That the stored one opens is the proof that the encryption key is the right one.
pub(super) async fn agree<D: Dialect>(
    connection: &mut D::Connection,
    stored: Option<String>,
    key: &EncryptionKey,
    origin: String,
) -> Result<(Sealer, TokenKey), OpenError> {
    let sealer = Sealer::new(key);
    let token_key = match stored {
        Some(sealed) => open_token_key(&sealer, &sealed).ok_or(OpenError::WrongKey { origin })?,
        None => make_token_key::<D>(connection, &sealer).await?,
    };
    Ok((sealer, token_key))
}

fn open_token_key(sealer: &Sealer, sealed: &str) -> Option<TokenKey> {
    let bytes = sealer.open(sealed, TOKEN_KEY_OWNER).ok()?;
    Some(TokenKey::new(bytes.as_slice().try_into().ok()?))
}

async fn make_token_key<D: Dialect>(connection: &mut D::Connection, sealer: &Sealer) -> Result<TokenKey, OpenError> {
    let bytes = random::secret_bytes::<32>()?;
    let sealed = sealer.seal(&*bytes, TOKEN_KEY_OWNER).map_err(OpenError::Seal)?;
    let columns = values![TOKEN_KEY, sealed];
    dialect::run::<D>(connection, &statements::INSERT_SECRET, columns).await.map_err(OpenError::Keys)?;
    Ok(TokenKey::new(&bytes))
}
