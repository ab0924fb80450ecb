// Event streams that reconnect.

const RETRY_AFTER = 3_000;

/** Follows the stream at `path`. `on` has a function for each kind of event; those of messages get the parsed data. */
export function follow(path, { open, lost, ...on }) {
  const stream = new EventSource(path);
  stream.addEventListener("open", open);
  for (const [kind, take] of Object.entries(on)) {
    stream.addEventListener(kind, ({ data }) => take(JSON.parse(data)));
  }
  stream.addEventListener("error", () => {
    lost?.();
    // Browsers reconnect, except after an answer that is no event stream.
    if (stream.readyState === EventSource.CLOSED) {
      setTimeout(() => follow(path, { open, lost, ...on }), RETRY_AFTER);
    }
  });
}
