// The colours of the map, as numbers that its pixels hold.

let probe = null;
export function asRgb(colour) {
  probe ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  probe.fillStyle = colour;
  probe.fillRect(0, 0, 1, 1);
  return probe.getImageData(0, 0, 1, 1).data;
}

export const packed = ([red, green, blue]) => (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
export const unpacked = (colour, alpha) => `rgba(${colour & 255}, ${(colour >> 8) & 255}, ${(colour >> 16) & 255}, ${alpha})`;

// One hue per coarsest region; its parts are a little lighter or darker.
export function regionColours(regions, dark) {
  const hues = new Map();
  return Uint32Array.from(regions, (region, number) => {
    let top = number;
    while (regions[top].parent >= 0) top = regions[top].parent;
    if (!hues.has(top)) hues.set(top, (hues.size * 137.5 + 20) % 360);
    const shift = region.level ? ((number * 7) % 5) - 2 : 0;
    const light = (dark ? 0.72 : 0.62) + shift * 0.035;
    return packed(asRgb(`oklch(${light} 0.15 ${hues.get(top) + shift * 5})`));
  });
}
