// The picture and its answer as one PNG, to be saved.

import { byId } from "./dom.js";

const [WIDTH, HEIGHT, EDGE] = [1200, 630, 40]; // pixels; the size that link previews have
const SIDE = HEIGHT - 2 * EDGE;
const LEFT = 2 * EDGE + SIDE;

/** Draw what is on show and have the browser save it. */
export async function saveCard() {
  const canvas = new OffscreenCanvas(WIDTH, HEIGHT);
  const context = canvas.getContext("2d");
  context.fillStyle = styleOf(document.body, "backgroundColor");
  context.fillRect(0, 0, WIDTH, HEIGHT);
  drawPicture(context, byId(byId("video").hidden ? "preview" : "video"));
  ({ one: drawAnswer, all: drawComparison, faces: drawFaces })[document.documentElement.dataset.mode](context);
  save(await canvas.convertToBlob({ type: "image/png" }));
}

function drawPicture(context, picture) {
  const width = picture.naturalWidth ?? picture.videoWidth;
  const height = picture.naturalHeight ?? picture.videoHeight;
  if (!width) return;
  const scale = Math.min(SIDE / width, SIDE / height);
  const [w, h] = [width * scale, height * scale];
  const [x, y] = [EDGE + (SIDE - w) / 2, EDGE + (SIDE - h) / 2];
  context.drawImage(picture, x, y, w, h);
  for (const box of byId("boxes").children) drawBox(context, box, x, y, w / byId("boxes").viewBox.baseVal.width);
}

// The box of a face and its number, which stand in the pixels of the picture that was sent.
function drawBox(context, box, left, top, scale) {
  const { x, y, width, height } = box.querySelector("rect").getBBox();
  context.strokeStyle = styleOf(box.querySelector("rect"), "stroke");
  context.lineWidth = 3;
  context.strokeRect(left + x * scale, top + y * scale, width * scale, height * scale);
  context.fillStyle = context.strokeStyle;
  context.font = `600 20px ${styleOf(byId("result"), "fontFamily")}`;
  context.fillText(box.querySelector("text").textContent.split(" ")[0], left + x * scale + 6, top + y * scale + 22);
}

function drawAnswer(context) {
  write(context, byId("top").textContent, LEFT, 110, 64);
  const said = [document.querySelector("#models :checked").value, ...byId("stand-in").hidden ? [] : ["stand-in"]];
  write(context, said.join(" · "), LEFT, 155, 22);
  [...byId("bars").children].forEach((row, index) => {
    const y = 220 + index * 50;
    write(context, row.querySelector(".label").textContent, LEFT, y, 22);
    context.fillStyle = styleOf(row.querySelector(".fill"), "backgroundColor");
    context.fillRect(LEFT + 130, y - 16, 260 * Number(row.style.getPropertyValue("--part")), 18);
    write(context, row.querySelector(".value").textContent, LEFT + 400, y, 22);
  });
}

function drawComparison(context) {
  write(context, byId("agreement").querySelector("strong")?.textContent ?? "", LEFT, 90, 30);
  [...byId("grid").children].forEach((card, index) => {
    const text = (part) => [...card.querySelectorAll(part)].map((each) => each.textContent).join(" ");
    const y = 150 + index * 52;
    const tag = card.querySelector(".tag").hidden ? "" : " · stand-in";
    write(context, text("h3 span") + tag, LEFT, y, 18);
    write(context, `${text(".top")} ${text(".figures")}`, LEFT, y + 23, 20);
  });
}

function drawFaces(context) {
  write(context, byId("faces-found").textContent, LEFT, 90, 30);
  const standIn = byId("faces-list").querySelector(".tag:not([hidden])") ? " · stand-in" : "";
  write(context, document.querySelector("#models :checked").value + standIn, LEFT, 125, 22);
  [...byId("faces-list").children].forEach((card, index) => {
    const share = card.querySelector("h3 span:last-child").textContent;
    write(context, `${index + 1}  ${card.querySelector(".top").textContent}  ${share}`, LEFT, 180 + index * 42, 24);
  });
}

function write(context, text, x, y, size) {
  context.fillStyle = styleOf(document.body, "color");
  context.font = `${size}px ${styleOf(byId("result"), "fontFamily")}`;
  context.fillText(text, x, y, WIDTH - x - EDGE / 2);
}

const styleOf = (box, property) => getComputedStyle(box)[property];

function save(blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = "emotions.png";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
