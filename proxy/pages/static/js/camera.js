// The webcam: one frame a second, 640×480 as JPEG of quality 0.8, as the apps do.

import { pause } from "./dom.js";

const WIDTH = 640;
const HEIGHT = 480;
const QUALITY = 0.8;
const INTERVAL = 1000; // ms

/** Plays into `video` and hands each frame to `onFrame`; `onStop` hears why it stopped, in words or "". */
export class Camera {
  #video;
  #onFrame;
  #onStop;
  #running = null;

  constructor(video, { onFrame, onStop }) {
    this.#video = video;
    this.#onFrame = onFrame;
    this.#onStop = onStop;
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.stop("The webcam was switched off because this tab was hidden.");
    });
  }

  /** Whether it plays. */
  get on() {
    return this.#running !== null;
  }

  /** Ask for the webcam and begin. Rejects with an Error whose message is for people. */
  async start() {
    const stream = await open();
    if (document.hidden) return close(stream);
    this.#running = new AbortController();
    const { signal } = this.#running;
    signal.addEventListener("abort", () => close(stream));
    stream.getVideoTracks()[0].addEventListener("ended", () => this.stop("The webcam was unplugged or taken away."));
    this.#video.srcObject = stream;
    await this.#video.play();
    this.#loop(signal).catch((error) => { if (!signal.aborted) throw error; });
  }

  /** Switch it off; the light goes out. */
  stop(reason = "") {
    if (!this.on) return;
    this.#running.abort();
    this.#running = null;
    this.#video.srcObject = null;
    this.#onStop(reason);
  }

  async #loop(signal) {
    for (;;) {
      const next = pause(INTERVAL, signal);
      next.catch(() => {}); // awaited below, maybe after it was aborted
      const frame = await grab(this.#video);
      signal.throwIfAborted();
      await this.#onFrame(frame, signal);
      await next;
    }
  }
}

async function open() {
  if (!navigator.mediaDevices) {
    throw new Error("Browsers give the webcam only to pages from localhost or over https. Open this page there.");
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { width: WIDTH, height: HEIGHT, facingMode: "user" } });
  } catch (error) {
    const words = {
      NotAllowedError: "The webcam is not allowed here. Allow it beside the page's address and try again.",
      NotFoundError: "No webcam was found. Plug one in, or choose a picture.",
      NotReadableError: "The webcam is in use by another program. Close that one and try again.",
    };
    throw new Error(words[error.name] ?? `The webcam does not start (${error.name}).`, { cause: error });
  }
}

function close(stream) {
  for (const track of stream.getTracks()) track.stop();
}

function grab(video) {
  const canvas = new OffscreenCanvas(WIDTH, HEIGHT);
  const scale = Math.max(WIDTH / video.videoWidth, HEIGHT / video.videoHeight);
  const [width, height] = [video.videoWidth * scale, video.videoHeight * scale];
  canvas.getContext("2d").drawImage(video, (WIDTH - width) / 2, (HEIGHT - height) / 2, width, height);
  return canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
}
