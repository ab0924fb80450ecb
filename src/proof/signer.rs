//! The tokens: header, claims and signature.

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde::Serialize;

use super::key::SigningKey;
use super::keys::ProofKeys;
use super::settings::Issuer;
use crate::otp::{Proof, ProofFacts, ProofSigner};

/// The type of token, which keeps others from being taken for a proof (RFC 8725, section 3.11).
const TYPE: &str = "otp-proof+jwt";

/// Signs proofs with the keys in force.
#[derive(Debug)]
pub struct Signer {
    keys: ProofKeys,
    issuer: Issuer,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    kid: &'a str,
    typ: &'a str,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: String,
    aud: &'a str,
    sub: String,
    iat: i64,
    exp: i64,
    jti: &'a str,
    phone_number: String,
    phone_number_verified: bool,
    app: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    auth_time: i64,
    amr: [&'a str; 1],
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<bool>,
}

impl Signer {
    /// Signs with these keys as `issuer`.
    #[must_use]
    pub fn new(keys: ProofKeys, issuer: Issuer) -> Self {
        Self { keys, issuer }
    }
}

impl ProofSigner for Signer {
    fn sign(&self, facts: &ProofFacts<'_>) -> Option<Proof> {
        let world = facts.app.world();
        let worlds = self.keys.current();
        let key = worlds.of(world).signing(Timestamp::now())?;
        let proof = token(key, &claims(self.issuer.of(world), facts));
        if proof.is_none() {
            tracing::error!(verification = %facts.id, kid = key.kid(), "a proof could not be signed");
        }
        proof
    }
}

fn claims<'a>(iss: String, facts: &'a ProofFacts<'_>) -> Claims<'a> {
    let approved_at = facts.approved_at.0.div_euclid(1_000);
    Claims {
        iss,
        aud: facts.audience.as_str(),
        sub: facts.id.to_string(),
        iat: approved_at,
        exp: approved_at.saturating_add_unsigned(facts.lifetime.as_secs()),
        jti: &facts.jti,
        phone_number: facts.phone.e164(),
        phone_number_verified: true,
        app: facts.app.as_str(),
        nonce: facts.nonce.map(crate::otp::Nonce::as_str),
        auth_time: approved_at,
        amr: ["otp"],
        channel: facts.channel.as_str(),
        test: facts.app.is_test().then_some(true),
    }
}

fn token(key: &SigningKey, claims: &Claims<'_>) -> Option<Proof> {
    let header = Header { alg: "ES256", kid: key.kid(), typ: TYPE };
    let mut token = BASE64URL_NOPAD.encode(&serde_json::to_vec(&header).ok()?);
    token.push('.');
    BASE64URL_NOPAD.encode_append(&serde_json::to_vec(claims).ok()?, &mut token);
    let signature = key.sign(&token).ok()?;
    token.push('.');
    BASE64URL_NOPAD.encode_append(signature.as_ref(), &mut token);
    Some(Proof::new(token))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
    use serde_json::{Value, json};

    use super::*;
    use crate::otp::{
        AppName, Audience, Channel, CodeLength, KeyRing, Nonce, OtpSecret, PhoneNumber, UnixMillis, VerificationId,
        World,
    };
    use crate::proof::KeyFiles;

    struct Subject {
        id: VerificationId,
        phone: PhoneNumber,
        app: AppName,
        audience: Audience,
        nonce: Option<Nonce>,
        jti: String,
    }

    impl Subject {
        fn new(audience: &str, nonce: Option<&str>, world: World) -> Self {
            let ring = KeyRing::new(OtpSecret::new(vec![1; 32]).unwrap(), Vec::new());
            let app = AppName::default().in_world(world);
            let phone = PhoneNumber::parse("15551234567").unwrap();
            let (length, mut random) = (CodeLength::new(6).unwrap(), StdRng::seed_from_u64(1));
            let id = ring.issue(&app, &phone, length, &mut random).unwrap().id;
            let jti = ring.proof_id(&id).unwrap();
            let nonce = nonce.map(|nonce| Nonce::parse(nonce).unwrap());
            Self { id, phone, app, audience: Audience::parse(audience).unwrap(), nonce, jti }
        }

        fn proof(&self, signer: &Signer) -> Option<Proof> {
            signer.sign(&ProofFacts {
                app: &self.app,
                id: &self.id,
                phone: &self.phone,
                audience: &self.audience,
                nonce: self.nonce.as_ref(),
                channel: &Channel::whatsapp(),
                approved_at: UnixMillis(1_764_064_821_999),
                lifetime: Duration::from_mins(5),
                jti: self.jti.clone(),
            })
        }
    }

    async fn signer() -> Signer {
        let keys = ProofKeys::follow_or_draw(KeyFiles::default()).await.unwrap();
        Signer::new(keys, Issuer::parse("https://otp.example.com").unwrap())
    }

    fn parts(proof: &Proof) -> [Vec<u8>; 3] {
        let parts: Vec<_> =
            proof.expose().split('.').map(|part| BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).collect();
        parts.try_into().unwrap()
    }

    fn claims_of(proof: &Proof) -> Value {
        serde_json::from_slice(&parts(proof)[1]).unwrap()
    }

    #[tokio::test]
    async fn a_proof_states_what_was_proved() {
        let (signer, subject) =
            (signer().await, Subject::new("https://shop.example.com", Some("n-0S6_WzA2Mj"), World::Live));
        let proof = subject.proof(&signer).unwrap();
        let [header, claims, _] = parts(&proof);
        let worlds = signer.keys.current();
        let kid = worlds.of(World::Live).signing(Timestamp::now()).unwrap().kid();
        let header: Value = serde_json::from_slice(&header).unwrap();
        assert_eq!(header, json!({ "alg": "ES256", "kid": kid, "typ": "otp-proof+jwt" }));
        assert_eq!(
            serde_json::from_slice::<Value>(&claims).unwrap(),
            json!({
                "iss": "https://otp.example.com", "aud": "https://shop.example.com", "sub": subject.id.to_string(),
                "iat": 1_764_064_821, "exp": 1_764_065_121, "jti": subject.jti,
                "phone_number": "+15551234567", "phone_number_verified": true, "app": "default",
                "nonce": "n-0S6_WzA2Mj", "auth_time": 1_764_064_821, "amr": ["otp"], "channel": "whatsapp",
            })
        );
        assert!(proof.expose().len() < 1_000, "{}", proof.expose().len());
    }

    #[tokio::test]
    async fn the_published_key_verifies_a_proof() {
        let (signer, subject) = (signer().await, Subject::new("shop", None, World::Live));
        let proof = subject.proof(&signer).unwrap();
        let jwks: Value = serde_json::from_str(&signer.keys.current().of(World::Live).jwks().text).unwrap();
        let coordinate = |name: &str| BASE64URL_NOPAD.decode(jwks["keys"][0][name].as_str().unwrap().as_bytes());
        let point = [vec![4], coordinate("x").unwrap(), coordinate("y").unwrap()].concat();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        let (text, _) = proof.expose().rsplit_once('.').unwrap();
        let [.., signature] = parts(&proof);
        assert!(public.verify(text.as_bytes(), &signature).is_ok());
        assert!(claims_of(&proof).get("nonce").is_none());
    }

    #[tokio::test]
    async fn a_proof_that_is_signed_again_says_the_same() {
        let (signer, subject) = (signer().await, Subject::new("shop", Some("n"), World::Live));
        let [first, second] = [(); 2].map(|()| subject.proof(&signer).unwrap());
        assert_eq!(claims_of(&first), claims_of(&second));
    }

    #[tokio::test]
    async fn a_test_proof_has_another_issuer_and_key_and_says_so() {
        let signer = signer().await;
        let [real, test] = World::ALL.map(|world| Subject::new("shop", None, world).proof(&signer).unwrap());
        let claims = claims_of(&test);
        assert_eq!((&claims["iss"], &claims["test"]), (&json!("https://otp.example.com/test"), &json!(true)));
        assert_eq!(claims_of(&real).get("test"), None);
        assert_ne!(parts(&real)[0], parts(&test)[0]);
    }

    #[tokio::test]
    async fn no_key_signs_for_the_other_world() {
        let keys = ProofKeys::follow(KeyFiles::default()).await.unwrap();
        let signer = Signer::new(keys, Issuer::parse("https://otp.example.com").unwrap());
        for world in World::ALL {
            assert_eq!(Subject::new("shop", None, world).proof(&signer), None);
        }
    }
}
