// Redoc over /openapi.json. Search is off: its worker is made from a blob, which the page's policy forbids.
// https://redocly.com/docs/redoc/config

globalThis.Redoc.init(
  "/openapi.json",
  { disableSearch: true, hideDownloadButtons: true, expandResponses: "200" },
  document.getElementById("docs"),
);
