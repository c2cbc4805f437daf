// Pictures made into JPEGs that the service takes: those that it would refuse, and parts of them.

const LONGEST = 2048; // pixels; the networks see 224
const QUALITY = 0.92;

/** A JPEG of the same picture, upright, none of its sides longer than LONGEST; null where this browser cannot decode it. */
export async function asJpeg(image) {
  const bitmap = await createImageBitmap(image).catch(() => null);
  if (!bitmap) return null;
  const name = (image.name ?? "pasted").replace(/\.\w+$/, "");
  const made = await encode(bitmap, [0, 0, bitmap.width, bitmap.height], `${name}.jpg`);
  bitmap.close();
  return made;
}

/** The part [left, top, width, height] of a decoded picture as a JPEG of the same limits, with its size. */
export async function encode(picture, [left, top, width, height], name) {
  const scale = Math.min(1, LONGEST / Math.max(width, height));
  const canvas = new OffscreenCanvas(Math.max(1, width * scale), Math.max(1, height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "white"; // behind what is transparent
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, left, top, width, height, 0, 0, canvas.width, canvas.height);
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
  return { file: new File([blob], name, { type: "image/jpeg" }), width: canvas.width, height: canvas.height };
}
