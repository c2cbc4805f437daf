// Redoc over openapi.json. Search is off: its worker is made from a blob, which the page's policy forbids.
// https://redocly.com/docs/redoc/config

// Redoc computes shades from its theme when it starts, so it gets the colours of the moment, not the page's variables.
const DARK = {
  colors: {
    primary: { main: "#7cc4b2" },
    text: { primary: "#eceae4", secondary: "#a9ada7" },
    border: { dark: "#7c8480", light: "#363b39" },
    http: { get: "#5fc2bd", post: "#a9b964", options: "#e9bf5c", head: "#c58fb1" },
    responses: {
      success: { color: "#7cc4b2", backgroundColor: "#1d2b27", tabTextColor: "#7cc4b2" },
      error: { color: "#f0917f", backgroundColor: "#33211d", tabTextColor: "#f0917f" },
    },
  },
  schema: { nestedBackground: "#1e2120", typeNameColor: "#a9ada7", typeTitleColor: "#a9ada7", linesColor: "#7c8480", requireLabelColor: "#f0917f" },
  sidebar: { backgroundColor: "#1e2120", textColor: "#eceae4" },
  typography: { code: { backgroundColor: "#262a28", color: "#f0917f" }, links: { color: "#7cc4b2", visited: "#7cc4b2", hover: "#a8dccf" } },
  rightPanel: { backgroundColor: "#101211" },
};

globalThis.Redoc.init(
  new URL("../../openapi.json", import.meta.url).href,
  {
    disableSearch: true,
    hideDownloadButtons: true,
    expandResponses: "200",
    theme: matchMedia("(prefers-color-scheme: dark)").matches ? DARK : {},
  },
  document.getElementById("docs"),
);
