// Durations, times and numbers for people.

/** Calling codes with one or two digits; all others have three. */
const CALLING_CODE = /^(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3})(\d*)$/;

/** `4:59`, rounded up to whole seconds. */
export function clock(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** `12 s`, `60 min`: seconds only up to a minute and a half. */
export function duration(seconds) {
  return seconds < 90 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}

/** `15:04`, in the reader's time zone. */
export function timeOfDay(moment) {
  return new Date(moment).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** `3 attempts`, `1 attempt`. */
export function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** The digits of a text. */
export function digits(text) {
  return text.replace(/\D/g, "");
}

/** A number in international format as people write it: `+1 555 123 4567`. */
export function pretty(phone) {
  const [, code, rest] = CALLING_CODE.exec(phone) ?? [null, phone, ""];
  return `+${code} ${rest.replace(/\d{3}(?=\d{3})/g, "$& ")}`.trim();
}
