// Pictures that the browser can show and the service would refuse, made into JPEGs that it takes.

const LONGEST = 2048; // pixels; the networks see 224
const QUALITY = 0.92;

/** A JPEG of the same picture, upright, none of its sides longer than LONGEST; null where this browser cannot decode it. */
export async function asJpeg(image) {
  const bitmap = await createImageBitmap(image).catch(() => null);
  if (!bitmap) return null;
  const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  const canvas = new OffscreenCanvas(Math.max(1, bitmap.width * scale), Math.max(1, bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "white"; // behind what is transparent
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
  const name = (image.name ?? "pasted").replace(/\.\w+$/, "");
  return { file: new File([blob], `${name}.jpg`, { type: "image/jpeg" }), width: canvas.width, height: canvas.height };
}
