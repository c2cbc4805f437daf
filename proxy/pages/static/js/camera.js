// The webcam: frames of 640×480 as JPEG of quality 0.8, as the apps send them, each as soon as the one before is answered.

import { Obstacle } from "./words.js";

const WIDTH = 640;
const HEIGHT = 480;
const QUALITY = 0.8;
const STALLED = 1000; // ms

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

  /** Ask for the webcam and begin. Throws an Obstacle, whose words are for people. */
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

  /** The picture of this moment, as a JPEG. */
  frame() {
    return grab(this.#video);
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
      const frame = await grab(this.#video);
      signal.throwIfAborted();
      await this.#onFrame(frame, signal);
      signal.throwIfAborted();
      await nextFrame(this.#video);
    }
  }
}

async function open() {
  if (!navigator.mediaDevices) {
    const how = "Browsers give the webcam only to pages from localhost or over https. Open this page there.";
    throw new Obstacle("There is no webcam for this page", how);
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { width: WIDTH, height: HEIGHT, facingMode: "user" } });
  } catch (error) {
    const words = {
      NotAllowedError: ["The webcam is not allowed here", "Allow it beside the page's address and try again."],
      NotFoundError: ["No webcam was found", "Plug one in, or choose a picture."],
      NotReadableError: ["The webcam is in use by another program", "Close that one and try again."],
    };
    throw new Obstacle(...(words[error.name] ?? ["The webcam does not start", `The browser says ${error.name}.`]));
  }
}

// The same frame need not be sent twice; a stalled camera does not hold the loop for ever.
function nextFrame(video) {
  if (!video.requestVideoFrameCallback) return new Promise((resolve) => requestAnimationFrame(resolve));
  return new Promise((resolve) => {
    const handle = video.requestVideoFrameCallback(resolve);
    setTimeout(() => { video.cancelVideoFrameCallback(handle); resolve(); }, STALLED);
  });
}

function close(stream) {
  for (const track of stream.getTracks()) track.stop();
}

/** Left, top, width and height of the whole video in pixels of a frame, which is its middle: not every camera has 4:3. */
export function placeInFrame(video) {
  const scale = Math.max(WIDTH / video.videoWidth, HEIGHT / video.videoHeight);
  const [width, height] = [video.videoWidth * scale, video.videoHeight * scale];
  return [(WIDTH - width) / 2, (HEIGHT - height) / 2, width, height];
}

function grab(video) {
  const canvas = new OffscreenCanvas(WIDTH, HEIGHT);
  canvas.getContext("2d").drawImage(video, ...placeInFrame(video));
  return canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
}
