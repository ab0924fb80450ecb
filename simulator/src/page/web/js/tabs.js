// Tabs: one panel at a time, chosen with the arrow keys or a click.

/** Sets up the tabs in a list. */
export function useTabs(list) {
  const tabs = [...list.querySelectorAll("[role=tab]")];
  const choose = (chosen) => tabs.forEach((tab) => {
    tab.setAttribute("aria-selected", String(tab === chosen));
    tab.tabIndex = tab === chosen ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = tab !== chosen;
  });
  list.addEventListener("click", ({ target }) => {
    const tab = target.closest("[role=tab]");
    if (tab !== null) {
      choose(tab);
    }
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step !== undefined) {
      const next = tabs.at((tabs.indexOf(document.activeElement) + step) % tabs.length);
      choose(next);
      next.focus();
    }
  });
}
