// Durations, times and numbers for people.

/** `4 min 59 s`, `12 s`, rounded up to whole seconds. */
export function duration(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  if (seconds >= 3600) {
    return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  }
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  return [minutes > 0 ? `${minutes} min` : "", rest > 0 || minutes === 0 ? `${rest} s` : ""].join(" ").trim();
}

/** `15:04`, in the reader's time zone. */
export function timeOfDay(moment) {
  return new Date(moment).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** `once`, `3 times`. */
export function times(count) {
  return count === 1 ? "once" : `${count} times`;
}

/** The digits of a text. */
export function digits(text) {
  return text.replace(/\D/g, "");
}
