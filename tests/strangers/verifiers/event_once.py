"""Verifies an event with PyPI's standardwebhooks: the question as JSON on standard input, the answer as JSON on standard output."""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError

asked = json.load(sys.stdin)
try:
    answer = {"event": Webhook(asked["secret"]).verify(asked["body"], asked["headers"])}
except WebhookVerificationError as error:
    answer = {"refused": repr(error)}
json.dump(answer, sys.stdout)
