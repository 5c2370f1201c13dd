// Contributing: two places for pictures, a name with suggestions, the tray, and sending that loses nothing.

import { announce } from "./app.js";
import { combobox } from "./combobox.js";
import { dropZone, send, showProblem } from "./upload.js";

const form = document.querySelector("form[data-contribute]");
const problem = form.querySelector("[data-problem]");
const words = form.querySelector("[data-problem-words]");
const change = form.querySelector("#change");
const bar = form.querySelector("progress");
const button = form.querySelector("[data-send]");
const zones = {};

function complain(field, text) {
  const place = form.querySelector(`[data-error-for=${field}]`);
  place.textContent = text;
  place.hidden = !text;
  form.elements[field].setAttribute("aria-invalid", String(Boolean(text)));
}

for (const zone of form.querySelectorAll("[data-drop]")) {
  const field = zone.querySelector("input").name;
  zones[field] = dropZone(zone, (file, refusal) => {
    complain(field, refusal);
    if (refusal) announce(refusal);
  });
}
combobox(form.querySelector("[data-combo]"));
change.addEventListener("input", () => complain("change", ""));

// Pasting a picture fills the first place that is empty.
document.addEventListener("paste", (event) => {
  const file = [...(event.clipboardData?.files || [])].find((one) => one.type.startsWith("image/"));
  if (!file) return;
  const field = form.elements.before.files.length ? "after" : "before";
  zones[field].put(file);
  announce(`Pasted as the ${field}.`);
});

// --- the tray: its pictures go into the places, as if they had been chosen ---------------------------------

async function fetched(url, name) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(String(response.status));
  return new File([await response.blob()], name, { type: "image/png" });
}

for (const take of form.querySelectorAll("[data-take]")) {
  take.addEventListener("click", async (event) => {
    event.preventDefault();
    try {
      const [before, after] = await Promise.all([
        fetched(take.dataset.before, `${take.value}-before.png`),
        fetched(take.dataset.after, `${take.value}-after.png`),
      ]);
      zones.before.put(before);
      zones.after.put(after);
    } catch (error) {
      showProblem(words, { message: "The pair could not be loaded.", todo: "Check the network and press Take again." });
      return;
    }
    change.value = take.dataset.change;
    complain("change", "");
    announce(`The pair “${take.dataset.change}” is in place.`);
    form.scrollIntoView({ block: "start" });
    button.focus({ preventScroll: true });
  });
}

// --- sending ------------------------------------------------------------------------------------------------

function missing() {
  complain("before", form.elements.before.files.length ? "" : "Choose the picture before the change.");
  complain("after", form.elements.after.files.length ? "" : "Choose the picture after the change.");
  complain("change", change.value.trim() ? "" : "Say in a word or two what changed, for example “moustache”.");
  return [...form.querySelectorAll("[aria-invalid=true]")];
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (form.dataset.busy) return;
  const lacking = missing();
  if (lacking.length) {
    lacking[0].focus();
    announce("Something is missing: see the messages at the fields.");
    return;
  }
  form.dataset.busy = "1";
  problem.hidden = true;
  button.setAttribute("aria-busy", "true");
  button.textContent = "Sending …";
  bar.hidden = false;
  bar.value = 0;
  try {
    const answer = await send(form, { progress: (percent) => (bar.value = percent) });
    window.location.assign(answer.url);
  } catch (failure) {
    showProblem(words, failure);
    problem.focus();
    bar.hidden = true;
    button.textContent = "Contribute this pair";
    button.removeAttribute("aria-busy");
    delete form.dataset.busy;
  }
});
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  delete form.dataset.busy;
  button.textContent = "Contribute this pair";
  bar.hidden = true;
});
