//! `whatsapp-otp-setup hash`: the 11 characters that identify an Android app to WhatsApp.
//!
//! WhatsApp uses the scheme of Google's SMS Retriever: the SHA-256 digest of the package name, a space and the signing
//! certificate in hexadecimal; the digest's first nine bytes in base64; the first 11 characters of that.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::Args;
use data_encoding::{BASE64, HEXLOWER};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::authentication::PackageName;
use crate::cli::{Manner, print, print_json};
use crate::failure::Failure;

const HASHED_BYTES: usize = 9;
const CHARACTERS: usize = 11;
/// Certificates are one or two KiB long.
const MAX_BYTES: u64 = 1024 * 1024;

#[derive(Debug, Args)]
#[command(after_help = "\
keytool exports the certificate from a keystore (the debug keystore's password is android):

  keytool -exportcert -keystore ~/.android/debug.keystore -alias androiddebugkey |
    whatsapp-otp-setup hash --package com.example.app --certificate -

For an app that Google Play signs, Play Console has it: Setup, App signing, App signing key certificate.")]
pub(crate) struct Arguments {
    /// The app's package name
    #[arg(long, value_name = "NAME", value_parser = PackageName::parse)]
    package: PackageName,
    /// The certificate with which the app is signed, PEM or DER; `-` for standard input
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, manner: Manner) -> Result<u8, Failure> {
    let certificate = certificate(read(&arguments.certificate)?)?;
    let hash = signature_hash(&arguments.package, &certificate);
    if manner.json {
        print_json(&json!({ "package_name": arguments.package.as_str(), "signature_hash": hash }));
    } else {
        print(&hash);
    }
    Ok(0)
}

fn signature_hash(package: &PackageName, certificate: &[u8]) -> String {
    let digest = Sha256::digest(format!("{package} {}", HEXLOWER.encode(certificate)));
    let mut hash = BASE64.encode(&digest[..HASHED_BYTES]);
    hash.truncate(CHARACTERS);
    hash
}

fn read(path: &PathBuf) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let source: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(fs::File::open(path).with_context(|| format!("--certificate {}", path.display()))?)
    };
    source.take(MAX_BYTES).read_to_end(&mut bytes).with_context(|| format!("--certificate {}", path.display()))?;
    Ok(bytes)
}

/// The one certificate, as DER.
fn certificate(bytes: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    const KEYSTORE: &str = "this is a keystore rather than a certificate\n\nhint: whatsapp-otp-setup hash --help explains \
        how to export the certificate";
    if bytes.starts_with(b"\xfe\xed\xfe\xed") {
        bail!(KEYSTORE);
    }
    match der_sequence(&bytes) {
        // A certificate begins with another sequence, and PKCS#12 with its version.
        Some([0x30, ..]) => return Ok(bytes),
        Some([0x02, ..]) => bail!(KEYSTORE),
        _ => {}
    }
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let certificates = certificates.context("expected a certificate, PEM or DER")?;
    ensure!(!certificates.is_empty(), "expected a certificate, PEM or DER");
    ensure!(certificates.len() == 1, "expected one certificate, not {}: the app's own", certificates.len());
    let certificate = certificates[0].to_vec();
    ensure!(matches!(der_sequence(&certificate), Some([0x30, ..])), "expected a certificate in the PEM");
    Ok(certificate)
}

/// The content of the DER sequence that spans all of `bytes` (ITU-T X.690, 8.1).
fn der_sequence(bytes: &[u8]) -> Option<&[u8]> {
    let (&[0x30, length], rest) = bytes.split_first_chunk::<2>()? else { return None };
    let (length, content) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x84 => {
            let (length, content) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (length.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)), content)
        }
        _ => return None,
    };
    (content.len() == length).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Created with `openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=vector -days 36500`.
    const PEM: &[u8] = include_bytes!("../tests/certificate.pem");
    /// The hash of that certificate and `com.example.app`, computed by other tools:
    /// `printf 'com.example.app %s' "$(openssl x509 -in certificate.pem -outform DER | xxd -p | tr -d '\n')" |
    ///  sha256sum | cut -c1-18 | xxd -r -p | base64 | cut -c1-11`
    const HASH: &str = "b6+biJBtfNr";

    fn package() -> PackageName {
        PackageName::parse("com.example.app").unwrap()
    }

    #[test]
    fn a_certificate_has_the_same_hash_as_pem_and_as_der() {
        let der = certificate(PEM.to_vec()).unwrap();
        assert_eq!(signature_hash(&package(), &der), HASH);
        assert_eq!(certificate(der.clone()).unwrap(), der);
        let with_text = [b"Bag Attributes\n  friendlyName: x\n".as_slice(), PEM].concat();
        assert_eq!(certificate(with_text).unwrap(), der);
    }

    #[test]
    fn anything_but_one_certificate_is_refused() {
        let der = certificate(PEM.to_vec()).unwrap();
        for bytes in [
            b"".to_vec(),
            b"com.example.app".to_vec(),
            der[..der.len() - 1].to_vec(),
            [der.as_slice(), b"\n"].concat(),
            [PEM, PEM].concat(),
            b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n".to_vec(),
            b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_vec(),
        ] {
            assert!(certificate(bytes).is_err());
        }
    }

    #[test]
    fn a_keystore_is_recognized() {
        for bytes in [b"\xfe\xed\xfe\xed\0\0\0\x02".to_vec(), b"\x30\x03\x02\x01\x03".to_vec()] {
            assert!(certificate(bytes).unwrap_err().to_string().contains("keystore"));
        }
    }
}
