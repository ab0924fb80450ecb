"""A sign-in by phone number: the browser calls this backend, and only this backend calls whatsapp-otp."""

import asyncio
import logging
import os
import re
import secrets
import uuid

import httpx
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel
from starlette.middleware.sessions import SessionMiddleware

OTP_URL = os.environ.get("OTP_URL", "http://127.0.0.1:3000")
OTP_KEY = os.environ["OTP_KEY"]

# For people, by the code of the problem. Any other code is a fault of this program or its settings.
MESSAGES = {
    "invalid_phone_number": "Check the number. It starts with + and the country code.",
    "destination_not_allowed": "This number cannot be used.",
    "send_failed": "WhatsApp refused the message. Check the number.",
    "invalid_request": "Check what you entered.",
    "code_incorrect": "That is not the code.",
    "attempts_exhausted": "That is not the code. Request a new one.",
    "verification_expired": "The code has expired. Request a new one.",
    "verification_not_pending": "The code is no longer valid. Request a new one.",
    "verification_not_found": "The code is no longer valid. Request a new one.",
    "resend_too_soon": "The code is on its way. Wait a moment.",
    "too_many_sends": "This number has received too many codes. Try again later.",
    "too_many_failures": "There were too many wrong codes. Try again later.",
    "rate_limited": "There were too many requests. Try again later.",
    "unavailable": "This does not work at the moment. Try again.",
}

client = httpx.AsyncClient(base_url=OTP_URL, headers={"Authorization": f"Bearer {OTP_KEY}"}, timeout=20)
app = FastAPI()
app.add_middleware(SessionMiddleware, secret_key=os.environ.get("SESSION_SECRET") or secrets.token_hex(), same_site="lax")


class Number(BaseModel):
    number: str


class Code(BaseModel):
    code: str


async def otp(path, body):
    """Calls whatsapp-otp. The Idempotency-Key makes it safe to repeat a call whose answer was lost."""
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    for _ in range(3):
        try:
            answer = await client.post("/v1/verifications" + path, json=body, headers=headers)
            json = answer.json()
            if json.get("code") != "idempotency_in_progress":
                return answer.status_code, json
        except (httpx.TransportError, ValueError) as error:
            logging.error("no answer from whatsapp-otp: %r", error)
        await asyncio.sleep(1)
    return 503, {"code": "unavailable", "retry_after_seconds": 1}


def refusal(status, problem):
    code, wait = problem.get("code"), problem.get("retry_after_seconds")
    if code not in MESSAGES:
        logging.error("whatsapp-otp answered %s: %s", status, problem)
        return HTTPException(500, {"error": "internal_error", "message": "Something went wrong."})
    told = {"error": code, "message": MESSAGES[code], "attempts_left": problem.get("attempts_left"), "retry_after_seconds": wait}
    return HTTPException(status, told, {"Retry-After": str(wait)} if wait else None)


def started(request):
    if verification := request.session.get("verification"):
        return verification
    raise HTTPException(409, {"error": "not_started", "message": "Enter your number first."})


@app.post("/sign-in")
async def sign_in(body: Number, request: Request):
    to = re.sub(r"[\s().-]", "", body.number)
    status, json = await otp("", {"to": to, "client": {"ip": request.client.host}})
    if status not in (200, 201):
        raise refusal(status, json)
    # Kept here, so that nobody can enter codes for another's sign-in.
    request.session["verification"] = json["id"]
    return {"to": json["to_masked"], "resend_at": json.get("resend_at"), "expires_at": json["expires_at"]}


@app.post("/sign-in/resend")
async def resend(request: Request):
    status, json = await otp(f"/{started(request)}/resend", {"client": {"ip": request.client.host}})
    if status != 200:
        raise refusal(status, json)
    return {"to": json["to_masked"], "resend_at": json.get("resend_at"), "expires_at": json["expires_at"]}


@app.post("/sign-in/code")
async def code(body: Code, request: Request):
    status, json = await otp(f"/{started(request)}/check", {"code": body.code, "client": {"ip": request.client.host}})
    if status != 200:  # 200 means that the code is right, and nothing else does.
        raise refusal(status, json)
    request.session.clear()
    request.session["number"] = json["to"]
    return {"number": json["to"]}


@app.get("/me")
async def me(request: Request):
    if number := request.session.get("number"):
        return {"number": number}
    raise HTTPException(401, {"error": "not_signed_in", "message": "Sign in first."})
