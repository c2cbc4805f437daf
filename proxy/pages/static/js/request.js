// The request that the page makes, as commands and programs to copy.

import { SERVICE } from "./api.js";
import { byId } from "./dom.js";
import { currentKey } from "./key.js";

const SAID = 2000; // ms that "Copied" stays

const WRITERS = {
  curl({ url, file, model, key }) {
    const header = key ? "-H \"Authorization: Bearer $API_KEY\" " : "";
    const field = model ? `-F ${shellWord(`model=${model}`)} ` : "";
    return `curl ${header}-F ${shellWord(`file=@${formWord(file)}`)} ${field}${url}`;
  },
  python({ url, file, model, key }) {
    return [
      ...(key ? ["import os", ""] : []),
      "import requests",
      "",
      `with open(${JSON.stringify(file)}, "rb") as file:`,
      "    response = requests.post(",
      `        ${JSON.stringify(url)},`,
      ...(key ? ["        headers={\"Authorization\": f\"Bearer {os.environ['API_KEY']}\"},"] : []),
      "        files={\"file\": file},",
      ...(model ? [`        data={"model": ${JSON.stringify(model)}},`] : []),
      "        timeout=60,",
      "    )",
      "print(response.json())",
    ].join("\n");
  },
  javascript({ url, file, model, key }) {
    const headers = key ? ", headers: { Authorization: `Bearer ${process.env.API_KEY}` }" : "";
    return [
      "import { openAsBlob } from \"node:fs\"; // in a browser, take the File of an <input> instead",
      "",
      "const form = new FormData();",
      `form.append("file", await openAsBlob(${JSON.stringify(file)}), ${JSON.stringify(file)});`,
      ...(model ? [`form.append("model", ${JSON.stringify(model)});`] : []),
      `const response = await fetch(${JSON.stringify(url)}, { method: "POST", body: form${headers} });`,
      "console.log(await response.json());",
    ].join("\n");
  },
};

/** Write the request for a file to a route of the API; without a model it is for all. */
export function showRequest(route, file, model) {
  const language = byId("languages").querySelector(":checked").value;
  const url = new URL(`api/v1/${route}`, SERVICE).href;
  byId("command").textContent = WRITERS[language]({ url, file, model, key: currentKey() !== null });
}

/** Copy what is written, and say so. */
export async function copyRequest() {
  const button = byId("copy");
  const copied = await navigator.clipboard?.writeText(byId("command").textContent).then(() => true, () => false);
  button.textContent = copied ? "Copied" : "Select it and press Ctrl+C";
  setTimeout(() => { button.textContent = "Copy"; }, SAID);
}

function shellWord(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

// As curl's -F takes a file name with characters that it would else read as more than a name.
function formWord(text) {
  return /[;,"\\]/.test(text) ? `"${text.replaceAll(/["\\]/g, "\\$&")}"` : text;
}
