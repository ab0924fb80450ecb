//! Signatures of webhooks: `X-Hub-Signature-256: sha256=…`, the HMAC-SHA-256 of the body's bytes under the app's secret.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// A signature as it was sent. It may be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signature([u8; 32]);

impl Signature {
    /// Parses the values of the header, of which there must be exactly one.
    pub(super) fn parse(values: &[&[u8]]) -> Option<Self> {
        let [value] = values else { return None };
        let digits = value.strip_prefix(b"sha256=")?;
        HEXLOWER.decode(digits).ok()?.try_into().ok().map(Self)
    }

    /// Returns `true` if one of the secrets signed these bytes. The time does not depend on which.
    pub(super) fn is_of(&self, body: &[u8], secrets: &[SecretString]) -> bool {
        let signed = secrets.iter().fold(Choice::from(0), |signed, secret| signed | sign(body, secret).ct_eq(&self.0));
        signed.into()
    }
}

fn sign(body: &[u8], secret: &SecretString) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104, section 2)")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes any key");
    mac.update(body);
    mac.finalize().into_bytes().into()
}

/// Returns `true` if the text is one of the secrets. The time depends neither on which, nor on how much of one it has.
pub(super) fn is_one_of(text: &str, secrets: &[SecretString]) -> bool {
    let digest = |text: &str| <[u8; 32]>::from(Sha256::digest(text.as_bytes()));
    let offered = digest(text);
    let found =
        secrets.iter().fold(Choice::from(0), |found, secret| found | digest(secret.expose_secret()).ct_eq(&offered));
    found.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = r#"{"object":"whatsapp_business_account","entry":[{"id":"2000000001","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550001111","phone_number_id":"1000000001"},"statuses":[{"id":"wamid.SIM0001","status":"delivered","timestamp":"1793800000","recipient_id":"15551234567","biz_opaque_callback_data":"ch_1"}]}}]}]}"#;
    const ESCAPED: &str = r#"{"object":"whatsapp_business_account","entry":[{"id":"2000000001","changes":[{"field":"messages","value":{"contacts":[{"profile":{"name":"Zo\u00eb \ud83d\ude00 a\/b"}}]}}]}]}"#;

    fn secrets() -> [SecretString; 2] {
        ["sim-app-secret-0000".into(), "sim-app-secret-0001".into()]
    }

    fn is_good(header: &str, body: &str) -> bool {
        Signature::parse(&[header.as_bytes()]).is_some_and(|signature| signature.is_of(body.as_bytes(), &secrets()))
    }

    #[test]
    fn the_body_is_signed_as_it_was_sent() {
        let header = "sha256=f9c6840cd7ed472df47b98e291864380cf21d4b2762758e27cbd51748209c00d";
        assert_eq!(STATUS.len(), 368);
        assert!(is_good(header, STATUS));
        assert!(!is_good(header, &STATUS.replace("SIM0001", "SIM0002")));
    }

    #[test]
    fn escapes_are_signed_as_they_were_sent() {
        assert!(is_good("sha256=23037ca8028f3b9b83b7ee90f8910758e77282c19e01fef2fc84a3e6b4c196ee", ESCAPED));
    }

    #[test]
    fn a_compact_ascii_dump_is_not_what_was_sent() {
        let header = "sha256=2c1da434ead1c6a914e0b917579b127389f698451d73fcd9227ce2f9218b14f2";
        assert!(!is_good(header, ESCAPED));
        assert!(is_good(header, &ESCAPED.replace(r"\/", "/")), "the vector is of this text");
    }

    #[test]
    fn a_utf8_dump_is_not_what_was_sent() {
        let header = "sha256=32b4496dcdd61c9de1b2e9a586290f7a74bedb336b912a0d775ed6d9b4b2bde7";
        assert!(!is_good(header, ESCAPED));
        assert!(
            is_good(header, &ESCAPED.replace(r"Zo\u00eb \ud83d\ude00 a\/b", "Zoë 😀 a/b")),
            "the vector is of this"
        );
    }

    #[test]
    fn the_header_is_one_scheme_and_64_lower_case_digits() {
        let digits = "f9c6840cd7ed472df47b98e291864380cf21d4b2762758e27cbd51748209c00d";
        let good = format!("sha256={digits}");
        assert!(Signature::parse(&[good.as_bytes()]).is_some());
        assert!(Signature::parse(&[]).is_none());
        assert!(Signature::parse(&[good.as_bytes(), good.as_bytes()]).is_none());
        for header in [
            String::new(),
            digits.to_owned(),
            format!("sha1={digits}"),
            format!("SHA256={digits}"),
            format!("sha256={}", digits.to_uppercase()),
            format!("sha256={}", &digits[2..]),
            format!("sha256={digits}00"),
            format!("sha256= {digits}"),
            format!("sha256={digits} "),
            format!("{good},{good}"),
            format!("sha256={}é", &digits[2..]),
        ] {
            assert!(Signature::parse(&[header.as_bytes()]).is_none(), "{header}");
        }
    }

    #[test]
    fn no_secret_signs_nothing() {
        let signature = Signature(sign(b"", &"".into()));
        assert!(!signature.is_of(b"", &[]));
        assert!(!is_one_of("", &[]));
        assert!(is_one_of("sim-app-secret-0000", &secrets()) && !is_one_of("sim-app-secret", &secrets()));
    }
}
