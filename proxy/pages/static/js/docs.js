// Swagger UI over openapi.json; "Try it out" talks to this server.
// https://swagger.io/docs/open-source-tools/swagger-ui/usage/configuration/

globalThis.SwaggerUIBundle({
  url: new URL("../../openapi.json", import.meta.url).href,
  domNode: document.getElementById("docs"),
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null, // the default asks another host
});

// Its style sheet is dark where the document has this class; only its own top bar, which is not used here, would set it.
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
