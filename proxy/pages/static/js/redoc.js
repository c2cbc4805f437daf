// Redoc over openapi.json. Search is off: its worker is made from a blob, which the page's policy forbids.
// https://redocly.com/docs/redoc/config

globalThis.Redoc.init(
  new URL("../../openapi.json", import.meta.url).href,
  { disableSearch: true, hideDownloadButtons: true, expandResponses: "200" },
  document.getElementById("docs"),
);
