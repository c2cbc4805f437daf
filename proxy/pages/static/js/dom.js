// Small helpers around the document.

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** Make an element: `element("li", {className: "first"}, "text", child)`; `data` sets data-attributes. */
export function element(tag, { data = {}, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  Object.assign(made.dataset, data);
  made.append(...children);
  return made;
}

/** Resolve after some milliseconds; reject with AbortError when the signal fires first. */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}

/** Scroll until all of an element is seen, with what is above it as far as there is room. */
export function reveal(box) {
  const { top, bottom } = box.getBoundingClientRect();
  if (top < 0 || bottom > innerHeight) box.scrollIntoView({ block: bottom - top > innerHeight ? "start" : "end" });
}

/** Show the answer that belongs to the request, as it was sent; now it can be saved too. */
export function showJson(answer) {
  byId("json-box").hidden = false;
  byId("json").textContent = JSON.stringify(answer, null, 2);
  byId("save").disabled = false;
}
