// Assembles the page. Every other module has one subject and leaves the others' elements alone.

import { Backend } from "./backend.js";
import { byId } from "./dom.js";
import { showEvents } from "./events.js";
import { Feed } from "./feed.js";
import { Inbox } from "./inbox.js";
import { Orders } from "./orders.js";
import { chooseButton, chooseLanguage, Phone } from "./phone.js";
import { RecordPanel } from "./record.js";
import { Service } from "./service.js";
import { SignIn } from "./sign-in.js";
import * as simulator from "./simulator.js";
import { Switches } from "./switches.js";
import { useTabs } from "./tabs.js";
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
const switches = new Switches(settings);

useTabs(document.querySelector("[role=tablist]"));
phone.addEventListener("phone", ({ detail }) => { record.phone = detail; });
if (settings.service === null) {
  explainHowToNameAService();
} else {
  connect(settings.service);
}
inbox.addEventListener("messages", () => {
  record.refresh();
  orders.refresh();
});
inbox.connect();
showEvents();
new Feed(byId("feed"), settings).connect();
await Promise.all([orders.start(), switches.refresh(), chooseButton(settings.templates)]);

// Shows the effects of other clients, such as curl in a terminal.
setInterval(() => {
  if (document.visibilityState === "visible") {
    record.refresh();
    orders.refresh();
    switches.refresh();
  }
}, HEARTBEAT);

/** Connects the form with the phone and the panels. */
function connect(about) {
  const service = new Service(about.origin);
  const signIn = new SignIn(service, new Backend(service), about);
  phone.app = signIn;
  chooseLanguage(settings.templates, signIn);
  service.addEventListener("exchange", ({ detail: { request, answer } }) => {
    // An invalid phone number has no record.
    if (answer.status !== 400) {
      record.phone = request.phone;
    }
    orders.refresh();
  });
  signIn.addEventListener("phone", ({ detail }) => phone.show(digits(detail)));
  record.addEventListener("record", ({ detail }) => signIn.know(detail));
}

function explainHowToNameAService() {
  byId("tab-answer").hidden = true;
  byId("tab-events").click();
  byId("no-service").hidden = false;
  byId("origin-setting").textContent = `server.cors_origins = ["${location.origin}"]`;
}
