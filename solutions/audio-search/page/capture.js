// Runs beside the page, where the browser handles sound: hands on what the microphone gives, all channels as one.

/** Blocks come some 350 times a second; this many samples go in one message. */
const SAMPLES = 2048;

class Capture extends AudioWorkletProcessor {
  #block = new Float32Array(SAMPLES);
  #filled = 0;

  process([channels]) {
    for (let at = 0; at < (channels[0]?.length ?? 0); at += 1) {
      this.#block[this.#filled] = channels.reduce((sum, samples) => sum + samples[at], 0) / channels.length;
      this.#filled += 1;
      if (this.#filled === SAMPLES) this.#send();
    }
    return true;
  }

  #send() {
    this.port.postMessage(this.#block.slice(0, this.#filled));
    this.#filled = 0;
  }
}

registerProcessor("capture", Capture);
