//! The requests: a POST of a webhook, and the GET of a handshake.

use std::{sync::OnceLock, time::Duration};

use reqwest::{
    Client, StatusCode,
    header::{CONTENT_TYPE, USER_AGENT},
    redirect,
};
use url::Url;

use super::wire::SIGNATURE;

/// The name under which Meta's servers call.
const AGENT: &str = "facebookexternalua";

/// The time for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most of an answer to a handshake that is read.
const LONGEST_CHALLENGE: usize = 256;

/// A request that got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no answer: {0}")]
pub struct NoAnswer(String);

impl From<reqwest::Error> for NoAnswer {
    fn from(error: reqwest::Error) -> Self {
        // The query of a handshake contains the token.
        Self(error.without_url().to_string())
    }
}

/// A client that is built when it is first needed: building reads the system's certificates.
#[derive(Debug, Default)]
pub(crate) struct Poster(OnceLock<Result<Client, NoAnswer>>);

impl Poster {
    /// Posts these bytes with these values of the signature's header, and returns the answer's status.
    pub(crate) async fn post(&self, url: Url, body: Vec<u8>, signatures: &[&str]) -> Result<u16, NoAnswer> {
        let request = self.client()?.post(url).header(USER_AGENT, AGENT).header(CONTENT_TYPE, "application/json");
        let request = signatures.iter().fold(request, |request, signature| request.header(SIGNATURE, *signature));
        Ok(request.body(body).send().await?.status().as_u16())
    }

    /// Asks the URL to repeat a challenge. Returns the status of an answer that does not.
    pub(crate) async fn handshake(&self, mut url: Url, verify_token: &str) -> Result<Result<(), u16>, NoAnswer> {
        let challenge = rand::random_range(100_000_000_u32..=u32::MAX).to_string();
        url.query_pairs_mut()
            .append_pair("hub.mode", "subscribe")
            .append_pair("hub.challenge", &challenge)
            .append_pair("hub.verify_token", verify_token);
        let mut response = self.client()?.get(url).header(USER_AGENT, AGENT).send().await?;
        let mut body = Vec::new();
        while body.len() <= LONGEST_CHALLENGE
            && let Some(chunk) = response.chunk().await?
        {
            body.extend_from_slice(&chunk);
        }
        let status = response.status();
        let repeated = status == StatusCode::OK && body == challenge.as_bytes();
        Ok(if repeated { Ok(()) } else { Err(status.as_u16()) })
    }

    fn client(&self) -> Result<&Client, NoAnswer> {
        let client = self.0.get_or_init(|| {
            // Fails if the process has a provider already.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let client = Client::builder().no_proxy().redirect(redirect::Policy::none()).timeout(PATIENCE);
            Ok(client.build()?)
        });
        client.as_ref().map_err(Clone::clone)
    }
}
