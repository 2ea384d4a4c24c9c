//! The primitives that Noise needs, all by `ring`: one implementation of each in the program.

// The private key is used up by its one agreement, and Noise's interface only lends it.
#![allow(
    clippy::disallowed_types,
    reason = "nothing waits for this lock: it lets one owner take a value out of a shared borrow"
)]

use std::sync::Mutex;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use ring::digest::{Context, SHA256};
use ring::rand::{SecureRandom, SystemRandom};
use snow::Error;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::CryptoResolver;
use snow::types::{Cipher, Dh, Hash, Random};

/// Gives Noise what it needs.
pub(super) struct Primitives;

impl CryptoResolver for Primitives {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(SystemBytes(SystemRandom::new())))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        (*choice == DHChoice::Curve25519).then(|| Box::new(Agreement::default()) as Box<dyn Dh>)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        (*choice == HashChoice::SHA256)
            .then(|| Box::new(Sha256(Context::new(&SHA256))) as Box<dyn Hash>)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        (*choice == CipherChoice::AESGCM)
            .then(|| Box::new(AesGcm(aes_key(&[0; 32]))) as Box<dyn Cipher>)
    }
}

struct SystemBytes(SystemRandom);

impl Random for SystemBytes {
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.0.fill(bytes).map_err(|_| Error::Rng)
    }
}

/// X25519 with a key that is used once.
#[derive(Default)]
struct Agreement {
    private: Mutex<Option<EphemeralPrivateKey>>,
    public: [u8; 32],
}

impl Dh for Agreement {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, _privkey: &[u8]) {
        // Keys that are set are static ones, which this pattern (NN) does not have; with none the
        // agreement fails.
        self.private = Mutex::default();
    }

    fn generate(&mut self, _rng: &mut dyn Random) -> Result<(), Error> {
        let random = SystemRandom::new();
        let private = EphemeralPrivateKey::generate(&X25519, &random).map_err(|_| Error::Rng)?;
        let public = private.compute_public_key().map_err(|_| Error::Rng)?;
        self.public.copy_from_slice(public.as_ref());
        self.private = Mutex::new(Some(private));
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        &[]
    }

    fn dh(&self, pubkey: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let private = self.private.lock().map_err(|_| Error::Dh)?.take();
        let private = private.ok_or(Error::Dh)?;
        let their = pubkey.get(..32).ok_or(Error::Dh)?;
        let their = UnparsedPublicKey::new(&X25519, their);
        let agreed = agree_ephemeral(private, &their, |secret| {
            out.get_mut(..secret.len())
                .map(|out| out.copy_from_slice(secret))
        });
        agreed.ok().flatten().ok_or(Error::Dh)
    }
}

struct AesGcm(LessSafeKey);

fn aes_key(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("AES-256 takes 32 bytes"))
}

/// The nonce of AESGCM in Noise: 4 zero bytes, then the number with its highest byte first.
fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

impl Cipher for AesGcm {
    fn name(&self) -> &'static str {
        "AESGCM"
    }

    fn set(&mut self, key: &[u8; 32]) {
        self.0 = aes_key(key);
    }

    fn encrypt(&self, number: u64, also: &[u8], plain: &[u8], out: &mut [u8]) -> usize {
        let (body, tag_place) = out.split_at_mut(plain.len());
        body.copy_from_slice(plain);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce(number), Aad::from(also), body)
            .expect("a message of Noise is far below what AES-GCM seals");
        tag_place[..16].copy_from_slice(tag.as_ref());
        plain.len() + 16
    }

    fn decrypt(
        &self,
        number: u64,
        also: &[u8],
        sealed: &[u8],
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let mut bytes = sealed.to_vec();
        let plain = self
            .0
            .open_in_place(nonce(number), Aad::from(also), &mut bytes)
            .map_err(|_| Error::Decrypt)?;
        let place = out.get_mut(..plain.len()).ok_or(Error::Input)?;
        place.copy_from_slice(plain);
        Ok(plain.len())
    }
}

struct Sha256(Context);

impl Hash for Sha256 {
    fn name(&self) -> &'static str {
        "SHA256"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        32
    }

    fn reset(&mut self) {
        self.0 = Context::new(&SHA256);
    }

    fn input(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        out[..32].copy_from_slice(self.0.clone().finish().as_ref());
    }
}
