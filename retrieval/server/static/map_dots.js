// The dots of the map, written into its pixels.

// A dot that keeps a quarter of the colour below it, so that crowds look stronger than single dots.
export function thinStamp(pixels, width, column, line, side, colour) {
  const most = ((colour & 0xfefefe) >>> 1) + ((colour & 0xfcfcfc) >>> 2);
  for (let down = 0; down < side; down++) {
    const edge = corner(side, down);
    const end = (line + down) * width + column + side - edge;
    for (let at = (line + down) * width + column + edge; at < end; at++) {
      pixels[at] = 0xff000000 | (((pixels[at] & 0xfcfcfc) >>> 2) + most);
    }
  }
}

export function fullStamp(pixels, width, column, line, side, colour) {
  for (let down = 0; down < side; down++) {
    const edge = corner(side, down);
    const start = (line + down) * width + column;
    pixels.fill(0xff000000 | colour, start + edge, start + side - edge);
  }
}

// The number of pixels to leave out at each end of a line, to make the dot round.
function corner(side, down) {
  const near = Math.min(down, side - 1 - down);
  return side < 3 ? 0 : Math.max(0, Math.round(side * 0.3) - near);
}
