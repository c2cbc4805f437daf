// Swagger UI over /openapi.json; "Try it out" talks to this server.
// https://swagger.io/docs/open-source-tools/swagger-ui/usage/configuration/

globalThis.SwaggerUIBundle({
  url: "/openapi.json",
  domNode: document.getElementById("docs"),
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null, // the default asks another host
});
