//! Encryption at rest for what must be read back: TOTP seeds, signing keys, mail on its way.
//!
//! AES-256-GCM under a key that HKDF-SHA-256 (RFC 5869) derives from `SECRET_KEY`. The id of the key stands in the
//! sealed bytes, so that `SECRET_KEY` can be rotated; the associated data names the row, so that one row's secret cannot
//! be put in another's place.

use openssl::md::Md;
use openssl::pkey::Id;
use openssl::pkey_ctx::PkeyCtx;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};

use crate::model::error::{Error, Result};
use crate::model::secret::{Secret, random};
use crate::model::settings::Settings;

/// The purpose of the keyed step of password hashes.
pub(crate) const PEPPER: &str = "password pepper";

const KEY_ID: usize = 8;
const NONCE: usize = 12;
const TAG: usize = 16;

/// Seals and opens.
pub struct Sealer {
    /// The first one seals; all open.
    keys: Vec<DerivedKey>,
}

/// A key derived from one `SECRET_KEY`, and the id that says which.
#[derive(Clone)]
pub(crate) struct DerivedKey {
    pub(crate) id: [u8; KEY_ID],
    pub(crate) key: [u8; 32],
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(…)")
    }
}

/// The keys for one purpose, from today's `SECRET_KEY` and those before it, today's first.
pub(crate) fn derive(settings: &Settings, purpose: &str) -> Result<Vec<DerivedKey>> {
    let secrets =
        std::iter::once(settings.secret_key.reveal()).chain(settings.secret_keys_previous.iter().map(Secret::reveal));
    secrets
        .map(|secret| {
            let mut bytes = [0_u8; 32 + KEY_ID];
            let mut context = PkeyCtx::new_id(Id::HKDF)?;
            context.derive_init()?;
            context.set_hkdf_md(Md::sha256())?;
            context.set_hkdf_key(secret.as_bytes())?;
            context.set_hkdf_salt(b"countersign")?;
            context.add_hkdf_info(purpose.as_bytes())?;
            context.derive(Some(&mut bytes))?;
            let (mut key, mut id) = ([0_u8; 32], [0_u8; KEY_ID]);
            for (to, from) in key.iter_mut().chain(id.iter_mut()).zip(bytes) {
                *to = from;
            }
            Ok(DerivedKey { id, key })
        })
        .collect()
}

impl Sealer {
    /// Derives the keys.
    ///
    /// # Errors
    /// OpenSSL refuses.
    pub fn new(settings: &Settings) -> Result<Self> {
        Ok(Self { keys: derive(settings, "sealing at rest")? })
    }

    /// Seals for the row that `place` names, `totp/<account>` for example.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let key = self.keys.first().ok_or_else(|| Error::fault("no sealing key"))?;
        let nonce = random::<NONCE>();
        let mut tag = [0_u8; TAG];
        let hidden = encrypt_aead(Cipher::aes_256_gcm(), &key.key, Some(&nonce), place.as_bytes(), plain, &mut tag)?;
        Ok([key.id.as_slice(), &nonce, &tag, &hidden].concat())
    }

    /// Opens what was sealed for the same row.
    ///
    /// # Errors
    /// A fault: the bytes were changed or moved, or the `SECRET_KEY` that sealed them is no longer configured.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let parts = sealed.split_at_checked(KEY_ID).and_then(|(id, rest)| {
            let (nonce, rest) = rest.split_at_checked(NONCE)?;
            let (tag, hidden) = rest.split_at_checked(TAG)?;
            Some((id, nonce, tag, hidden))
        });
        let (id, nonce, tag, hidden) = parts.ok_or_else(|| Error::fault("sealed bytes are too short"))?;
        let key =
            self.keys.iter().find(|key| key.id == id).ok_or_else(|| {
                Error::fault("sealed with a SECRET_KEY that is not configured (see SECRET_KEY_PREVIOUS)")
            })?;
        Ok(decrypt_aead(Cipher::aes_256_gcm(), &key.key, Some(nonce), place.as_bytes(), hidden, tag)?)
    }

    /// What everything begins with that is sealed with the current `SECRET_KEY`.
    pub fn key_id(&self) -> &[u8] {
        self.keys.first().map_or(&[], |key| &key.id)
    }

    /// Whether these bytes were sealed with a `SECRET_KEY` that is no longer the current one.
    pub fn is_stale(&self, sealed: &[u8]) -> bool {
        self.keys.first().is_some_and(|key| !sealed.starts_with(&key.id))
    }
}
