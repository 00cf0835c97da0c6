//! HS256, the one way in which tokens are signed here.
//!
//! jsonwebtoken leaves signing to a provider. Of its own two, one brings RSA with an open advisory and the
//! other a C library; for one MAC the crates do that are here anyway. Whatever else a token's header asks
//! for, there is nothing that could do it.

use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result},
    signature::{Error, Signer, Verifier},
};
use sha2::Sha256;

static PROVIDER: CryptoProvider =
    CryptoProvider { signer_factory, verifier_factory, key_utils: KeyUtils::new_unimplemented() };

/// A key with nothing to it but its bytes.
struct Key(Hmac<Sha256>);

/// Has tokens signed and verified here from now on, in the whole process.
pub(super) fn install() {
    // A second time changes nothing.
    _ = PROVIDER.install_default();
}

/// A key for one purpose, which says nothing about the secret it is made from.
pub(super) fn derived(secret: &[u8], purpose: &str) -> Vec<u8> {
    Key::new(secret).0.chain_update(purpose).finalize().into_bytes().to_vec()
}

impl Key {
    fn new(secret: &[u8]) -> Self {
        Self(Hmac::new_from_slice(secret).expect("HMAC takes keys of any length"))
    }

    fn with(&self, message: &[u8]) -> Hmac<Sha256> {
        self.0.clone().chain_update(message)
    }
}

impl Signer<Vec<u8>> for Key {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        Ok(self.with(message).finalize().into_bytes().to_vec())
    }
}

impl JwtSigner for Key {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl Verifier<Vec<u8>> for Key {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        // In constant time.
        self.with(message).verify_slice(signature).map_err(|_| Error::new())
    }
}

impl JwtVerifier for Key {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

fn signer_factory(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    only_hs256(*algorithm)?;
    Ok(Box::new(Key::new(key.as_bytes())))
}

fn verifier_factory(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    only_hs256(*algorithm)?;
    Ok(Box::new(Key::new(key.try_get_as_bytes()?)))
}

fn only_hs256(algorithm: Algorithm) -> Result<()> {
    if algorithm == Algorithm::HS256 { Ok(()) } else { Err(ErrorKind::InvalidAlgorithm.into()) }
}
