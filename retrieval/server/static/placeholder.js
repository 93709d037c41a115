// Blurred stand-ins for pictures, drawn from 18 bytes: `retrieval/images/placeholder.py` says how
// these are made. Plain functions, except `paint`.

const SIZE = 18;
const HEAD = 6;
export const SIDE = 16; // pixels; the browser blurs them over the picture's place

const frequencies = (order) => {
  const found = [];
  for (let total = 1; total <= order; total++) for (let down = 0; down <= total; down++) found.push([down, total - down]);
  return found;
};
const LIGHT = frequencies(4);
const COLOUR = frequencies(2);
const COSINES = Array.from({ length: 5 }, (_, order) => Float32Array.from({ length: SIDE }, (_, at) => Math.cos((Math.PI * order * (at + 0.5)) / SIDE)));
// The picture of each wave, so that drawing is adding up.
const wave = ([down, across]) => Float32Array.from({ length: SIDE * SIDE }, (_, at) => COSINES[down][Math.floor(at / SIDE)] * COSINES[across][at % SIDE]);
const LIGHT_WAVES = LIGHT.map(wave);
const COLOUR_WAVES = COLOUR.map(wave);

/** The pixels of a placeholder (base64) as SIDE × SIDE RGBA; null if it is none. */
export function decode(text) {
  const raw = text && text.length === 24 ? atob(text) : "";
  if (raw.length !== SIZE) return null;
  const at = (place) => raw.charCodeAt(place);
  const number = (place) => ((place % 2 ? at(HEAD + (place >> 1)) & 15 : at(HEAD + (place >> 1)) >> 4) - 8) / 7;
  const channel = (mean, scale, first, waves) => {
    const sum = new Float32Array(SIDE * SIDE).fill(mean);
    waves.forEach((shape, each) => {
      const strength = number(first + each) * scale;
      if (strength) for (let pixel = 0; pixel < sum.length; pixel++) sum[pixel] += strength * shape[pixel];
    });
    return sum;
  };
  const light = channel(at(0) / 255, at(3) / 255, 0, LIGHT_WAVES);
  const yellow = channel((at(1) / 255) * 2 - 1, at(4) / 255, LIGHT.length, COLOUR_WAVES);
  const reddish = channel((at(2) / 255) * 2 - 1, at(5) / 255, LIGHT.length + COLOUR.length, COLOUR_WAVES);
  const pixels = new Uint8ClampedArray(SIDE * SIDE * 4);
  for (let pixel = 0; pixel < SIDE * SIDE; pixel++) {
    // light = (r + g + b) / 3, yellow = (r + g) / 2 - b, reddish = r - g
    const blue = light[pixel] - (2 / 3) * yellow[pixel];
    const red = (3 * light[pixel] - blue + reddish[pixel]) / 2;
    pixels.set([red * 255, (red - reddish[pixel]) * 255, blue * 255, 255], pixel * 4);
  }
  return pixels;
}

/** Draw a placeholder on a canvas; without one, the canvas is clear. */
export function paint(canvas, text) {
  const context = canvas.getContext("2d");
  const pixels = decode(text);
  if (pixels) context.putImageData(new ImageData(pixels, SIDE, SIDE), 0, 0);
  else context.clearRect(0, 0, SIDE, SIDE);
}
