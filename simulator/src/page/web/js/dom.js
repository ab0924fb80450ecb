// Elements from data. Outside data becomes text, never markup.

/** The element with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Creates an element. `properties` without a property of that name become attributes; children are nodes or text. */
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

/** The drawing with this name. */
export function icon(name) {
  const [svg, use] = ["svg", "use"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Announces `text` in a live region, even if its text is the same already. */
export function say(region, text, tone = "good") {
  region.dataset.tone = tone;
  region.textContent = "";
  region.append(text);
}

/** Makes a button look and act disabled while it keeps the focus. */
export function hold(button, held) {
  button.setAttribute("aria-disabled", String(held));
}

/** Returns true if the button is held. */
export function isHeld(button) {
  return button.getAttribute("aria-disabled") === "true";
}
