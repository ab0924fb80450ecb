// Assembles the page. Every other module has one subject and leaves the others' elements alone.

import { Deliveries } from "./deliveries.js";
import { byId, element } from "./dom.js";
import { showEvents } from "./events.js";
import { showExchanges } from "./exchange.js";
import { Inbox } from "./inbox.js";
import { Orders } from "./orders.js";
import { chooseButton, Phone } from "./phone.js";
import { RecordPanel } from "./record.js";
import { Service } from "./service.js";
import { SignIn } from "./sign-in.js";
import * as simulator from "./simulator.js";
import { digits } from "./words.js";

const HEARTBEAT = 3_000;

const settings = await simulator.settings().catch((error) => {
  byId("connection").textContent = "The simulator does not answer. Reload the page once it does.";
  throw error;
});
const inbox = new Inbox();
const phone = new Phone(inbox, settings);
const record = new RecordPanel(settings.records);
const orders = new Orders();

phone.addEventListener("phone", ({ detail }) => { record.phone = detail; });
if (settings.service === null) {
  explainHowToNameAService();
} else {
  const service = new Service(settings.service.origin);
  const signIn = new SignIn(service, settings.service);
  phone.app = signIn;
  if (settings.webhooks) {
    phone.deliveries = new Deliveries(settings.service.origin, () => signIn.key);
  }
  showExchanges(service);
  service.addEventListener("exchange", ({ detail: { request, answer } }) => {
    // An invalid phone number has no record.
    if (answer.status !== 400) {
      record.phone = request.phone;
    }
    orders.refresh();
  });
  byId("order-number-line").hidden = false;
  orders.addEventListener("number", ({ detail }) => { signIn.number = detail; });
  signIn.addEventListener("phone", ({ detail }) => phone.show(digits(detail)));
  record.addEventListener("phone", ({ detail }) => {
    if (signIn.phone === detail.typed) {
      signIn.phone = detail.phone;
      phone.show(detail.phone);
    }
  });
}
inbox.addEventListener("messages", () => {
  record.refresh();
  orders.refresh();
});
inbox.connect();
showEvents();
await Promise.all([orders.start(), chooseButton(settings.template)]);

// Shows the effects of other clients, such as curl in a terminal.
setInterval(() => {
  if (document.visibilityState === "visible") {
    record.refresh();
    orders.refresh();
  }
}, HEARTBEAT);

function explainHowToNameAService() {
  const notice = byId("no-service");
  notice.hidden = false;
  notice.append(
    element("p", {}, "This simulator knows of no service, so there is no form here. The phone and the orders work without one. To get the form, run"),
    element("pre", { tabIndex: 0, role: "group", "aria-label": "Command" }, "whatsapp-otp simulator --service http://localhost:3000"),
    element("p", {}, "and make the service allow this page:"),
    element("pre", { tabIndex: 0, role: "group", "aria-label": "Setting" }, `server.cors_origins = ["${location.origin}"]`),
  );
}
