//! Random bytes from the system, and what is made of them: ids and token strings. The only source of randomness here.

use llm_proxy_core::auth::TokenString;
use llm_proxy_core::ids::IdSeed;
use thiserror::Error;
use zeroize::Zeroizing;

/// The system gave no random bytes.
#[derive(Debug, Error)]
#[error("the system gives no random bytes")]
pub struct NoRandomness(#[from] getrandom::Error);

/// Random bytes that may be public.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// Random bytes that are wiped when they go.
pub(crate) fn secret_bytes<const N: usize>() -> Result<Zeroizing<[u8; N]>, NoRandomness> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut *bytes)?;
    Ok(bytes)
}

/// The random part of a new id.
pub(crate) fn id_seed() -> Result<IdSeed, NoRandomness> {
    bytes()
}

/// A new token's string.
pub(crate) fn token_string() -> Result<TokenString, NoRandomness> {
    Ok(TokenString::from_random(&*secret_bytes::<16>()?))
}
