// Programs that repeat a request. They read the key from the environment, to keep it out of histories and chats.

import { quote } from "./curl.js";

/** The headers that a program has to repeat. */
const REPEATED = { "content-type": "Content-Type", "idempotency-key": "Idempotency-Key", "x-client-ip": "X-Client-IP" };

/** The programs by their names; null if the request is not known completely. */
export function snippets({ about, method, path, request }, origin) {
  if (request.is_cut) {
    return null;
  }
  const given = new Map(request.headers);
  const headers = Object.entries(REPEATED).filter(([name]) => given.has(name)).map(([name, spelled]) => [spelled, given.get(name)]);
  const variable = about === "call" ? "WHATSAPP_TOKEN" : given.has("authorization") ? "OTP_KEY" : null;
  const url = (about === "call" ? location.origin : origin) + path;
  const repeated = { method, url, headers, variable, body: request.body };
  return { curl: curl(repeated), fetch: fetched(repeated), Python: python(repeated) };
}

function curl({ method, url, headers, variable, body }) {
  const words = ["curl", "-i", ...(/[[\]{}]/.test(url) ? ["-g"] : []), quote(url)];
  if (method === "HEAD") {
    words.push("-I");
  } else if (method !== (body === "" ? "GET" : "POST")) {
    words.push("-X", quote(method));
  }
  if (variable !== null) {
    words.push("-H", `"Authorization: Bearer $${variable}"`);
  }
  words.push(...headers.flatMap(([name, value]) => ["-H", quote(`${name}: ${value}`)]));
  return [...words, ...(body === "" ? [] : ["--data-raw", quote(body)])].join(" ");
}

/** JSON is also a literal of JavaScript and, with the characters beyond ASCII as they are, of Python. */
const literal = JSON.stringify;

function fetched({ method, url, headers, variable, body }) {
  const lines = headers.map(([name, value]) => `${literal(name)}: ${literal(value)}`);
  if (variable !== null) {
    lines.unshift(`Authorization: \`Bearer \${process.env.${variable}}\``);
  }
  return [
    `const response = await fetch(${literal(url)}, {`,
    `  method: ${literal(method)},`,
    ...(lines.length === 0 ? [] : ["  headers: {", ...lines.map((line) => `    ${line},`), "  },"]),
    ...(body === "" ? [] : [`  body: ${literal(body)},`]),
    "});",
    "console.log(response.status, await response.text());",
  ].join("\n");
}

function python({ method, url, headers, variable, body }) {
  const lines = headers.map(([name, value]) => `${literal(name)}: ${literal(value)}`);
  if (variable !== null) {
    lines.unshift(`"Authorization": "Bearer " + os.environ["${variable}"]`);
  }
  return [
    ...(variable === null ? [] : ["import os"]),
    "import urllib.error",
    "import urllib.request",
    "",
    "request = urllib.request.Request(",
    `    ${literal(url)},`,
    `    method=${literal(method)},`,
    ...(lines.length === 0 ? [] : ["    headers={", ...lines.map((line) => `        ${line},`), "    },"]),
    ...(body === "" ? [] : [`    data=${literal(body)}.encode(),`]),
    ")",
    "try:",
    "    response = urllib.request.urlopen(request)",
    "except urllib.error.HTTPError as error:",
    "    response = error",
    "print(response.status, response.read().decode())",
  ].join("\n");
}
