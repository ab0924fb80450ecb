//! `proof.*`: the keys, the issuer and the rules of proofs.

use crate::config::keys;
use crate::config::reader::{Reader, Reported};
use crate::http::PublicUrl;
use crate::otp::{Audience, ProofPolicy};
use crate::proof::{Issuer, KeyFile, KeyFiles, ProofSettings};

/// Reads the rules for an app's proofs.
pub(in crate::config) fn read_policy(reader: &mut Reader) -> Result<ProofPolicy, Reported> {
    let audiences = reader.list("proof.audiences", Audience::parse);
    let lifetime = reader.duration("proof.lifetime");
    Ok(ProofPolicy { audiences: audiences?, lifetime: lifetime? })
}

/// Reads the files of keys and the issuer, which there must be if there are files.
pub(in crate::config) fn read(reader: &mut Reader) -> Result<Option<ProofSettings>, Reported> {
    let parts = read_parts(reader);
    let public_url = reader.optional("server.public_url", PublicUrl::parse);
    let (files, issuer) = parts?;
    if files.is_empty() {
        return Ok(None);
    }
    match issuer.or(public_url?.map(|url| Issuer::of_url(url.as_str()))) {
        Some(issuer) => Ok(Some(ProofSettings { issuer, files })),
        None => Err(reader.fault("proof.issuer", "an issuer, or server.public_url, as there are keys of proofs")),
    }
}

/// Reads the files of keys and the issuer, all of which may be left out.
pub(in crate::config) fn read_parts(reader: &mut Reader) -> Result<(KeyFiles, Option<Issuer>), Reported> {
    let mut files = |key| reader.list(key, |entry| KeyFile::parse(entry).map_err(|_| keys::takes(key)));
    let live = files("proof.signing_key_files");
    let test = files("proof.test_signing_key_files");
    let issuer = reader.optional("proof.issuer", Issuer::parse);
    Ok((KeyFiles { live: live?, test: test? }, issuer?))
}
