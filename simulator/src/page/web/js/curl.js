// Requests as commands for a POSIX shell.

/** Quotes a word so that the shell takes it literally. */
export function quote(word) {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The command that repeats `request`. It reads the key from the environment, to keep it out of histories and chats. */
export function curl(request) {
  const words = ["curl", "-i", quote(request.url)];
  if (request.method === "POST" && request.body === null) {
    words.push("-X", "POST");
  }
  if (request.withKey) {
    words.push("-H", '"Authorization: Bearer $OTP_KEY"');
  }
  if (request.idempotencyKey !== null) {
    words.push("-H", quote(`Idempotency-Key: ${request.idempotencyKey}`));
  }
  if (request.body !== null) {
    words.push("-H", quote("Content-Type: application/json"), "-d", quote(request.body));
  }
  return words.join(" ");
}
