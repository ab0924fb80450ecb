// Requests as commands for a POSIX shell.

/** Quotes a word so that the shell takes it literally. */
export function quote(word) {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The command that repeats `request`. It reads the key from the environment, to keep it out of histories and chats. */
export function curl({ method, url, key, idempotencyKey, body }) {
  const words = ["curl", "-i", quote(url)];
  if (method === "POST" && body === null) {
    words.push("-X", "POST");
  }
  if (key !== "") {
    words.push("-H", '"Authorization: Bearer $OTP_KEY"');
  }
  if (idempotencyKey !== null) {
    words.push("-H", quote(`Idempotency-Key: ${idempotencyKey}`));
  }
  if (body !== null) {
    words.push("-H", quote("Content-Type: application/json"), "-d", quote(body));
  }
  return words.join(" ");
}
