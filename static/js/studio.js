// The editor: sliders ask the server for the edited picture while they are being dragged.
//
// One request is in flight per tab; while it is, only the newest wish is remembered. The address keeps the
// sliders, so a reload, a sign-in or a shared tab loses nothing.

import { announce, csrfToken } from "./app.js";

const RETRY_AFTER = 1200;

const DRAG = 8; // CSS pixels sideways, after which a finger drags and does not scroll

/**
 * Calls `show` at every move of the range `input`, and `keep` when the move counts.
 *
 * A finger that lands on a range moves it at once, before anybody knows whether the person wants to scroll.
 * So a finger's move counts once it goes sideways or is lifted; when the browser takes the finger for scrolling
 * (pointercancel) the range has its value back, as if it had not been touched.
 */
function follow(input, show, keep = () => undefined) {
  let finger = null;
  input.addEventListener("pointerdown", (event) => {
    finger = event.pointerType === "touch" ? { x: event.clientX, y: event.clientY, found: input.value, drags: false } : null;
  });
  input.addEventListener("pointermove", (event) => {
    if (!finger || finger.drags) return;
    const across = Math.abs(event.clientX - finger.x);
    if (across < DRAG || across < Math.abs(event.clientY - finger.y)) return;
    finger.drags = true;
    if (input.value !== finger.found) keep();
  });
  input.addEventListener("pointerup", () => {
    const tapped = finger && !finger.drags && input.value !== finger.found;
    finger = null;
    if (tapped) keep();
  });
  input.addEventListener("pointercancel", () => {
    if (!finger) return;
    const { found, drags } = finger;
    finger = null;
    input.value = found;
    show();
    if (drags) keep();
  });
  input.addEventListener("input", () => {
    show();
    if (!finger || finger.drags) keep();
  });
}

function setUp(editor) {
  if (editor.dataset.ready) return;
  editor.dataset.ready = "1";
  const after = editor.querySelector("[data-after]");
  const form = editor.querySelector("[data-sliders]");
  const status = editor.querySelector("[data-status]");
  const busy = editor.querySelector("[data-busy]");
  const outside = editor.querySelector("[data-outside]");
  const inputs = [...editor.querySelectorAll("input[data-kind]")];
  const keepsAddress = editor.closest("[data-keeps-address]") || document.querySelector("#photo-body")?.contains(editor);
  for (const hidden of editor.querySelectorAll("[data-needs-script]")) hidden.hidden = false;

  // --- what is wanted, and what is shown ---------------------------------------------------------------

  const wishes = () =>
    inputs
      .filter((input) => input.valueAsNumber !== 0)
      .map((input) => ({ kind: input.dataset.kind, id: input.dataset.id, intensity: input.valueAsNumber }));
  const atRest = "[]";
  let shown = JSON.stringify(wishes());
  let wanted = null;
  let flying = false;
  let shownUrl = null;

  function say(text, bad = false) {
    status.textContent = text;
    status.classList.toggle("field-error", bad);
  }

  function show(url, body) {
    after.src = url;
    if (shownUrl) URL.revokeObjectURL(shownUrl);
    shownUrl = url.startsWith("blob:") ? url : null;
    shown = body;
  }

  async function fly() {
    flying = true;
    const slow = setTimeout(() => (busy.hidden = false), 250);
    while (wanted !== null) {
      const body = wanted;
      wanted = null;
      if (body === shown) continue;
      if (body === atRest) {
        show(after.dataset.rest, body);
        say("");
        continue;
      }
      const outcome = await ask(body);
      if (outcome.blob) {
        // Decode before showing, so that a drag never flashes an empty picture.
        const url = URL.createObjectURL(outcome.blob);
        const picture = new Image();
        picture.src = url;
        await picture.decode().catch(() => undefined);
        show(url, body);
        say("");
      } else if (wanted === null) {
        say(outcome.words, true);
        if (outcome.again) {
          await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER));
          if (wanted === null) wanted = body;
        }
      }
    }
    clearTimeout(slow);
    busy.hidden = true;
    await judge(shown);
    flying = false;
    if (wanted !== null) {
      fly(); // moved again while the last picture was judged
      return;
    }
    editor.dispatchEvent(new CustomEvent("editor:settled"));
  }

  const send = (address, body) =>
    fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken(), Accept: "image/webp, application/json" },
      body: `{"steps": ${body}}`,
      credentials: "same-origin",
    });

  // Once the sliders rest: does the picture still belong to the generator's world? No answer, no warning.
  async function judge(body) {
    let far = false;
    if (body !== atRest) {
      try {
        const response = await send(editor.dataset.domain, body);
        far = response.ok && (await response.json()).outside;
      } catch (error) {
        far = false;
      }
    }
    if (body === shown && wanted === null) outside.hidden = !far;
  }

  async function ask(body, second = false) {
    let response;
    try {
      response = await send(editor.dataset.preview, body);
    } catch (error) {
      return { words: "No connection. Your sliders are kept; trying again.", again: true };
    }
    if (response.ok) return { blob: await response.blob() };
    let problem = null;
    try {
      problem = (await response.json()).error;
    } catch (error) {
      problem = null;
    }
    if (response.status === 503 || response.status === 429) {
      return { words: problem?.message || "The studio is busy; trying again.", again: true };
    }
    if (response.status === 403 && !second) return ask(body, true); // the token may just have changed
    if (problem) return { words: `${problem.message} ${problem.todo}` };
    return { words: `The picture could not be drawn (error ${response.status}). Reload the page; your sliders are kept.` };
  }

  function wish() {
    const steps = wishes();
    const most = Number(editor.dataset.maxSteps);
    if (steps.length > most) {
      say(`At most ${most} sliders can be moved at once. Set one back to zero.`, true);
      return;
    }
    wanted = JSON.stringify(steps);
    if (!flying) fly();
    remember(steps);
  }

  let remembering = 0;
  function remember(steps) {
    for (const link of document.querySelectorAll("a[data-carry]")) {
      const address = new URL(link.href);
      for (const name of [...address.searchParams.keys()]) if (name.includes(":")) address.searchParams.delete(name);
      for (const step of steps) address.searchParams.set(`${step.kind}:${step.id}`, step.intensity);
      link.href = address;
    }
    if (!keepsAddress) return;
    clearTimeout(remembering);
    remembering = setTimeout(() => {
      const query = steps.map((step) => `${step.kind}:${step.id}=${step.intensity}`).join("&");
      history.replaceState(null, "", query ? `?${query}` : window.location.pathname);
    }, 300);
  }

  // --- sliders -----------------------------------------------------------------------------------------

  // What is moved is named above the list, however far down its slider stands.
  const chips = new Map([...editor.querySelectorAll("[data-moved]")].map((chip) => [chip.dataset.moved, chip]));
  const heading = form.querySelector("h2");

  function dress(input) {
    const row = input.closest(".slider");
    const value = input.valueAsNumber;
    const at = ((value - Number(input.min)) / (Number(input.max) - Number(input.min))) * 100;
    input.style.setProperty("--lo", `${Math.min(50, at)}%`);
    input.style.setProperty("--hi", `${Math.max(50, at)}%`);
    const words = value > 0 ? `+${value.toFixed(1)}` : value < 0 ? `−${(-value).toFixed(1)}` : "0";
    row.querySelector("output").textContent = words;
    row.querySelector("[data-reset]").hidden = value === 0;
    const chip = chips.get(input.id);
    if (!chip) return;
    chip.hidden = value === 0;
    chip.querySelector("[data-moved-value]").textContent = words;
  }

  function set(input, value) {
    input.value = value;
    dress(input);
    wish();
  }

  for (const input of inputs) {
    dress(input);
    follow(input, () => dress(input), wish);
    input.addEventListener("dblclick", () => set(input, 0));
    input.addEventListener("keydown", (event) => {
      if (event.key === "0" || event.key === "Delete" || event.key === "Backspace") {
        event.preventDefault();
        set(input, 0);
      }
      if (event.key === "PageUp" || event.key === "PageDown") {
        event.preventDefault(); // the browser's own page is a tenth of the range, whatever that is
        set(input, (input.valueAsNumber + (event.key === "PageUp" ? 0.5 : -0.5)).toFixed(1));
      }
    });
    input
      .closest(".slider")
      .querySelector("[data-reset]")
      .addEventListener("click", () => {
        set(input, 0);
        input.focus();
      });
    const chip = chips.get(input.id);
    chip?.querySelector("a").addEventListener("click", (event) => {
      event.preventDefault(); // the address is the sliders' values
      find("");
      input.focus();
    });
    chip?.querySelector("button").addEventListener("click", () => {
      set(input, 0);
      announce(`${chip.querySelector("button").ariaLabel}: done.`);
      heading.focus();
    });
  }

  form.addEventListener("reset", (event) => {
    event.preventDefault(); // a form's reset would go back to the address's values, not to zero
    for (const input of inputs) {
      input.value = 0;
      dress(input);
    }
    wish();
    announce("All sliders are at zero.");
  });

  form.addEventListener("submit", (event) => {
    if (!event.submitter?.formAction || event.submitter.formMethod !== "post") event.preventDefault();
    const token = form.querySelector("[name=csrfmiddlewaretoken]");
    if (token) token.value = csrfToken() || token.value;
  });

  const filter = editor.querySelector("[data-slider-filter]");
  filter?.addEventListener("input", () => find(filter.value));

  function find(words) {
    if (!filter) return;
    if (filter.value !== words) filter.value = words;
    const text = words.trim().toLowerCase();
    let found = 0;
    for (const group of editor.querySelectorAll(".sliders")) {
      let inGroup = 0;
      for (const row of group.querySelectorAll(".slider")) {
        row.hidden = Boolean(text) && !row.dataset.slider.includes(text);
        if (!row.hidden) inGroup += 1;
      }
      group.hidden = inGroup === 0;
      found += inGroup;
    }
    editor.querySelector("[data-no-match]").hidden = found > 0;
    announce(`${found} sliders`);
  }
  filter?.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });

  // --- before and after --------------------------------------------------------------------------------

  const hold = editor.querySelector("[data-hold]");
  const wipe = editor.querySelector("[data-wipe]");
  const line = editor.querySelector("[data-wipe-line]");
  const canvas = editor.querySelector(".canvas");

  function cover() {
    const pressed = hold.getAttribute("aria-pressed") === "true";
    const percent = pressed ? 100 : wipe.valueAsNumber;
    canvas.style.setProperty("--wipe", `${percent}%`);
    line.hidden = percent === 0 || percent === 100;
    wipe.setAttribute("aria-valuetext", percent === 0 ? "Original hidden" : `${wipe.value} percent original`);
  }
  function press(on) {
    hold.setAttribute("aria-pressed", String(on));
    cover();
  }
  hold.addEventListener("pointerdown", (event) => {
    hold.setPointerCapture(event.pointerId);
    press(true);
  });
  for (const end of ["pointerup", "pointercancel"]) hold.addEventListener(end, () => press(false));
  hold.addEventListener("click", (event) => {
    if (event.detail === 0) press(hold.getAttribute("aria-pressed") !== "true"); // keyboard: a switch
  });
  hold.addEventListener("contextmenu", (event) => event.preventDefault());
  follow(wipe, cover);
  wipe.addEventListener("dblclick", () => {
    wipe.value = 0;
    cover();
  });

  if (shown !== atRest) {
    // The address moved sliders: the server's <img> shows them already, unless it was refused.
    const refused = () => {
      after.src = after.dataset.rest;
      shown = atRest;
      wish();
    };
    if (after.complete && after.naturalWidth === 0) refused();
    else {
      after.addEventListener("error", refused, { once: true });
      judge(shown);
    }
  }
}

const all = () => document.querySelectorAll("[data-editor]").forEach(setUp);
all();
document.body.addEventListener("htmx:afterSettle", all);
