// A client that is typed by what openapi-typescript makes of the description: node ask.js URL MODEL IMAGE
import { readFile } from "node:fs/promises";

import createClient from "openapi-fetch";

import type { components, paths } from "./api.js";

const [url, model, image] = process.argv.slice(2) as [string, components["schemas"]["ModelName"], string];
const client = createClient<paths>({ baseUrl: url });
const file = new Blob([await readFile(image)]);
const { data, error } = await client.POST("/api/v1/predict", {
  body: { file: file as unknown as string, model },
  bodySerializer(body) {
    const form = new FormData();
    form.append("file", body.file as unknown as Blob);
    form.append("model", body.model);
    return form;
  },
});
console.log(JSON.stringify(data ?? error));
