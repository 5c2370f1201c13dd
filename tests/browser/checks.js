// Runs in the page; answers the list of what is wrong with it. Numbers are those of WCAG 2.2 AA.
() => {
  const problems = [];
  const describe = (element) => element.outerHTML.replace(/\s+/g, " ").slice(0, 110);
  const visible = (element) => {
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    return style.visibility !== "hidden" && style.display !== "none" && box.width > 0 && box.height > 0 && !element.closest("[hidden]");
  };

  // --- the page as a whole
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.querySelectorAll("body *")].filter((e) => visible(e) && e.getBoundingClientRect().right > root.clientWidth + 1 && !e.closest(".table-wrap, pre, .visually-hidden, .skip"));
    problems.push(`scrolls sideways (${root.scrollWidth} > ${root.clientWidth}): ${wide.slice(0, 3).map(describe).join(" | ")}`);
  }
  if (!root.lang) problems.push("no language");
  if (!document.title.trim()) problems.push("no title");
  if (document.querySelectorAll("h1").length !== 1) problems.push(`${document.querySelectorAll("h1").length} h1`);
  if (document.querySelectorAll("main").length !== 1) problems.push("not one main");
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids.filter((one, at) => ids.indexOf(one) !== at))) problems.push(`id twice: ${id}`);
  let level = 0;
  for (const heading of document.querySelectorAll("h1,h2,h3,h4")) {
    const now = Number(heading.tagName[1]);
    if (level && now > level + 1) problems.push(`heading jumps to ${now}: ${describe(heading)}`);
    level = now;
  }
  for (const image of document.querySelectorAll("img:not([alt])")) problems.push(`no alt: ${describe(image)}`);
  for (const reference of ["aria-labelledby", "aria-describedby", "aria-controls"]) {
    for (const element of document.querySelectorAll(`[${reference}]`)) {
      for (const id of element.getAttribute(reference).split(/\s+/)) {
        if (!document.getElementById(id)) problems.push(`${reference} names nothing (${id}): ${describe(element)}`);
      }
    }
  }

  // --- names and sizes of what can be operated
  const named = (element) => {
    const by = element.getAttribute("aria-labelledby");
    const words = [
      element.getAttribute("aria-label"),
      by && by.split(/\s+/).map((id) => document.getElementById(id)?.textContent).join(" "),
      element.labels && [...element.labels].map((label) => label.textContent).join(" "),
      element.tagName !== "INPUT" && element.tagName !== "SELECT" && element.textContent,
      [...element.querySelectorAll("img")].map((image) => image.alt).join(" "),
    ];
    return words.some((text) => text && text.trim());
  };
  const operable = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")].filter(visible);
  for (const element of operable) {
    if (!named(element)) problems.push(`no name: ${describe(element)}`);
    const inText = element.tagName === "A" && getComputedStyle(element).display === "inline";
    const box = element.getBoundingClientRect();
    if (!inText && !element.matches(".skip") && (box.width < 24 || box.height < 24)) {
      problems.push(`target of ${Math.round(box.width)} x ${Math.round(box.height)}: ${describe(element)}`);
    }
  }
  for (const bar of document.querySelectorAll("progress, meter, [role=img]")) {
    if (visible(bar) && !bar.getAttribute("aria-label") && !bar.labels?.length) problems.push(`no name: ${describe(bar)}`);
  }

  // --- contrast of text
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = "#000";
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] === 1) break;
    }
    let ground = rgba(getComputedStyle(root).backgroundColor);
    for (const layer of layers.reverse()) ground = over(layer, ground);
    return ground;
  };
  const seen = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || seen.has(element)) continue;
    seen.add(element);
    if (!visible(element) || element.closest("script, style, noscript, .visually-hidden, .skip, :disabled, svg, option, .drop-name")) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const ink = over(rgba(style.color), ground);
    const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const wanted = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    if (ratio < wanted) problems.push(`contrast ${ratio.toFixed(2)} < ${wanted}: ${describe(element)}`);
  }
  // borders of fields
  for (const field of document.querySelectorAll(".input, .select, .field > input")) {
    if (!visible(field)) continue;
    const [a, b] = [light(rgba(getComputedStyle(field).borderTopColor)), light(behind(field.parentElement))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 3) problems.push(`border of a field ${((a + 0.05) / (b + 0.05)).toFixed(2)} < 3: ${describe(field)}`);
  }
  return problems;
};
