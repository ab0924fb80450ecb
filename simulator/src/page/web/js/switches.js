// The state of the simulated account and its template, which stays until it is changed back, and the readiness that
// follows.

import { byId, element, say } from "./dom.js";
import * as simulator from "./simulator.js";

const ACCOUNT = [
  ["active", "Account active"], ["locked", "Account locked"], ["blocked", "Blocked for a policy"],
  ["unpaid", "Bill unpaid"], ["maintenance", "In maintenance"], ["token_revoked", "Token revoked"],
  ["app_budget_spent", "Too many calls"],
];
const TEMPLATE = [["APPROVED", "Template approved"], ["PAUSED", "Template paused"], ["DISABLED", "Template disabled"]];

export class Switches {
  #templates;
  #seesReadiness;

  /** `templates` are those of `settings.json`, one for each language. */
  constructor({ templates, readiness }) {
    this.#templates = templates.map(({ id }) => id);
    this.#seesReadiness = readiness;
    byId("readiness").hidden = !readiness;
    fill("account", ACCOUNT, (account) => simulator.setAccount(account));
    fill("template", TEMPLATE, (status) => Promise.all(this.#templates.map((id) => simulator.setTemplate(id, { status }))));
  }

  /** Shows the state, which other programs change as well. */
  async refresh() {
    try {
      const [{ account }, { status }] = await Promise.all([simulator.switches(), simulator.template(this.#templates[0])]);
      show("account", account);
      show("template", status);
      if (this.#seesReadiness) {
        showReadiness(await simulator.readiness());
      }
    } catch {
      // The header shows that the connection is lost.
    }
  }
}

function fill(id, options, change) {
  byId(id).append(...options.map(([value, label]) => element("option", { value }, label)));
  byId(id).addEventListener("change", async ({ target }) => {
    mark(target);
    try {
      await change(target.value);
      say(byId("order-says"), "");
    } catch (error) {
      say(byId("order-says"), error.message, "bad");
    }
  });
}

function show(id, value) {
  const list = byId(id);
  if (document.activeElement === list || list.value === value) {
    return;
  }
  if (![...list.options].some((option) => option.value === value)) {
    list.append(element("option", { value }, value));
  }
  list.value = value;
  mark(list);
}

/** Shows whether the service can do its work, as its load balancer and its operators see it. */
function showReadiness({ status, dependencies }) {
  const faults = Object.entries(dependencies).filter(([, dependency]) => dependency.status !== "ok");
  const reasons = ({ suspended, reason }) =>
    suspended?.length > 0 ? [...new Set(suspended.map(({ scope, reason: why }) => `${scope} suspended, ${why}`))].join("; ") : reason;
  const text = faults.map(([name, fault]) => `${name} ${fault.status}: ${reasons(fault)}`).join(" ");
  const line = byId("readiness");
  const shown = `Readiness: ${status.replace("_", " ")}${faults.length === 0 ? "." : `, but ${text}`}`;
  line.dataset.tone = faults.length === 0 ? "good" : "bad";
  if (line.textContent !== shown) {
    line.textContent = shown;
  }
}

/** The first option is the usual state. */
function mark(list) {
  list.toggleAttribute("data-unusual", list.selectedIndex > 0);
}
