import jwt


def verifier(jwks_url, issuer, audience):
    # Keeps the keys for five minutes, and fetches them again for an unknown one at most once a minute.
    keys = jwt.PyJWKClient(jwks_url, lifespan=300, cooldown_duration=60)

    def verify(proof, nonce):
        token = jwt.decode_complete(
            proof,
            keys.get_signing_key_from_jwt(proof),
            algorithms=["ES256"],
            issuer=issuer,
            audience=audience,
            leeway=60,
            options={"require": ["exp", "iat", "iss", "aud", "nonce"]},
        )
        if token["header"].get("typ") != "otp-proof+jwt":
            raise jwt.InvalidTokenError("this is no proof")
        if token["payload"]["nonce"] != nonce:
            raise jwt.InvalidTokenError("the nonce is that of another session")
        return token["payload"]

    return verify
