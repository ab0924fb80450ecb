"""Verifies a proof with PyJWT: the question as JSON on standard input, the answer as JSON on standard output."""

import json
import sys
from datetime import datetime, timedelta

import jwt
from with_pyjwt import verifier

asked = json.load(sys.stdin)


class Later(datetime):
    """The clock, ahead of time."""

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + timedelta(seconds=asked["ahead"])


jwt.api_jwt.datetime = Later
try:
    verify = verifier(asked["jwks"], asked["issuer"], asked["audience"])
    answer = {"claims": verify(asked["proof"], asked["nonce"])}
except jwt.PyJWTError as error:
    answer = {"refused": repr(error)}
json.dump(answer, sys.stdout)
