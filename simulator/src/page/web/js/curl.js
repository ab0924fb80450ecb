// A request as a command for a POSIX shell.

/** Quotes a word so that the shell takes it as it is. */
export function quote(word) {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The command that repeats `request`. A key is read from the environment: it belongs in no history or chat. */
export function curl(request) {
  const words = ["curl", "-i", quote(request.url)];
  if (request.withKey) {
    words.push("-H", '"Authorization: Bearer $API_KEY"');
  }
  if (request.body !== null) {
    words.push("-H", quote("Content-Type: application/json"), "-d", quote(request.body));
  }
  return words.join(" ");
}
