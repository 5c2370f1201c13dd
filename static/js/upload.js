// Places for pictures: drop, choose or paste; a look at the picture before it is sent; sending with progress.
// A failed upload keeps everything that was entered and says what to do.

import { csrfToken } from "./app.js";

const TYPES = ["image/jpeg", "image/png", "image/webp"];
const MOST_BYTES = 10 * 1024 * 1024;

/** Why this file cannot be sent, or "". The server checks again, by content. */
export function refusedFile(file) {
  if (file.type && !TYPES.includes(file.type)) {
    return `“${file.name}” is ${file.type.startsWith("image/") ? `a ${file.type.slice(6).toUpperCase()} picture` : "not a picture"}. Choose a JPEG, PNG or WebP file.`;
  }
  if (file.size > MOST_BYTES) {
    return `“${file.name}” has ${(file.size / 1024 / 1024).toFixed(1)} MB; at most 10 MB can be sent. Make it smaller and try again.`;
  }
  return "";
}

/** Makes a `.drop` show what its file input holds; `changed(file, refusal)` is told. */
export function dropZone(zone, changed = () => undefined) {
  const input = zone.querySelector("input[type=file]");
  let url = null;

  function look() {
    const file = input.files[0];
    zone.querySelector(".drop-preview")?.remove();
    zone.querySelector(".drop-name")?.remove();
    if (url) URL.revokeObjectURL(url);
    url = null;
    const refusal = file ? refusedFile(file) : "";
    if (refusal) input.value = "";
    zone.classList.toggle("filled", Boolean(file) && !refusal);
    zone.classList.toggle("refused", Boolean(refusal));
    if (file && !refusal) {
      url = URL.createObjectURL(file);
      const picture = document.createElement("img");
      picture.className = "drop-preview";
      picture.alt = `${zone.dataset.name || "Your picture"}: ${file.name}`;
      picture.addEventListener("error", () => {
        // The name said picture, the content does not: nothing to look at, and the server would refuse it.
        if (input.files[0] !== file) return;
        clear(`“${file.name}” is not a picture that can be read. Choose a JPEG, PNG or WebP file.`);
      });
      picture.src = url;
      const name = document.createElement("span");
      name.className = "drop-name";
      const change = document.createElement("strong");
      change.textContent = "Change";
      name.append(change, ` ${file.name}`);
      zone.insertBefore(picture, input);
      zone.insertBefore(name, input);
    }
    changed(file && !refusal ? file : null, refusal);
  }

  function clear(refusal = "") {
    input.value = "";
    look();
    zone.classList.toggle("refused", Boolean(refusal));
    if (refusal) changed(null, refusal);
  }

  function put(file) {
    const files = new DataTransfer();
    files.items.add(file);
    input.files = files.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  input.addEventListener("change", look);
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) put(event.dataTransfer.files[0]);
  });
  return { put, clear };
}

/** Sends a form; resolves with the JSON answer, rejects with {message, todo, signIn?}. */
export function send(form, { progress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) progress(Math.round((event.loaded / event.total) * 100));
    });
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300 && request.response?.url) return resolve(request.response);
      if (request.status === 401) {
        return reject({ message: "Your session has ended.", todo: "Sign in again in a new tab, then come back and press the button once more: everything here is kept.", signIn: true });
      }
      const error = request.response?.error;
      reject(error || { message: `The server answered with error ${request.status}.`, todo: "Everything here is kept. Try again in a moment." });
    });
    for (const name of ["error", "timeout", "abort"]) {
      request.addEventListener(name, () =>
        reject({ message: "The connection broke before everything had arrived.", todo: "Everything here is kept. Check the network and press the button again." }),
      );
    }
    const data = new FormData(form);
    data.set("csrfmiddlewaretoken", csrfToken()); // the field wins over the header, and may be of an older session
    request.send(data);
  });
}

/** Shows an error of `send` in its place, which is an alert: it is read out by itself. */
export function showProblem(place, problem) {
  place.replaceChildren();
  const strong = document.createElement("strong");
  strong.textContent = problem.message;
  place.append(strong, document.createElement("br"), problem.todo || "");
  if (problem.signIn) {
    const link = document.createElement("a");
    link.href = "/accounts/login/?next=/";
    link.target = "_blank";
    link.rel = "noopener";
    link.textContent = "Sign in (new tab)";
    place.append(" ", link);
  }
  (place.closest("[data-problem]") || place).hidden = false;
}

// --- a form that is one picture ---------------------------------------------------------------------------

for (const form of document.querySelectorAll("form[data-upload]")) {
  const bar = form.querySelector("progress");
  const problem = form.querySelector("[data-upload-error]");
  dropZone(form.querySelector("[data-drop]"), (file, refusal) => {
    problem.hidden = true;
    if (refusal) showProblem(problem, { message: refusal });
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!form.querySelector("input[type=file]").files.length || form.dataset.busy) return;
    form.dataset.busy = "1";
    delete form.dataset.sent;
    problem.hidden = true;
    bar.hidden = false;
    bar.value = 0;
    try {
      const answer = await send(form, { progress: (percent) => (bar.value = percent) });
      window.location.assign(answer.url);
    } catch (failure) {
      showProblem(problem, failure);
      bar.hidden = true;
    } finally {
      delete form.dataset.busy;
      delete form.dataset.sent;
    }
  });
}
