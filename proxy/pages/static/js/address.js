// What the page's address says: ?mode=one, all or faces, &model=NAME, &sample=NAME. Without any of it the page opens with a sample.

const OPENING = "happiness";

/** The model and the sample that the address asks for, if any. The mode is the work of start.js. */
export function wanted() {
  const query = new URLSearchParams(location.search);
  const model = query.get("model");
  return { model, sample: query.get("sample") ?? (model || query.has("mode") ? null : OPENING) };
}

/** Write the state into the address, so that it can be kept and passed on; an own picture is not part of it. */
export function remember(state) {
  const query = new URLSearchParams(Object.entries(state).filter(([, value]) => value));
  history.replaceState(null, "", `?${query}`);
}
