// The simulator's own calls: settings, records, messages, events, orders and switches.

async function call(path, options = {}) {
  const response = await fetch(path, { ...options, cache: "no-store", signal: AbortSignal.timeout(10_000) });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(refusal(text) ?? `The simulator answered ${response.status}.`);
  }
  return text === "" ? null : JSON.parse(text);
}

function refusal(text) {
  try {
    const { error } = JSON.parse(text);
    return typeof error === "string" ? error : null;
  } catch {
    return null;
  }
}

function send(method, path, body) {
  return call(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

export const settings = () => call("/page/settings.json");
export const record = (phone) => call(`/page/record/${encodeURIComponent(phone)}`);
export const readiness = () => call("/page/readiness.json");
export const messages = (limit) => call(`/inbox?limit=${limit}`);
export const read = (phone) => call(`/inbox/${encodeURIComponent(phone)}/read`, { method: "POST" });
export const deny = (id) => call(`/inbox/messages/${encodeURIComponent(id)}/did-not-request`, { method: "POST" });
export const feed = () => call("/feed");
export const clearFeed = () => call("/feed", { method: "DELETE" });
export const resetLimits = () => call("/page/limits", { method: "DELETE" });
export const events = () => call("/events");
export const errors = () => call("/orders/errors");
export const orders = () => call("/orders");
export const giveOrder = (order) => send("POST", "/orders", order);
export const clearOrders = () => call("/orders", { method: "DELETE" });
export const template = (id) => call(`/switches/templates/${encodeURIComponent(id)}`);
export const setTemplate = (id, change) => send("PUT", `/switches/templates/${encodeURIComponent(id)}`, change);
export const switches = () => call("/switches");
export const setAccount = (account) => send("PATCH", "/switches", { account });
