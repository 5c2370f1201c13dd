// Suggestions under the name of a change: in the cards that are there, and in those that an answer brings.

import { combobox } from "./combobox.js";

function enhance(part) {
  for (const box of part.querySelectorAll("[data-combo]:not([data-ready])")) {
    box.dataset.ready = "";
    combobox(box);
  }
}

enhance(document);
document.body.addEventListener("htmx:load", (event) => enhance(event.detail.elt));

// The choice of what is shown sends itself; its button is for those without scripts.
const filters = document.querySelector("form.filters");
filters?.addEventListener("change", () => filters.requestSubmit());
