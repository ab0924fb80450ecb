// Copies text, also where browsers offer no clipboard API: on plain HTTP from another machine.

/** Copies `text`. Resolves to true if that worked. */
export async function copy(text) {
  const isCopied = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  return isCopied || copyBySelection(text);
}

/** Copies `text`. Resolves to `done`, or to a sentence that says that it was not possible. */
export async function copied(text, done) {
  return (await copy(text)) ? done : "This browser does not allow the page to copy.";
}

function copyBySelection(text) {
  const before = document.activeElement;
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "off-screen";
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  before?.focus();
  return copied;
}
