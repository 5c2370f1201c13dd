// What every page needs: the colour toggle, the announcer for live progress, and forms that cannot be sent twice.
// Everything here only adds to pages that work without it.

const root = document.documentElement;

// --- colours: automatic -> light -> dark -> automatic ------------------------------------------------

const toggle = document.querySelector("[data-theme-toggle]");
if (toggle) {
  const order = ["auto", "light", "dark"];
  const words = { auto: "automatic", light: "light", dark: "dark" };
  const current = () => root.dataset.theme || "auto";
  const name = () => toggle.setAttribute("aria-label", `Colours: ${words[current()]}`);
  toggle.hidden = false;
  name();
  toggle.addEventListener("click", () => {
    const next = order[(order.indexOf(current()) + 1) % order.length];
    if (next === "auto") delete root.dataset.theme;
    else root.dataset.theme = next;
    try {
      if (next === "auto") localStorage.removeItem("theme");
      else localStorage.setItem("theme", next);
    } catch (error) {
      // Not remembered then; the page still changes.
    }
    name();
  });
}

// --- announcements -------------------------------------------------------------------------------------

const announcer = document.querySelector("[data-announcer]");
let said = "";

/** Says `text` to screen readers once; repeating the same words is silent. */
export function announce(text) {
  if (!announcer || text === said) return;
  said = text;
  announcer.textContent = text;
}

document.body.addEventListener("htmx:afterSettle", (event) => {
  const target = event.detail.elt;
  const speaking = target.matches?.("[data-announce]") ? target : target.querySelector?.("[data-announce]");
  if (speaking?.dataset.announce) announce(speaking.dataset.announce);
});

// Focus must not fall out of the page when what had it is replaced. htmx finds the same id in what is new; where
// there is none (the work is over, its button gone), focus goes to the heading of what came instead.
let focused = null;
document.body.addEventListener("htmx:beforeSwap", () => (focused = document.activeElement));
document.body.addEventListener("htmx:afterSettle", (event) => {
  if (!focused || focused.isConnected || document.activeElement !== document.body) return;
  const place = event.detail.elt.querySelector?.("[data-land]");
  if (place) {
    focused = null;
    place.focus();
  }
});

// A poll that fails (network, restart of the server) must not end the polling: htmx keeps the element but its
// "load" trigger has fired already, so it is sent again after a pause.
for (const failure of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.body.addEventListener(failure, (event) => {
    const element = event.detail.elt;
    if (!element?.hasAttribute("data-poll")) return;
    const status = event.detail.xhr?.status;
    if (status === 404) return window.location.reload();
    const note = element.querySelector("[data-poll-note]");
    if (note) note.hidden = false;
    setTimeout(() => {
      if (element.isConnected) window.htmx.ajax("GET", element.getAttribute("hx-get"), { source: element, target: element, swap: "outerHTML" });
    }, 5000);
  });
}

// --- forms ---------------------------------------------------------------------------------------------

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method === "dialog" || form.hasAttribute("data-again")) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// A form that sends itself when a choice in it changes (the button for it is there without scripts).
for (const form of document.querySelectorAll("form[data-auto]")) {
  form.querySelector("[data-auto-hide]")?.setAttribute("hidden", "");
  // words typed before the scripts ran were heard by nobody
  addEventListener("load", () => {
    for (const field of form.querySelectorAll("input[type=search]")) {
      if (field.value !== field.defaultValue) field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  });
}

// --- copying a text that is shown once ---------------------------------------------------------------------

if (navigator.clipboard) {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent);
        button.textContent = "Copied";
        announce("Copied.");
      } catch (error) {
        button.textContent = "Not allowed here: select it and copy";
      }
    });
  }
}

// A form that came back with complaints: on to the first of them.
document.querySelector(".entrance [aria-invalid=true]")?.focus();

// --- files: name what was chosen, send at once where the form says so -----------------------------------

document.addEventListener("change", (event) => {
  const input = event.target;
  if (input.matches?.("[data-submit-on-choice]") && input.files?.length) input.form.requestSubmit();
});

/** The CSRF token of now (it changes when a person signs in again in another tab). */
export function csrfToken() {
  const cookie = document.cookie.split("; ").find((part) => part.startsWith("csrftoken="));
  return cookie ? decodeURIComponent(cookie.slice(10)) : document.querySelector("[name=csrfmiddlewaretoken]")?.value || "";
}
