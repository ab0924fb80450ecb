// Elements from data. Whatever comes from outside becomes text, never markup.

/** The element with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** A new element. `properties` are its own, or attributes if it has none of that name; children are nodes or text. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) {
      made[name] = value;
    } else {
      made.setAttribute(name, value);
    }
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Says `text` in a live region, also if it says the same already. */
export function say(region, text) {
  region.textContent = "";
  region.append(text);
}

/** Makes a button look and act disabled while it keeps the focus. */
export function hold(button, held) {
  button.setAttribute("aria-disabled", String(held));
}

/** Whether the button is held. */
export function isHeld(button) {
  return button.getAttribute("aria-disabled") === "true";
}
